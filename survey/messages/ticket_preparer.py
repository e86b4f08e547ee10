"""Makes what is written to tickets at Zendesk of the rows that are due, as things are now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

import structlog
from sqlalchemy import Connection

from survey.delivery.failures import DeliveryError, FailureKind
from survey.messages.outgoing import Outgoing, PartlyAccepted
from survey.messages.ticket_rows import TicketTask, writes_notes
from survey.scale import RATINGS
from survey.settings import Settings
from survey.store.database import Database
from survey.store.messages import MessageClaim, remove_messages, remove_others
from survey.store.models import ResponseRow
from survey.store.outbox import postpone, release
from survey.store.responses import find_responses
from survey.store.tickets import find_tickets
from survey.vocabulary import TicketStatus, Trust
from survey.zendesk.notes import compose_note
from survey.zendesk.tickets import Ticket
from survey.zendesk.writing import TicketWriter

RATING_TAGS = {rating: f"csat_{rating}" for rating in RATINGS}
# How many tickets one request of Zendesk's changes.
MOST_TICKETS = 100
# How much is written in one go, so that other messages are not kept waiting, and others who use
# Zendesk's API have their share of it; each is two or three requests. The rest waits.
WRITES_AT_ONCE = 40
PAUSE = timedelta(minutes=1)
# How long a rating waits for a ticket that we have not heard of, and how often it is looked for.
WAIT_FOR_TICKET = timedelta(days=1)
LOOK_AGAIN = timedelta(minutes=10)
UNKNOWN_TICKET = (
    "nobody has told us of this ticket: Zendesk's webhook does, and `csat zendesk import`"
)

log = structlog.get_logger()


@dataclass(frozen=True)
class _Due:
    """A row whose ticket is to be written to, and the response of now."""

    claim: MessageClaim
    task: TicketTask
    response: ResponseRow | None

    @property
    def rating(self) -> int:
        """The rating that the ticket shows; 0 for none."""
        return self.response.rating if self.response else 0


class TicketPreparer:
    """Makes one request of up to 100 tickets with the same rating, and one of each note."""

    claims_at_once = 1_000

    def __init__(self, settings: Settings, writer: TicketWriter) -> None:
        self._settings = settings
        self._writer = writer
        self._writes_left = WRITES_AT_ONCE

    def prepare(
        self, database: Database, claims: Sequence[MessageClaim], now: datetime
    ) -> list[Outgoing]:
        """Return what is to be written for these rows. Remove those for which nothing is, and let
        those wait whose response has changed a short time ago.

        The tickets are locked: what one of these rows writes is then at least as new as every other
        row of the ticket that is removed for it.
        """
        tickets = sorted({claim.ticket_id for claim in claims})
        with database.writing() as connection:
            database.lock_tickets(connection, tickets)
            due = self._find_due(connection, claims, now)
            outgoing = [*self._tag(due), *self._note(due)]
            outgoing, later = outgoing[: self._writes_left], outgoing[self._writes_left :]
            if later:
                release(connection, [id_ for each in later for id_ in each.ids], now + PAUSE)
        self._writes_left -= len(outgoing)
        return outgoing

    def _find_due(
        self, connection: Connection, claims: Sequence[MessageClaim], now: datetime
    ) -> list[_Due]:
        ticket_ids = [claim.ticket_id for claim in claims]
        responses = find_responses(connection, ticket_ids)
        tickets = find_tickets(connection, ticket_ids)
        due: list[_Due] = []
        unknown: list[int] = []
        needless: list[int] = []
        for claim in claims:
            response, ticket = responses.get(claim.ticket_id), tickets.get(claim.ticket_id)
            each = _Due(claim, TicketTask.of_key(claim.key), response)
            if ticket is None and not _is_ours(claim, response):
                is_new = now - claim.created_at < WAIT_FOR_TICKET
                (unknown if is_new else needless).append(claim.id)
            elif not self._is_needed(each, ticket):
                needless.append(claim.id)
            elif (settles_at := self._settles_at(response, now)) is not None:
                release(connection, [claim.id], settles_at)
            else:
                due.append(each)
        if unknown:
            postpone(connection, unknown, now + LOOK_AGAIN, UNKNOWN_TICKET, "")
        if needless:
            remove_messages(connection, needless)
            log.info("nothing to write to tickets", rows=len(needless))
        for task in TicketTask:
            same = [each.claim for each in due if each.task is task]
            remove_others(connection, same, task.prefix)
        return due

    def _is_needed(self, due: _Due, ticket: Ticket | None) -> bool:
        if ticket is not None and ticket.status is TicketStatus.GONE:
            return False
        if due.task is TicketTask.TAG:
            return True
        is_closed = ticket is not None and ticket.status is TicketStatus.CLOSED
        return writes_notes(self._settings) and not is_closed and _note_of(due) is not None

    def _settles_at(self, response: ResponseRow | None, now: datetime) -> datetime | None:
        """Return until when the response may still be changing; None if it is settled."""
        if response is None:
            return None
        settles_at = response.changed_at + self._settings.settling_delay
        # A change from later than now is from before the clock was set back.
        return settles_at if response.changed_at <= now < settles_at else None

    def _tag(self, due: Sequence[_Due]) -> list[Outgoing]:
        tagged = sorted((each for each in due if each.task is TicketTask.TAG), key=_rating)
        alike = [list(same) for _, same in groupby(tagged, key=_rating)]
        batches = [
            same[begin : begin + MOST_TICKETS]
            for same in alike
            for begin in range(0, len(same), MOST_TICKETS)
        ]
        return [self._tag_batch(batch) for batch in batches]

    def _tag_batch(self, batch: Sequence[_Due]) -> Outgoing:
        rows = {each.claim.ticket_id: each.claim.id for each in batch}
        return Outgoing(
            ids=list(rows.values()),
            waits_since=self._waits_since(batch),
            send=partial(self._write_tags, rows, batch[0].rating),
        )

    def _note(self, due: Sequence[_Due]) -> list[Outgoing]:
        return [
            Outgoing(
                ids=[each.claim.id],
                waits_since=self._waits_since([each]),
                send=partial(self._writer.add_note, each.claim.ticket_id, text),
            )
            for each in due
            if each.task is TicketTask.NOTE and (text := _note_of(each)) is not None
        ]

    def _waits_since(self, due: Sequence[_Due]) -> datetime:
        return min(each.claim.created_at for each in due) + self._settings.settling_delay

    def _write_tags(self, rows: Mapping[str, int], rating: int) -> None:
        """Write the tag of a rating to tickets, and take the others away. Raise PartlyAccepted for
        those of `rows`, which are by ticket, that were refused."""
        refused = self._replace_tags(list(rows), rating)
        if refused:
            raise PartlyAccepted({rows[ticket_id]: each for ticket_id, each in refused.items()})

    def _replace_tags(self, tickets: Sequence[str], rating: int) -> Mapping[str, DeliveryError]:
        add = [tag for number, tag in RATING_TAGS.items() if number == rating]
        remove = [tag for tag in RATING_TAGS.values() if tag not in add]
        try:
            return self._writer.replace_tags(tickets, add, remove)
        except DeliveryError as error:
            if error.kind is not FailureKind.REJECTED:
                raise
            if len(tickets) == 1:
                return {tickets[0]: error}
        # One of them may be what is refused; the others must not suffer for it.
        return {
            ticket_id: error
            for each in tickets
            for ticket_id, error in self._replace_tags([each], rating).items()
        }


def _is_ours(claim: MessageClaim, response: ResponseRow | None) -> bool:
    """Return whether we made the link ourselves, so that its ticket is one of Zendesk's. Any number
    can stand in the others."""
    return Trust.SIGNED in (claim.payload, response.link_trust if response else None)


def _note_of(due: _Due) -> str | None:
    response = due.response
    if response is None or not response.comment:
        return None
    return compose_note(response.comment, Trust(response.link_trust))


def _rating(due: _Due) -> int:
    return due.rating
