"""A ticket of the help desk, and how updates of it add up, in whatever order they come. Pure."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from survey.erasures import Erasures
from survey.pseudonyms import is_pseudonym
from survey.settings import Settings
from survey.signing_keys import derive_key
from survey.vocabulary import Plan, TicketStatus

# The tag of a ticket whose customer was asked, by us or by an automation of Zendesk.
SURVEYED_TAG = "csat_sent"
# Zendesk closes a ticket that was merged into another one, and marks it by this tag.
MERGED_TAG = "closed_by_merge"
DONE = frozenset({TicketStatus.SOLVED, TicketStatus.CLOSED})


@dataclass(frozen=True, kw_only=True)
class TicketUpdate:
    """What the help desk says of a ticket, at its time `updated_at`.

    `team` is the slug of the group; texts that are blank there are None. `solved_at` is that of the
    last solution.
    """

    ticket_id: str
    status: TicketStatus
    updated_at: datetime
    requester_external_id: str | None = None
    requester_email: str | None = None
    team: str
    priority: str | None = None
    severity: str | None = None
    language: str | None = None
    channel: str | None = None
    tags: frozenset[str] = frozenset()
    created_at: datetime | None = None
    solved_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """A ticket as it is kept (`survey.store.models.TicketRow`)."""

    ticket_id: str
    requester_external_id: str | None
    requester_email: str | None
    customer: str | None
    status: TicketStatus
    team: str
    priority: str | None
    plan: Plan
    plan_by_hand: bool
    severity: str | None
    language: str | None
    channel: str | None
    is_surveyed: bool
    is_excluded: bool
    created_at: datetime | None
    solved_at: datetime | None
    reopened_at: datetime | None
    escalated_at: datetime | None
    updated_at: datetime
    first_seen_at: datetime

    @property
    def is_done(self) -> bool:
        """Whether the ticket is solved now, or closed for good."""
        return self.status in DONE


def update_ticket(
    known: Ticket | None, update: TicketUpdate, settings: Settings, now: datetime
) -> Ticket:
    """Return a ticket after an update; `known` is None for one that nobody has heard of.

    An update that is older than the newest one changes nothing, except that a tag which tells that
    the customer was asked is never forgotten. The team is that of the last solution: a ticket that
    is handed on afterwards keeps it. A plan that was set by hand stays. A ticket that was merged
    into another one is gone.
    """
    if MERGED_TAG in update.tags:
        update = replace(update, status=TicketStatus.GONE)
    is_surveyed = SURVEYED_TAG in update.tags or (known is not None and known.is_surveyed)
    if known is not None and update.updated_at < known.updated_at:
        return mark_surveyed(known) if is_surveyed else known
    is_done = update.status in DONE
    was_done = known is not None and known.is_done
    keeps_team = known is not None and was_done and is_done
    plan = settings.zendesk_plans.get((update.priority or "").lower(), Plan.UNKNOWN)
    escalated_tag = settings.zendesk_escalated_tag
    is_escalated = escalated_tag is not None and escalated_tag in update.tags
    solved_at = _solved_at(known, update, is_done=is_done, was_done=was_done)
    is_past = is_done and solved_at is not None and now - solved_at > longest_wait(settings)
    is_forgotten = (
        known is not None
        and known.requester_email is None
        and was_done
        and is_done
        and not _is_later(solved_at, known.solved_at)
    )
    return Ticket(
        ticket_id=update.ticket_id,
        requester_external_id=update.requester_external_id,
        requester_email=None if is_surveyed or is_past or is_forgotten else update.requester_email,
        customer=hash_customer(
            update.requester_external_id, update.requester_email, settings.require_secret_key()
        ),
        status=update.status,
        team=known.team if known is not None and keeps_team else update.team,
        priority=update.priority,
        plan=known.plan if known is not None and known.plan_by_hand else plan,
        plan_by_hand=known is not None and known.plan_by_hand,
        severity=update.severity,
        language=update.language,
        channel=update.channel,
        is_surveyed=is_surveyed,
        is_excluded=not update.tags.isdisjoint(settings.invite_excluded_tags),
        created_at=update.created_at or (known.created_at if known else None),
        solved_at=solved_at,
        reopened_at=update.updated_at
        if was_done and not is_done and update.status is not TicketStatus.GONE
        else (known.reopened_at if known else None),
        escalated_at=(known.escalated_at if known else None)
        or (update.updated_at if is_escalated else None),
        updated_at=update.updated_at,
        first_seen_at=known.first_seen_at if known else now,
    )


def hide_requester(
    update: TicketUpdate, known: Ticket | None, erasures: Erasures, now: datetime
) -> TicketUpdate:
    """Return an update without a requester who was erased since the ticket was opened: what stands
    for the requester stays. An update that is too old names nobody either.

    The help desk goes on to tell who asked, and does not know of erasures.
    """
    external_id, email = update.requester_external_id, update.requester_email
    opened_at = _opened_at(update, known, now)
    erased_by_mail = erasures.find_erased(email, opened_at) or erasures.find_erased(
        email.strip().lower() if email else None, opened_at
    )
    if external_id:
        person = erasures.find_erased(external_id, opened_at) or erasures.find_pseudonym(
            external_id, update.updated_at
        )
    elif known is not None and is_pseudonym(known.requester_external_id or ""):
        person = known.requester_external_id
    else:
        person = erased_by_mail
    if person is None and erased_by_mail is None and not erasures.forgets(update.updated_at):
        return update
    return replace(update, requester_external_id=person or external_id, requester_email=None)


def _opened_at(update: TicketUpdate, known: Ticket | None, now: datetime) -> datetime:
    """Return when a ticket was opened, as far as anybody knows: at the latest at any time that is
    told of it."""
    times = [update.created_at, update.solved_at, update.updated_at, now]
    if known is not None:
        times += [known.created_at, known.first_seen_at]
    return min(each for each in times if each is not None)


def longest_wait(settings: Settings) -> timedelta:
    """Return how long after its solution a ticket is asked about at the latest."""
    return settings.survey_delay + settings.invite_max_age


def mark_surveyed(ticket: Ticket) -> Ticket:
    """Return the ticket as one whose customer was asked: the mail address is needed no more."""
    return replace(ticket, is_surveyed=True, requester_email=None)


def hash_customer(external_id: str | None, email: str | None, secret_key: str) -> str | None:
    """Return the keyed hash by which a customer is known without their identity: of the external
    id, else of the mail address, in lower case; None for somebody who has neither, or was
    erased."""
    if external_id and is_pseudonym(external_id):
        return None
    if external_id:
        identity = f"id:{external_id}"
    elif email:
        identity = f"mail:{email.strip().lower()}"
    else:
        return None
    key = derive_key(secret_key, "customer")
    return hmac.new(key, identity.encode(), hashlib.sha256).hexdigest()


def hashes_of_customer(ticket: Ticket, secret_keys: Iterable[str]) -> frozenset[str]:
    """Return every hash by which the customer of a ticket may be known: that of the ticket, and
    those under each secret, because the customer's other tickets may have been hashed before the
    secret was changed, or after."""
    hashes = {
        hash_customer(ticket.requester_external_id, ticket.requester_email, secret_key)
        for secret_key in secret_keys
    }
    return frozenset(each for each in (ticket.customer, *hashes) if each is not None)


def _solved_at(
    known: Ticket | None, update: TicketUpdate, *, is_done: bool, was_done: bool
) -> datetime | None:
    """Return when the ticket was solved last. A help desk that does not say it is believed to have
    told us at once. A solution that is told again keeps its time: nobody decides about it anew."""
    before = known.solved_at if known else None
    if not is_done:
        return before
    if was_done and before is not None and not _is_later(update.solved_at, before):
        return before
    return update.solved_at or update.updated_at


def _is_later(solved_at: datetime | None, known: datetime | None) -> bool:
    """Return whether a solution is another one than the one we know of. A webhook tells of it to
    the minute, an import to the second."""
    if solved_at is None or known is None:
        return solved_at is not None
    return solved_at - known >= timedelta(minutes=1)


def read_status(text: str) -> TicketStatus:
    """Return a status as the help desk writes it; one that nobody knows is `open`, so that nobody
    is asked about the ticket."""
    word = text.strip().lower()
    if word == "deleted":
        return TicketStatus.GONE
    return _STATUSES.get(word, TicketStatus.OPEN)


_STATUSES: Mapping[str, TicketStatus] = {status.value: status for status in TicketStatus}
