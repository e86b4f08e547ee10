"""Decides which customers are asked: a job of `csat tick`, and the work of `csat invite`."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from survey.invitations.deciding import CustomerState, decide
from survey.invitations.payload import invitation_row
from survey.settings import Settings, SettingsError
from survey.store.database import Database
from survey.store.inviting import (
    TAG,
    Invitation,
    Place,
    find_asked_by_tag,
    find_being_asked,
    find_due,
    find_last_asked,
    find_unsubscribed,
    forget_addresses,
    save_invitations,
)
from survey.store.messages import add_messages
from survey.vocabulary import InvitationOutcome
from survey.zendesk.tickets import Ticket, hashes_of_customer

# So many tickets are decided in one transaction.
BATCH = 500
_BEGIN = Place(datetime.min.replace(tzinfo=UTC), "")


@dataclass
class Decided:
    """What was decided: the outcome of each ticket."""

    outcomes: dict[str, InvitationOutcome] = field(default_factory=dict)

    def __str__(self) -> str:
        counts = Counter(self.outcomes.values())
        queued = counts.pop(InvitationOutcome.QUEUED, 0)
        tagged = counts.pop(InvitationOutcome.ASKED, 0)
        reasons = ", ".join(f"{counts[each]} {each}" for each in InvitationOutcome if counts[each])
        parts = []
        if queued:
            parts.append(f"{queued} to ask")
        if tagged:
            parts.append(f"{tagged} asked by the help desk")
        if reasons:
            parts.append(f"{counts.total()} not asked ({reasons})")
        return ", ".join(parts)


def invite_due(database: Database, settings: Settings, now: datetime) -> str | None:
    """Decide whom to ask: a job of `csat tick`, whose next one sends the invitations.

    Note those whom the help desk has asked, also while we ask nobody.
    """
    decided = decide_due(database, settings, now)
    return f"invitations: {decided}" if decided.outcomes else None


def require_inviting(settings: Settings) -> None:
    """Raise SettingsError if nobody is to be asked."""
    if settings.invite == "off":
        raise SettingsError(
            "CSAT_INVITE is off, so nobody is asked. Set it to smtp, and the invitations go out by "
            "CSAT_SMTP_URL, or to zendesk, and Zendesk mails them."
        )


def decide_due(
    database: Database, settings: Settings, now: datetime, *, is_trial: bool = False
) -> Decided:
    """Decide about all tickets that are due, and queue the invitations; a trial keeps nothing.

    Raise SettingsError if invitations need a setting that is missing.
    """
    searches: list[Search] = [find_asked_by_tag]
    if settings.invite != "off":
        settings.require_secret_key()  # signs the links that unsubscribe
        searches.append(partial(find_due, solved_until=now - settings.survey_delay))
    deciding = _Deciding(settings, now)
    for search in searches:
        place: Place | None = _BEGIN
        while place is not None:
            # To search takes longer than to decide, and nobody else can write while we do.
            with database.reading() as connection:
                found = search(connection, place, BATCH)
                if is_trial:
                    deciding.decide(connection, found)
            if found and not is_trial:
                _decide_and_keep(database, deciding, search, place, found)
            place = _behind(found[-1]) if len(found) == BATCH else None
    return deciding.decided


class Search(Protocol):
    """A search for tickets to decide about: the next ones behind a place, or those among some."""

    def __call__(
        self,
        connection: Connection,
        after: Place,
        at_most: int,
        *,
        among: Sequence[str] | None = None,
    ) -> list[Ticket]:
        """Return the tickets."""


def _decide_and_keep(
    database: Database,
    deciding: "_Deciding",
    search: Search,
    place: Place,
    found: Sequence[Ticket],
) -> None:
    """Decide about those of the tickets that nobody has decided about meanwhile."""
    with database.writing() as connection:
        database.lock_invitations(connection)
        among = [ticket.ticket_id for ticket in found]
        tickets = search(connection, place, BATCH, among=among)
        decided = deciding.decide(connection, tickets)
        save_invitations(connection, [invitation for _, invitation in decided])
        rows = [
            invitation_row(ticket, deciding.now)
            for ticket, invitation in decided
            if invitation.outcome is InvitationOutcome.QUEUED
        ]
        add_messages(connection, rows, deciding.now)
        queued = {row.ticket_id for row in rows}
        unasked = [ticket.ticket_id for ticket, _ in decided if ticket.ticket_id not in queued]
        forget_addresses(connection, unasked)


class _Deciding:
    """Decides about tickets, one batch after another; keeps in mind who is asked."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self.now = now
        self.decided = Decided()
        self._settings = settings
        self._being_asked: set[str] = set()
        self._last_asked: dict[str, datetime] = {}

    def decide(
        self, connection: Connection, tickets: Sequence[Ticket]
    ) -> list[tuple[Ticket, Invitation]]:
        """Return what is decided about these tickets, without those that have to wait."""
        known = [(each, hashes_of_customer(each, self._settings.secret_keys)) for each in tickets]
        hashes = frozenset[str]().union(*(of_ticket for _, of_ticket in known))
        self._being_asked |= find_being_asked(connection, hashes)
        for customer, asked_at in find_last_asked(connection, hashes).items():
            self._note_asked([customer], asked_at)
        unsubscribed = find_unsubscribed(connection, hashes)
        decided = []
        for ticket, of_ticket in known:
            is_unsubscribed = not unsubscribed.isdisjoint(of_ticket)
            invitation = self._decide(ticket, of_ticket, is_unsubscribed=is_unsubscribed)
            if invitation is not None:
                self.decided.outcomes[ticket.ticket_id] = invitation.outcome
                decided.append((ticket, invitation))
        return decided

    def _decide(
        self, ticket: Ticket, hashes: Collection[str], *, is_unsubscribed: bool
    ) -> Invitation | None:
        assert ticket.solved_at is not None  # the search finds no other
        asked = [self._last_asked[each] for each in hashes if each in self._last_asked]
        state = CustomerState(
            last_asked_at=max(asked, default=None),
            is_unsubscribed=is_unsubscribed,
            is_being_asked=not self._being_asked.isdisjoint(hashes),
        )
        outcome = decide(ticket, self._settings, self.now, state)
        if outcome is None:
            return None
        is_by_tag = outcome is InvitationOutcome.ASKED
        asked_at = ticket.solved_at + self._settings.survey_delay if is_by_tag else None
        if asked_at is not None:
            self._note_asked(hashes, asked_at)
        if outcome is InvitationOutcome.QUEUED:
            self._being_asked.update(hashes)
        return Invitation(
            ticket_id=ticket.ticket_id,
            outcome=outcome,
            means=TAG if is_by_tag else None,
            solved_at=ticket.solved_at,
            decided_at=self.now,
            asked_at=asked_at,
            team=ticket.team,
            plan=ticket.plan,
            language=ticket.language,
            customer=ticket.customer,
        )

    def _note_asked(self, hashes: Iterable[str], asked_at: datetime) -> None:
        for each in hashes:
            self._last_asked[each] = max(asked_at, self._last_asked.get(each, asked_at))


def _behind(ticket: Ticket) -> Place:
    assert ticket.solved_at is not None
    return Place(ticket.solved_at, ticket.ticket_id)
