"""Functions that keep who is asked about a ticket, who was, why not, and who wants no mail."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnExpressionArgument,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)

from survey.store.changes import note_instants
from survey.store.models import InvitationRow, OutboxRow, TicketRow, UnsubscribedRow
from survey.store.outbox import WAITING
from survey.store.tickets import read_ticket
from survey.vocabulary import InvitationOutcome, TicketStatus
from survey.zendesk.tickets import DONE, Ticket

# The means of an invitation that the help desk sent by itself, as its tag says.
TAG = "tag"
# A ticket whose customer was asked, or is about to be, is never decided again.
_FINAL = (InvitationOutcome.SENT, InvitationOutcome.QUEUED, InvitationOutcome.ASKED)
_KEY_PREFIX = "invitation:"

_INSTANT = InvitationRow.solved_at.type
_COLUMNS = tuple(InvitationRow.__table__.columns.keys())
_SAVE = text(
    f"INSERT INTO invitations ({', '.join(_COLUMNS)})"  # nosec B608 # columns of ours
    f" VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
    " ON CONFLICT (ticket_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "ticket_id")
).bindparams(*(bindparam(name, type_=_INSTANT) for name in _COLUMNS if name.endswith("_at")))
_UNSUBSCRIBE = text(
    "INSERT INTO unsubscribed (customer, unsubscribed_at) VALUES (:customer, :now)"
    " ON CONFLICT (customer) DO NOTHING"
).bindparams(bindparam("now", type_=_INSTANT))

_IS_UNDECIDED = InvitationRow.ticket_id.is_(None)
_IS_NOT_ASKED = InvitationRow.outcome.not_in([each.value for each in _FINAL])
_IS_SOLVED_AGAIN = and_(_IS_NOT_ASKED, InvitationRow.solved_at < TicketRow.solved_at)
_IS_QUEUED = InvitationRow.outcome == InvitationOutcome.QUEUED.value
_IS_OVER = TicketRow.status.in_([each.value for each in (*DONE, TicketStatus.GONE)])


def _select_tickets(*conditions: ColumnExpressionArgument[bool]) -> Select[Any]:
    """Return the statement that finds solved tickets under these conditions, page by page."""
    place = tuple_(TicketRow.solved_at, TicketRow.ticket_id)
    return (
        select(TicketRow.__table__)
        .outerjoin(InvitationRow, InvitationRow.ticket_id == TicketRow.ticket_id)
        .where(
            *conditions,
            # The index is by time alone.
            TicketRow.solved_at >= bindparam("from_time", type_=_INSTANT),
            place > tuple_(bindparam("from_time", type_=_INSTANT), bindparam("after_ticket")),
        )
        .order_by(TicketRow.solved_at, TicketRow.ticket_id)
        .limit(bindparam("at_most"))
    )


_ASKED_BY_TAG = _select_tickets(TicketRow.is_surveyed, _IS_OVER, or_(_IS_UNDECIDED, _IS_NOT_ASKED))
_DUE = _select_tickets(
    TicketRow.solved_at <= bindparam("solved_until", type_=_INSTANT),
    or_(_IS_UNDECIDED, _IS_SOLVED_AGAIN),
)


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """What was decided about asking the customer of a ticket (`InvitationRow`)."""

    ticket_id: str
    outcome: InvitationOutcome
    means: str | None
    solved_at: datetime
    decided_at: datetime
    asked_at: datetime | None
    team: str
    plan: str
    language: str | None
    customer: str | None


@dataclass(frozen=True)
class Place:
    """Where a search for tickets goes on: behind a ticket, by the time of its solution."""

    solved_at: datetime
    ticket_id: str


def invitation_key(ticket_id: str) -> str:
    """Return the key of a ticket's invitation in the outbox."""
    return _KEY_PREFIX + ticket_id


def find_asked_by_tag(
    connection: Connection, after: Place, at_most: int, *, among: Sequence[str] | None = None
) -> list[Ticket]:
    """Return the next tickets whose tag says that the help desk has asked, which nobody noted;
    with `among`, only those among some."""
    return _find(connection, _ASKED_BY_TAG, after, at_most, among)


def find_due(
    connection: Connection,
    after: Place,
    at_most: int,
    *,
    solved_until: datetime,
    among: Sequence[str] | None = None,
) -> list[Ticket]:
    """Return the next tickets that were solved so long ago and are not decided, or were solved
    again after nobody was asked; with `among`, only those among some."""
    return _find(connection, _DUE, after, at_most, among, solved_until=solved_until)


