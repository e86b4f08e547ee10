"""What PostHog was asked to delete of erased persons, and whether it has done so."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, Select, Update, func, or_, select, update

from survey.store.models import AnswerRow, Channel, ErasureRow, OutboxRow, TicketRow
from survey.store.outbox import WAITING

# How often somebody looks whether PostHog is done with a deletion.
CHECK_EVERY = timedelta(hours=1)
# A database takes only so many parameters at once.
_IDS_AT_ONCE = 500
_Columns = tuple[str, datetime, str | None, datetime | None, datetime | None]
_DELETION = select(
    ErasureRow.pseudonym,
    ErasureRow.erased_at,
    ErasureRow.person_uuids,
    ErasureRow.requested_at,
    ErasureRow.deleted_at,
)
_IS_OPEN = (ErasureRow.person_uuids.is_not(None), ErasureRow.deleted_at.is_(None))


@dataclass(frozen=True)
class PersonDeletion:
    """What is known of an erased person's deletion at PostHog. `person_uuids` are the person's ids
    there, as long as they are needed; `requested_at` is None until PostHog was asked."""

    pseudonym: str
    erased_at: datetime
    person_uuids: tuple[str, ...]
    requested_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True)
class Proof:
    """The proof of an erasure. `counts` is JSON, with the number of what was erased by kind."""

    erased_at: datetime
    confirmed_by: str
    counts: str
    requested_at: datetime | None


def read_proof(connection: Connection, pseudonym: str) -> Proof:
    """Return the proof that a person was erased, who must have been."""
    row = connection.execute(
        select(
            ErasureRow.erased_at,
            ErasureRow.confirmed_by,
            ErasureRow.counts,
            ErasureRow.requested_at,
        ).where(ErasureRow.pseudonym == pseudonym)
    ).one()
    return Proof(row.erased_at, row.confirmed_by, row.counts, row.requested_at)


def find_person_deletion(connection: Connection, pseudonym: str) -> PersonDeletion | None:
    """Return what is known of an erased person's deletion; None if nobody was erased under this
    pseudonym."""
    row = connection.execute(_DELETION.where(ErasureRow.pseudonym == pseudonym)).one_or_none()
    return None if row is None else _read(row)


def has_due_checks(connection: Connection, now: datetime) -> bool:
    """Return whether any deletion is open that nobody has looked at for an hour."""
    return connection.scalar(_due(now).limit(1)) is not None


def claim_checks(connection: Connection, now: datetime, limit: int) -> list[PersonDeletion]:
    """Return the open deletions that nobody has looked at for an hour, at most `limit`, the oldest
    look first; they count as looked at from now on, so that nobody else does at the same time."""
    oldest = func.coalesce(ErasureRow.checked_at, ErasureRow.erased_at)
    due = _due(now).order_by(oldest).limit(limit).with_for_update(skip_locked=True)
    rows = connection.execute(due).all()
    names = [row.pseudonym for row in rows]
    looked = update(ErasureRow).where(ErasureRow.pseudonym.in_(names)).values(checked_at=now)
    if names:
        connection.execute(looked)
    return [_read(row) for row in rows]


def keep_persons(connection: Connection, pseudonym: str, person_uuids: Sequence[str]) -> None:
    """Keep the ids of an erased person at PostHog, which is yet to be asked to delete them."""
    connection.execute(
        _erasure(pseudonym).values(
            person_uuids=_write(person_uuids), requested_at=None, checked_at=None, deleted_at=None
        )
    )


def mark_requested(connection: Connection, deletion: PersonDeletion, now: datetime) -> None:
    """Record that PostHog was asked to delete these ids of a person."""
    asked = ErasureRow.person_uuids == _write(deletion.person_uuids)
    connection.execute(_erasure(deletion.pseudonym).where(asked).values(requested_at=now))


def mark_deleted(connection: Connection, deletion: PersonDeletion, now: datetime) -> None:
    """Record that PostHog has deleted all that it was asked for, and forget the person's ids there;
    nothing changes if it was asked for more in the meantime."""
    same = ErasureRow.requested_at == deletion.requested_at
    done = _erasure(deletion.pseudonym).where(same)
    connection.execute(done.values(person_uuids=None, checked_at=now, deleted_at=now))


def has_answers_since(connection: Connection, pseudonym: str, since: datetime | None) -> bool:
    """Return whether an erased person gave an answer after a time, or ever."""
    found = select(AnswerRow.id).where(AnswerRow.distinct_id == pseudonym)
    if since is not None:
        found = found.where(AnswerRow.answered_at > since)
    return connection.scalar(found.limit(1)) is not None


def find_known_ids(connection: Connection, distinct_ids: Sequence[str]) -> list[str]:
    """Return those of these distinct_ids that gave an answer, or a ticket."""
    known: set[str] = set()
    for begin in range(0, len(distinct_ids), _IDS_AT_ONCE):
        some = distinct_ids[begin : begin + _IDS_AT_ONCE]
        for column in (AnswerRow.distinct_id, TicketRow.requester_external_id):
            found = connection.scalars(select(column).where(column.in_(some)).distinct())
            known |= {each for each in found if each is not None}
    return sorted(known)


def has_claimed_events(connection: Connection, now: datetime) -> bool:
    """Return whether a worker may be sending an event at this moment."""
    claimed = (OutboxRow.channel == Channel.POSTHOG.value, OutboxRow.available_at > now)
    return connection.scalar(select(OutboxRow.id).where(*WAITING, *claimed).limit(1)) is not None


def _due(now: datetime) -> Select[*_Columns]:
    # A look that seems to be of later than now is from before the clock was set back.
    looked_at = ErasureRow.checked_at
    is_due = or_(looked_at.is_(None), looked_at <= now - CHECK_EVERY, looked_at > now)
    return _DELETION.where(*_IS_OPEN, is_due)


def _erasure(pseudonym: str) -> Update:
    return update(ErasureRow).where(ErasureRow.pseudonym == pseudonym)


def _write(person_uuids: Sequence[str]) -> str:
    return json.dumps(sorted(person_uuids))


def _read(row: Row[*_Columns]) -> PersonDeletion:
    return PersonDeletion(
        pseudonym=row.pseudonym,
        erased_at=row.erased_at,
        person_uuids=tuple(json.loads(row.person_uuids or "[]")),
        requested_at=row.requested_at,
        deleted_at=row.deleted_at,
    )
