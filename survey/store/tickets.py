"""Functions that keep tickets of the help desk, and the intervals in which customers waited."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from survey.settings import Settings
from survey.store.changes import note_waits
from survey.store.database import Database
from survey.store.erasures import read_erasures
from survey.store.models import (
    ReplyIntervalRow,
    TicketRow,
    WebhookInvocationRow,
    ZendeskCursorRow,
)
from survey.vocabulary import Plan, TicketStatus
from survey.zendesk.tickets import Ticket, TicketUpdate, hide_requester, update_ticket

# An import reads tickets, and the events of their replies.
STREAMS = 2

_COLUMNS = tuple(TicketRow.__table__.columns.keys())
_AMONG = select(TicketRow.__table__).where(
    TicketRow.ticket_id.in_(bindparam("ticket_ids", expanding=True))
)
_INTERVALS_AMONG = select(ReplyIntervalRow.__table__).where(
    ReplyIntervalRow.ticket_id.in_(bindparam("ticket_ids", expanding=True))
)
_ANY_WAIT = (
    select(ReplyIntervalRow.ticket_id)
    .where(ReplyIntervalRow.ticket_id.in_(bindparam("ticket_ids", expanding=True)))
    .limit(1)
)
_INSTANT = TicketRow.updated_at.type
_SAVE = text(
    f"INSERT INTO tickets ({', '.join(_COLUMNS)})"  # nosec B608 # columns of ours
    f" VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
    " ON CONFLICT (ticket_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "ticket_id")
).bindparams(*(bindparam(name, type_=TicketRow.__table__.c[name].type) for name in _COLUMNS))
_SAVE_INTERVAL = text(
    "INSERT INTO reply_intervals (ticket_id, instance, activated_at, replied_at, ended_at)"
    " VALUES (:ticket_id, :instance, :activated_at, :replied_at, :ended_at)"
    " ON CONFLICT (ticket_id, instance) DO UPDATE SET activated_at = excluded.activated_at,"
    " replied_at = excluded.replied_at, ended_at = excluded.ended_at"
).bindparams(
    *(bindparam(name, type_=_INSTANT) for name in ("activated_at", "replied_at", "ended_at"))
)
_TAKE_INVOCATIONS = {
    name: insert(WebhookInvocationRow)
    .on_conflict_do_nothing(index_elements=[WebhookInvocationRow.invocation_id])
    .returning(WebhookInvocationRow.invocation_id)
    for name, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}
_REQUESTERS = select(TicketRow.ticket_id, TicketRow.requester_external_id).where(
    TicketRow.ticket_id.in_(bindparam("ticket_ids", expanding=True))
)
_REQUESTER = select(TicketRow.requester_external_id).where(
    TicketRow.ticket_id == bindparam("ticket_id")
)
_SAVE_CURSOR = text(
    "INSERT INTO zendesk_cursors (stream, cursor, saved_at) VALUES (:stream, :cursor, :now)"
    " ON CONFLICT (stream) DO UPDATE SET cursor = excluded.cursor, saved_at = excluded.saved_at"
).bindparams(bindparam("now", type_=_INSTANT))


@dataclass(frozen=True)
class ReplyInterval:
    """A time in which a customer waited for a reply (`ReplyIntervalRow`)."""

    ticket_id: str
    instance: int
    activated_at: datetime
    replied_at: datetime | None = None
    ended_at: datetime | None = None


def save_updates(
    database: Database,
    connection: Connection,
    updates: Sequence[TicketUpdate],
    settings: Settings,
    now: datetime,
) -> list[Ticket]:
    """Keep what the help desk says of tickets, in a writing transaction; return the tickets as they
    are then. Updates may come in any order, and again. Requesters who were erased stay erased."""
    ticket_ids = sorted({each.ticket_id for each in updates})
    database.lock_tickets(connection, ticket_ids)
    known = find_tickets(connection, ticket_ids)
    reported = {ticket_id: _reported(ticket) for ticket_id, ticket in known.items()}
    erasures = read_erasures(connection, settings.secret_keys)
    for each in sorted(updates, key=lambda each: each.updated_at):
        ticket = known.get(each.ticket_id)
        shown = hide_requester(each, ticket, erasures, now) if erasures else each
        known[each.ticket_id] = update_ticket(ticket, shown, settings, now)
    if known:
        connection.execute(_SAVE, [vars(ticket) for ticket in known.values()])
    changed = [each for each, ticket in known.items() if reported.get(each) != _reported(ticket)]
    if changed and connection.execute(_ANY_WAIT, {"ticket_ids": changed}).first():
        note_waits(connection)
    return list(known.values())


def find_tickets(connection: Connection, ticket_ids: Sequence[str]) -> dict[str, Ticket]:
    """Return those of these tickets that are kept."""
    rows = connection.execute(_AMONG, {"ticket_ids": ticket_ids}).mappings()
    return {row["ticket_id"]: read_ticket(dict(row)) for row in rows}


def find_ticket(connection: Connection, ticket_id: str) -> Ticket | None:
    """Return a ticket; None if it is not kept."""
    return find_tickets(connection, [ticket_id]).get(ticket_id)


def find_requesters(connection: Connection, ticket_ids: Sequence[str]) -> dict[str, str | None]:
    """Return the external id of the requester of each of these tickets that is kept; None for a
    requester who has none."""
    if not ticket_ids:
        return {}
    rows = connection.execute(_REQUESTERS, {"ticket_ids": ticket_ids})
    return {row[0]: row[1] for row in rows}


def find_requester(database: Database, ticket_id: str) -> str | None:
    """Return the external id of a ticket's requester; None if the ticket is not kept, or its
    requester has none."""
    found = database.ask(_REQUESTER, ticket_id=ticket_id)
    return None if found is None else str(found)


def set_plan(connection: Connection, ticket_id: str, plan: Plan) -> bool:
    """Set the plan of a ticket by hand: no update changes it any more. Return False if the ticket
    is not kept."""
    changed = update(TicketRow).where(TicketRow.ticket_id == ticket_id)
    note_waits(connection)
    return connection.execute(changed.values(plan=plan, plan_by_hand=True)).rowcount == 1


def mark_asked(connection: Connection, ticket_id: str) -> None:
    """Keep that the customer of a ticket was asked, and forget the mail address: the keyed hash of
    the customer stays."""
    asked = update(TicketRow).where(TicketRow.ticket_id == ticket_id)
    connection.execute(asked.values(is_surveyed=True, requester_email=None))


def find_intervals(connection: Connection, ticket_ids: Sequence[str]) -> list[ReplyInterval]:
    """Return the reply intervals of these tickets."""
    rows = connection.execute(_INTERVALS_AMONG, {"ticket_ids": ticket_ids}).mappings()
    return [ReplyInterval(**row) for row in rows]


def save_intervals(connection: Connection, intervals: Iterable[ReplyInterval]) -> None:
    """Keep reply intervals; one that is kept already is replaced."""
    rows = [vars(each) for each in intervals]
    if rows:
        connection.execute(_SAVE_INTERVAL, rows)
        note_waits(connection)


def take_invocations(
    connection: Connection, invocation_ids: Collection[str], now: datetime
) -> frozenset[str]:
    """Keep that deliveries of a webhook were taken; return those that were not taken before.

    If another transaction takes one of them, wait for its end.
    """
    # All transactions insert in the same order, so that no two wait for each other.
    rows = [{"invocation_id": each, "received_at": now} for each in sorted(invocation_ids)]
    if not rows:
        return frozenset()
    statement = _TAKE_INVOCATIONS[connection.dialect.name]
    return frozenset(connection.scalars(statement, rows))


def prune_invocations(connection: Connection, now: datetime, keep: timedelta) -> int:
    """Forget deliveries that are so old that nobody sends them again; return how many. The newest
    stays: it tells when a webhook came last."""
    newest = select(func.max(WebhookInvocationRow.received_at)).scalar_subquery()
    old = delete(WebhookInvocationRow).where(
        WebhookInvocationRow.received_at < now - keep, WebhookInvocationRow.received_at < newest
    )
    return connection.execute(old).rowcount


def newest_invocation_at(connection: Connection) -> datetime | None:
    """Return when the newest delivery of a webhook came; None if none did."""
    return connection.scalar(select(func.max(WebhookInvocationRow.received_at)))


def read_cursor(connection: Connection, stream: str) -> str | None:
    """Return where the import of a stream goes on; None if it never ran."""
    return connection.scalar(
        select(ZendeskCursorRow.cursor).where(ZendeskCursorRow.stream == stream)
    )


def save_cursor(connection: Connection, stream: str, cursor: str, now: datetime) -> None:
    """Keep where the import of a stream goes on."""
    connection.execute(_SAVE_CURSOR, {"stream": stream, "cursor": cursor, "now": now})


def last_import_at(connection: Connection) -> datetime | None:
    """Return when the last import saved its place, in the stream that is further behind; None if a
    stream was never read."""
    saved = list(connection.scalars(select(ZendeskCursorRow.saved_at)))
    return min(saved) if len(saved) == STREAMS else None


def count_without_external_id(
    connection: Connection, opens_at: datetime, closes_at: datetime
) -> int:
    """Return how many tickets that were solved in `[opens_at, closes_at)` have a requester without
    external id."""
    counted = select(func.count()).where(
        TicketRow.solved_at >= opens_at,
        TicketRow.solved_at < closes_at,
        TicketRow.requester_external_id.is_(None),
    )
    return connection.scalar(counted) or 0


def _reported(ticket: Ticket) -> tuple[object, ...]:
    """Return what a report of response targets says of a ticket."""
    return ticket.team, ticket.plan, ticket.severity, ticket.escalated_at


def read_ticket(row: Mapping[str, object]) -> Ticket:
    """Return the ticket of a row."""
    values = {
        **row,
        "status": TicketStatus(str(row["status"])),
        "plan": Plan(str(row["plan"])),
    }
    return Ticket(**values)  # type: ignore[arg-type]