def _find(
    connection: Connection,
    statement: Select[Any],
    after: Place,
    at_most: int,
    among: Sequence[str] | None,
    **values: datetime,
) -> list[Ticket]:
    if among is not None:
        statement = statement.where(TicketRow.ticket_id.in_(among))
    place = {"from_time": after.solved_at, "after_ticket": after.ticket_id}
    rows = connection.execute(statement, {**place, **values, "at_most": at_most}).mappings()
    return [read_ticket(dict(row)) for row in rows]


def save_invitations(connection: Connection, invitations: Sequence[Invitation]) -> None:
    """Keep decisions; an earlier one of the same ticket is replaced."""
    if not invitations:
        return
    _note_kept(connection, [each.ticket_id for each in invitations])
    connection.execute(_SAVE, [vars(each) for each in invitations])
    note_instants(connection, {each.asked_at or each.decided_at for each in invitations})


def save_outcome(
    connection: Connection,
    ticket_id: str,
    outcome: InvitationOutcome,
    now: datetime,
    *,
    means: str | None = None,
    asked_at: datetime | None = None,
) -> bool:
    """Keep what became of an invitation that was to be sent; return False if it was not: another
    worker was faster."""
    _note_kept(connection, [ticket_id])
    queued = update(InvitationRow).where(InvitationRow.ticket_id == ticket_id, _IS_QUEUED)
    values = {"outcome": outcome.value, "decided_at": now, "means": means, "asked_at": asked_at}
    is_kept = connection.execute(queued.values(values)).rowcount == 1
    note_instants(connection, [asked_at or now])
    return is_kept


def remove_queued(connection: Connection, ticket_id: str) -> bool:
    """Forget an invitation that was to be sent, so that its ticket is decided again; return False
    if it was not: another worker was faster."""
    _note_kept(connection, [ticket_id])
    queued = delete(InvitationRow).where(InvitationRow.ticket_id == ticket_id, _IS_QUEUED)
    return connection.execute(queued).rowcount == 1


def _note_kept(connection: Connection, ticket_ids: Sequence[str]) -> None:
    """Note the days of decisions that are about to change."""
    instant = func.coalesce(InvitationRow.asked_at, InvitationRow.decided_at, type_=_INSTANT)
    kept = select(instant).where(InvitationRow.ticket_id.in_(ticket_ids))
    note_instants(connection, connection.scalars(kept))


def find_invitation(connection: Connection, ticket_id: str) -> Invitation | None:
    """Return what was decided about a ticket; None if nothing was."""
    found = select(InvitationRow.__table__).where(InvitationRow.ticket_id == ticket_id)
    row = connection.execute(found).mappings().one_or_none()
    if row is None:
        return None
    return Invitation(**{**row, "outcome": InvitationOutcome(row["outcome"])})


def find_last_asked(connection: Connection, customers: Collection[str]) -> dict[str, datetime]:
    """Return when each of these customers was asked last, without those who never were."""
    newest = func.max(InvitationRow.asked_at, type_=_INSTANT)
    found = (
        select(InvitationRow.customer, newest)
        .where(InvitationRow.customer.in_(customers))
        .group_by(InvitationRow.customer)
    )
    rows = connection.execute(found)
    return {str(customer): asked_at for customer, asked_at in rows if asked_at is not None}


def find_being_asked(connection: Connection, customers: Collection[str]) -> set[str]:
    """Return those of these customers for whom an invitation waits to be sent."""
    key = bindparam("prefix", _KEY_PREFIX).concat(InvitationRow.ticket_id)
    found = (
        select(InvitationRow.customer)
        .join(OutboxRow, OutboxRow.message_key == key)
        .where(
            InvitationRow.customer.in_(customers),
            _IS_QUEUED,
            *WAITING,
        )
    )
    return set(connection.scalars(found))


def find_unsubscribed(connection: Connection, customers: Collection[str]) -> set[str]:
    """Return those of these customers who want no invitations."""
    found = select(UnsubscribedRow.customer).where(UnsubscribedRow.customer.in_(customers))
    return set(connection.scalars(found))


def save_unsubscribed(connection: Connection, customer: str, now: datetime) -> None:
    """Keep that a customer wants no more invitations."""
    connection.execute(_UNSUBSCRIBE, {"customer": customer, "now": now})


def forget_addresses(connection: Connection, ticket_ids: Sequence[str]) -> None:
    """Forget the mail addresses of tickets that nobody is asked about. A ticket that is solved
    again brings its address again."""
    if ticket_ids:
        among = update(TicketRow).where(TicketRow.ticket_id.in_(ticket_ids))
        connection.execute(among.values(requester_email=None))


def mark_unasked(connection: Connection, ticket_id: str, requester_email: str | None) -> None:
    """Keep that the customer of a ticket was not asked after all: our tag was taken back."""
    unasked = update(TicketRow).where(TicketRow.ticket_id == ticket_id)
    connection.execute(unasked.values(is_surveyed=False, requester_email=requester_email))
