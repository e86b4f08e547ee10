"""Finds what an erasure concerns, in every table that can hold identities or words.

Each condition finds all that is to be erased, and perhaps more: a text is looked for in JSON as it
may be written there. `survey.erasing.steps` looks at each row that was found.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    false,
    func,
    inspect,
    or_,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from survey.erasing.target import Person, Target
from survey.erasing.words import ERASED, names_person
from survey.erasures import read_user
from survey.links import anonymous_person
from survey.outbox_payloads import unpack_event
from survey.pseudonyms import is_pseudonym
from survey.store.erasures import is_erased
from survey.store.models import (
    AnswerCopyRow,
    AnswerRow,
    AuditRow,
    Base,
    Channel,
    InvitationRow,
    LedgerEntryRow,
    MarkRow,
    Origin,
    OutboxRow,
    ResponseRow,
    TicketRow,
    VoidChangeRow,
    VoidRow,
)
from survey.vocabulary import Trust

Rows = Mapping[Any, Mapping[str, Any]]
Condition = ColumnElement[bool]
Texts = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]

_HOLDING: tuple[type[Base], ...] = (
    *(AnswerRow, AnswerCopyRow, ResponseRow, OutboxRow, TicketRow, InvitationRow),
    *(VoidRow, VoidChangeRow, AuditRow, MarkRow),
)
# The tables that hold identities or words, for a database that must be told to clean them.
TABLES = tuple(str(inspect(table).local_table) for table in _HOLDING)


def find_keys(
    connection: Connection, key: InstrumentedAttribute[Any], condition: Condition
) -> list[Any]:
    """Return the keys of the rows under a condition, in their order."""
    return list(connection.scalars(select(key).where(condition).order_by(key)))


def read_rows(
    connection: Connection, key: InstrumentedAttribute[Any], keys: Sequence[Any], *, lock: bool
) -> Rows:
    """Return those of the rows that are still there, by key. With `lock`, nobody else changes them
    until the transaction ends, and those that somebody is changing now are left out."""
    rows: Select[Any] = select(key.class_.__table__).where(key.in_(keys)).order_by(key)
    if lock:
        rows = rows.with_for_update(skip_locked=True)
    return {row[key.key]: dict(row) for row in connection.execute(rows).mappings()}


def write_rows(
    connection: Connection,
    key: InstrumentedAttribute[Any],
    changes: Mapping[Any, Mapping[str, Any]],
) -> None:
    """Set columns of rows, the same ones for each, by key."""
    if not changes:
        return
    names = list(next(iter(changes.values())))
    statement = update(key.class_).where(key == bindparam("of_key"))
    statement = statement.values({name: bindparam(f"new_{name}") for name in names})
    rows = [
        {"of_key": own, **{f"new_{name}": values[name] for name in names}}
        for own, values in changes.items()
    ]
    connection.execute(statement, rows)


def remove_rows(
    connection: Connection, key: InstrumentedAttribute[Any], keys: Sequence[Any]
) -> None:
    """Delete rows by key."""
    connection.execute(delete(key.class_).where(key.in_(keys)))


def forget_customers(connection: Connection, ticket_ids: Sequence[str]) -> int:
    """Forget who the customers of these invitations are; return of how many it was known."""
    known = update(InvitationRow).where(
        InvitationRow.ticket_id.in_(ticket_ids), InvitationRow.customer.is_not(None)
    )
    return connection.execute(known.values(customer=None)).rowcount


def concerns_answers(
    connection: Connection, table: type[AnswerRow] | type[AnswerCopyRow], target: Target
) -> Condition:
    """Return the condition of answers, or of copies of them."""
    if target.person is not None:
        by_user = and_(
            _is_imported(table),
            table.erased_at.is_(None),
            contains_any(connection, table.properties, _as_json(target.person)),
        )
        return or_(table.distinct_id.in_(target.person.names), by_user)
    if target.ticket_id is not None:
        return and_(table.ticket_id == target.ticket_id, table.erased_at.is_(None))
    # An answer whose words were removed may still have its identity.
    stand_in = anonymous_person("") + func.coalesce(table.ticket_id, "")
    has_identity = and_(~is_erased(table.distinct_id), table.distinct_id != stand_in)
    is_left = or_(table.erased_at.is_(None), has_identity)
    return and_(_is_in_time(table.answered_at, target), is_left)


def concerns_responses(target: Target) -> Condition:
    """Return the condition of responses, of which only what is to be erased is found."""
    if target.person is not None:
        return ResponseRow.distinct_id.in_(target.person.names)
    if target.ticket_id is not None:
        until = target.erasures.tickets[target.ticket_id]
        return and_(
            ResponseRow.ticket_id == target.ticket_id,
            ResponseRow.comment.is_not(None),
            ResponseRow.changed_at <= until,
        )
    stand_in = anonymous_person("") + ResponseRow.ticket_id
    is_left = and_(~is_erased(ResponseRow.distinct_id), ResponseRow.distinct_id != stand_in)
    return and_(_is_in_time(ResponseRow.answered_at, target), is_left)


def concerns_events(connection: Connection, origin: Texts, target: Target) -> Condition:
    """Return the condition of events in the outbox that have this origin: the uuid of an answer or
    of a page view."""
    if target.person is not None:
        of_target = contains_any(connection, OutboxRow.payload, _as_json(target.person))
    elif target.ticket_id is not None:
        of_target = OutboxRow.ticket_id == target.ticket_id
    else:
        # An event is stored when it happens, but for the clock.
        of_target = _is_in_time(OutboxRow.created_at, target)
    return and_(OutboxRow.channel == Channel.POSTHOG.value, origin.is_not(None), of_target)


def concerns_refusals(connection: Connection, target: Target) -> Condition:
    """Return the condition of rows of the outbox with a receiver's words, which may repeat what was
    sent: those of the target, and those that were refused together with them."""
    has_words = OutboxRow.error_message.is_not(None)
    own: Condition
    names: Condition
    if target.person is not None:
        own = OutboxRow.ticket_id.in_(tickets_answered_by(target.person))
        names = contains_any(connection, OutboxRow.error_message, _as_json(target.person))
    elif target.ticket_id is not None:
        own, names = OutboxRow.ticket_id == target.ticket_id, false()
    else:
        return and_(has_words, _is_in_time(OutboxRow.created_at, target))
    together = select(OutboxRow.error_message).where(own, has_words)
    return and_(has_words, or_(OutboxRow.error_message.in_(together), names))


def concerns_tickets(target: Target) -> Condition:
    """Return the condition of tickets: those of the person as requester, and those that the person
    has answered by a link that proves it, where the help desk names nobody."""
    if target.ticket_id is not None:
        return false()
    has_identity = or_(TicketRow.requester_email.is_not(None), TicketRow.customer.is_not(None))
    if target.person is not None:
        answered = select(ResponseRow.ticket_id).where(
            ResponseRow.distinct_id.in_((*target.person.names, target.person.pseudonym)),
            ResponseRow.link_trust != Trust.UNVERIFIED.value,
        )
        is_nobodys = and_(TicketRow.requester_external_id.is_(None), has_identity)
        return or_(is_requester(target.person), and_(is_nobodys, TicketRow.ticket_id.in_(answered)))
    external_id = TicketRow.requester_external_id
    is_named = and_(external_id.is_not(None), ~is_erased(external_id))
    return and_(_is_in_time(TicketRow.updated_at, target), or_(is_named, has_identity))


def concerns_waiting_invitations(connection: Connection, target: Target) -> Condition:
    """Return the condition of invitations in the outbox that were not sent."""
    if target.ticket_id is not None:
        return false()
    is_left = and_(OutboxRow.channel == Channel.INVITATION.value, OutboxRow.delivered_at.is_(None))
    if target.person is None:
        return and_(is_left, _is_in_time(OutboxRow.created_at, target))
    mail = target.person.distinct_id.strip().lower()
    names = contains_any(connection, func.lower(OutboxRow.payload), escape_forms(mail))
    return and_(is_left, or_(names, OutboxRow.ticket_id.in_(requested_by(target.person))))


def concerns_invitations(target: Target) -> Condition:
    """Return the condition of decisions about invitations that hold who the customer is."""
    if target.ticket_id is not None:
        return false()
    has_customer = InvitationRow.customer.is_not(None)
    if target.person is None:
        decided_at = func.coalesce(InvitationRow.asked_at, InvitationRow.decided_at)
        return and_(has_customer, _is_in_time(decided_at, target))
    is_own = or_(
        InvitationRow.customer.in_(target.person.customers),
        InvitationRow.ticket_id.in_(requested_by(target.person)),
    )
    return and_(has_customer, is_own)


def concerns_reasons(table: type[VoidRow] | type[VoidChangeRow], target: Target) -> Condition:
    """Return the condition of the reasons why a person's tickets were made void, or count again. In
    the reasons of other tickets only the name is hidden (`concerns_texts`)."""
    if target.ticket_id is not None:
        return false()
    written_at = table.voided_at if table is VoidRow else VoidChangeRow.changed_at
    if target.person is None:
        return and_(table.reason != ERASED, _is_in_time(written_at, target))
    of_person = table.ticket_id.in_(tickets_answered_by(target.person))
    return and_(table.reason != ERASED, of_person)


def concerns_texts(connection: Connection, texts: Texts, target: Target) -> Condition:
    """Return the condition of rows in which users wrote the distinct_id of a person."""
    if target.person is None:
        return false()
    return contains_any(connection, texts, [target.person.distinct_id])


def tickets_of(connection: Connection, person: Person) -> list[str]:
    """Return the tickets that a person has answered, or asked at the help desk, in their order."""
    found = {
        *connection.scalars(tickets_answered_by(person)),
        *connection.scalars(requested_by(person)),
    }
    return sorted(found)


def find_identities(connection: Connection) -> set[str]:
    """Return all identities that answers, copies and tickets hold, pseudonyms left out."""
    found: set[str] = set()
    for column in (
        AnswerRow.distinct_id,
        AnswerCopyRow.distinct_id,
        TicketRow.requester_external_id,
        TicketRow.requester_email,
    ):
        given = select(column).where(column.is_not(None)).distinct()
        found.update(str(each) for each in connection.scalars(given))
    # A mail address is one person's, however it is written.
    found |= {each.strip().lower() for each in found if "@" in each}
    for table in (AnswerRow, AnswerCopyRow):
        named = select(table.properties).where(_is_imported(table), table.erased_at.is_(None))
        for properties in connection.scalars(named.execution_options(yield_per=10_000)):
            found.add(read_user(str(properties)) or "")
    events = select(OutboxRow.payload).where(OutboxRow.channel == Channel.POSTHOG.value)
    for payload in connection.scalars(events.execution_options(yield_per=10_000)):
        found.add(unpack_event(payload)["distinct_id"])
    return {each for each in found if each and not is_pseudonym(each)}


def latest_answer_at(connection: Connection, person: Person) -> datetime | None:
    """Return the time of the person's latest answer; None if there is none. An import may bring
    times that are still to come. This reads all answers."""
    of_person = (*person.names, person.pseudonym)
    # All times are read: to find the latest, a database might search the index of times, and read
    # each row by itself.
    times = [
        at
        for table in (AnswerRow, AnswerCopyRow)
        for at in connection.scalars(
            select(table.answered_at).where(table.distinct_id.in_(of_person))
        )
    ]
    return max(times, default=None)


def oldest_answer_at(connection: Connection) -> datetime | None:
    """Return the time of the oldest answer; None if there is none."""
    return connection.scalar(select(func.min(AnswerRow.answered_at)))


def find_in_ledger(connection: Connection, distinct_id: str) -> list[int]:
    """Return the numbers of the entries of the donation ledger in which finance wrote a
    distinct_id. Our own entries hold none."""
    entry = LedgerEntryRow
    columns = (entry.recorded_by, entry.reason, entry.payment_reference, entry.charity_reference)
    rows = connection.execute(select(entry.sequence, *columns).order_by(entry.sequence))
    return [
        row.sequence
        for row in rows
        if any(each is not None and names_person(each, distinct_id) for each in row[1:])
    ]


def count_at_posthog(connection: Connection, ticket_id: str) -> int:
    """Return how many answers to a ticket PostHog has, as far as is known: those that came from it,
    and those that it has accepted or is about to get."""
    imported = select(func.count()).where(
        AnswerRow.ticket_id == ticket_id, AnswerRow.source == Origin.IMPORT.value
    )
    sent = (
        select(func.count())
        .select_from(AnswerRow)
        .join(OutboxRow, OutboxRow.answer_uuid == AnswerRow.uuid)
        .where(AnswerRow.ticket_id == ticket_id, OutboxRow.delivered_at.is_not(None))
    )
    return (connection.scalar(imported) or 0) + (connection.scalar(sent) or 0)


def _is_in_time(column: Any, target: Target) -> Condition:
    conditions = [column < target.before]
    if target.since is not None:
        conditions.append(column >= target.since)
    return and_(*conditions)


def _is_imported(table: type[Base]) -> Condition:
    # All copies are of imported events.
    is_answer = table is AnswerRow
    return AnswerRow.source == Origin.IMPORT.value if is_answer else AnswerCopyRow.id.is_not(None)


def tickets_answered_by(person: Person) -> Select[Any]:
    """Return the query for the tickets that a person has answered."""
    of_person = AnswerRow.distinct_id.in_((*person.names, person.pseudonym))
    return select(AnswerRow.ticket_id).where(of_person, AnswerRow.ticket_id.is_not(None))


def requested_by(person: Person) -> Select[Any]:
    """Return the query for the tickets that a person has asked at the help desk."""
    return select(TicketRow.ticket_id).where(is_requester(person))


def is_requester(person: Person) -> Condition:
    """Return the condition that a ticket is one of the person's: by external id, by mail address,
    by the hash of one of them, or by the pseudonym."""
    return or_(
        TicketRow.requester_external_id.in_((*person.names, person.pseudonym)),
        TicketRow.customer.in_(person.customers),
        func.lower(TicketRow.requester_email) == person.distinct_id.strip().lower(),
    )


def _as_json(person: Person) -> list[str]:
    return [form for name in person.names for form in escape_forms(name)]


def escape_forms(text: str) -> list[str]:
    """Return a text as JSON holds it, in ASCII and in any characters."""
    forms = (json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    return list(dict.fromkeys(forms))


def contains_any(connection: Connection, column: Any, texts: Iterable[str]) -> Condition:
    """Return the condition that a column contains one of these texts, exactly as it stands."""
    find = func.instr if connection.dialect.name == "sqlite" else func.strpos
    return or_(*(find(column, text) > 0 for text in texts))
