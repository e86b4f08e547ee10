"""Reads all that the store holds of a person."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, inspect, or_, select

from survey.erasing.target import Person
from survey.erasures import read_user
from survey.outbox_payloads import unpack_event
from survey.store.erasing import (
    contains_any,
    escape_forms,
    is_requester,
    requested_by,
    tickets_answered_by,
)
from survey.store.models import (
    AnswerCopyRow,
    AnswerRow,
    Base,
    Channel,
    ErasureRow,
    InvitationRow,
    OutboxRow,
    ResponseRow,
    TicketRow,
    UnsubscribedRow,
    VoidChangeRow,
)

Rows = list[dict[str, Any]]


def read_person(connection: Connection, person: Person) -> dict[str, Rows]:
    """Return all rows about a person by what they are: also those that were erased before, which
    stand under a pseudonym."""
    names = (*person.names, person.pseudonym)
    forms = [form for name in names for form in escape_forms(name)]
    mail = person.distinct_id.strip().lower()
    of_person = contains_any(connection, OutboxRow.payload, forms)
    is_event = OutboxRow.channel == Channel.POSTHOG.value
    events = [
        row
        for row in _read(connection, OutboxRow, of_person & is_event)
        if _is_about(unpack_event(row["payload"]), names)
    ]
    invitations = [
        {**row, "payload": json.loads(row["payload"])}
        for row in _read(
            connection,
            OutboxRow,
            (OutboxRow.channel == Channel.INVITATION.value)
            & (OutboxRow.payload != "")
            & or_(of_person, contains_any(connection, OutboxRow.payload, escape_forms(mail))),
        )
    ]
    for row in events:
        row["payload"] = unpack_event(row["payload"])
    return {
        "answers": _read_answers(connection, AnswerRow, person, names),
        "copies": _read_answers(connection, AnswerCopyRow, person, names),
        "responses": _read(connection, ResponseRow, ResponseRow.distinct_id.in_(names)),
        "voids": _read(
            connection, VoidChangeRow, VoidChangeRow.ticket_id.in_(tickets_answered_by(person))
        ),
        "tickets": _read(connection, TicketRow, is_requester(person)),
        "invitations": _read(
            connection,
            InvitationRow,
            or_(
                InvitationRow.customer.in_(person.customers),
                InvitationRow.ticket_id.in_(requested_by(person)),
            ),
        ),
        "unsubscribed": _read(
            connection, UnsubscribedRow, UnsubscribedRow.customer.in_(person.customers)
        ),
        "events": [row for row in events if row["answer_uuid"]],
        "page_views": [row for row in events if row["page_view_uuid"]],
        "waiting_invitations": invitations,
        "erasures": _read(connection, ErasureRow, ErasureRow.pseudonym.in_(names)),
    }


def _read(connection: Connection, table: type[Base], condition: ColumnElement[bool]) -> Rows:
    rows = select(table.__table__).where(condition).order_by(*inspect(table).primary_key)
    return [dict(row) for row in connection.execute(rows).mappings()]


def _read_answers(
    connection: Connection,
    table: type[AnswerRow] | type[AnswerCopyRow],
    person: Person,
    names: tuple[str, ...],
) -> Rows:
    """Return the answers that were given by a person, or in whose event the person is named."""
    by_user = contains_any(connection, table.properties, escape_forms(person.distinct_id))
    found = _read(connection, table, or_(table.distinct_id.in_(names), by_user))
    return [
        {**row, "properties": json.loads(row["properties"]) if row["properties"] else None}
        for row in found
        if row["distinct_id"] in names
        or (row["properties"] and read_user(row["properties"]) == person.distinct_id)
    ]


def _is_about(event: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return event["distinct_id"] in names
