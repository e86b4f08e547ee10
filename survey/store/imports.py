"""Functions that read and write imported answers, and the copies of them that do not count."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, insert, select, update

from survey.copies import ImportedAnswer, SortedArrivals, StoredAnswer
from survey.store.changes import note_instants
from survey.store.models import AnswerCopyRow, AnswerRow, Origin
from survey.store.received import claiming_condition
from survey.store.responses import NewAnswer, add_answers, answer_columns, read_answer_row
from survey.vocabulary import Trust

_UUIDS: BindParameter[str] = bindparam("uuids", expanding=True)
_STORED = select(AnswerRow).where(AnswerRow.uuid.in_(_UUIDS))
_TICKETS_OF_IMPORTED = select(AnswerRow.ticket_id).where(
    AnswerRow.uuid.in_(_UUIDS),
    AnswerRow.source == Origin.IMPORT.value,
    AnswerRow.ticket_id.is_not(None),
)
_IMPORTED_SINCE = select(AnswerRow.uuid).where(
    AnswerRow.ticket_id.in_(bindparam("ticket_ids", expanding=True)),
    AnswerRow.source == Origin.IMPORT.value,
    AnswerRow.id > bindparam("newest"),
)
_CLAIMING = select(AnswerRow).where(
    AnswerRow.ticket_id.in_(bindparam("ticket_ids", expanding=True)), claiming_condition()
)
_REPLACE_TRUST = (
    update(AnswerRow)
    .where(AnswerRow.id == bindparam("of_id"))
    .values(link_trust=bindparam("trust"))
)
_COPIES_ON_RECORD = select(AnswerCopyRow.fingerprint).where(
    AnswerCopyRow.fingerprint.in_(bindparam("fingerprints", expanding=True))
)
_HAVE_COPIES = select(AnswerCopyRow.id).where(AnswerCopyRow.uuid.in_(_UUIDS)).limit(1)
_TICKETS_OF_COPIES = select(AnswerCopyRow.ticket_id).where(
    AnswerCopyRow.ticket_id.in_(bindparam("ticket_ids", expanding=True))
)
# The columns that are stored of an event besides its uuid.
_KEPT = (
    "ticket_id",
    "distinct_id",
    "rating",
    "comment",
    "team",
    "answered_at",
    "link_trust",
    "survey_id",
    "properties",
    "erased_at",
)
_REPLACED = (*_KEPT, "language")
_REPLACE = (
    update(AnswerRow)
    .where(AnswerRow.id == bindparam("of_id"))
    .values({name: bindparam(name) for name in _REPLACED})
)


def newest_answer(connection: Connection) -> int:
    """Return the id of the answer that was stored last; 0 if there is none."""
    return connection.scalar(select(func.max(AnswerRow.id))) or 0


def tickets_of_imported(connection: Connection, uuids: Sequence[str]) -> list[str]:
    """Return the tickets of the imported answers that have these uuids."""
    return [str(ticket) for ticket in connection.scalars(_TICKETS_OF_IMPORTED, {"uuids": uuids})]


def imported_since(connection: Connection, tickets: Sequence[str], newest: int) -> set[str]:
    """Return the uuids of the imported answers to these tickets that were stored after `newest`."""
    values = {"ticket_ids": tickets, "newest": newest}
    return set(connection.scalars(_IMPORTED_SINCE, values))


def stored_answers(connection: Connection, uuids: Sequence[str]) -> dict[str, StoredAnswer]:
    """Return the stored answers that have these uuids, by uuid."""
    rows = connection.execute(_STORED, {"uuids": uuids})
    return {row.uuid: _read_stored(row) for row in rows}


def _read_stored(row: Row[*tuple[Any, ...]]) -> StoredAnswer:
    answer = read_answer_row(row)
    kept = ImportedAnswer(
        **vars(answer), properties=row.properties or "{}", erased_at=row.erased_at
    )
    return StoredAnswer(row.id, kept)


def claiming_answers(connection: Connection, tickets: Sequence[str]) -> list[StoredAnswer]:
    """Return the imported answers to these tickets whose trust depends on secrets: their events
    claim more than `unverified`. Those that were erased are not among them: they keep their trust,
    because nothing can verify it any more."""
    return [_read_stored(row) for row in connection.execute(_CLAIMING, {"ticket_ids": tickets})]


def replace_trusts(connection: Connection, trusts: Mapping[int, Trust]) -> None:
    """Replace the trust of these answers, by the ids of their rows."""
    if trusts:
        rows = [{"of_id": of_id, "trust": trust.value} for of_id, trust in trusts.items()]
        connection.execute(_REPLACE_TRUST, rows)


def copies_on_record(connection: Connection, fingerprints: Sequence[str]) -> frozenset[str]:
    """Return which of these fingerprints belong to stored copies."""
    if not fingerprints:
        return frozenset()
    return frozenset(connection.scalars(_COPIES_ON_RECORD, {"fingerprints": fingerprints}))


def tickets_of_copies(connection: Connection, tickets: Sequence[str]) -> frozenset[str]:
    """Return which of these tickets are named by a copy that does not count. Reads all copies."""
    return frozenset(connection.scalars(_TICKETS_OF_COPIES, {"ticket_ids": tickets}))


def have_copies(connection: Connection, uuids: Sequence[str]) -> bool:
    """Return whether any of these events has a copy that does not count."""
    return connection.execute(_HAVE_COPIES, {"uuids": uuids}).first() is not None


def write_arrivals(connection: Connection, arrivals: SortedArrivals) -> None:
    """Write answers and copies, with one statement for new answers, replaced answers and copies
    each."""
    new = [
        NewAnswer(each, Origin.IMPORT, properties=each.properties, erased_at=each.erased_at)
        for each in arrivals.new
    ]
    add_answers(connection, new)
    if arrivals.replacing:
        note_instants(connection, [known.answer.answered_at for known, _ in arrivals.replacing])
        note_instants(connection, [answer.answered_at for _, answer in arrivals.replacing])
        replaced = [
            {"of_id": known.id, **_columns(answer), "language": answer.language}
            for known, answer in arrivals.replacing
        ]
        connection.execute(_REPLACE, replaced)
    if arrivals.copies:
        note_instants(connection, [each.answered_at for each in arrivals.copies])
        copies = [
            {"fingerprint": each.fingerprint, "uuid": each.uuid, **_columns(each)}
            for each in arrivals.copies
        ]
        connection.execute(insert(AnswerCopyRow), copies)


def _columns(answer: ImportedAnswer) -> dict[str, Any]:
    """Return the values that are stored of an event besides its uuid."""
    columns = {
        **answer_columns(answer),
        "properties": answer.properties,
        "erased_at": answer.erased_at,
    }
    return {name: columns[name] for name in _KEPT}
