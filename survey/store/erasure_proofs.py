"""Keeps the proofs of what was erased: without identities, and without words."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from survey.erasing.target import Kind
from survey.store.models import ErasureRow, RedactionRow, RetentionRow


def find_proof(connection: Connection, pseudonyms: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the proof of the erasure of a person who has one of these pseudonyms, as its columns;
    None if the person was not erased."""
    found = select(ErasureRow.__table__).where(ErasureRow.pseudonym.in_(pseudonyms))
    row = connection.execute(found.order_by(ErasureRow.erased_at)).mappings().first()
    return None if row is None else dict(row)


def save_proof(
    connection: Connection, pseudonym: str, key_id: str, erased_at: datetime, confirmed_by: str
) -> None:
    """Keep that a person is erased; a proof that is there gets the new time and name. The caller
    has locked the imports, so that nobody else does so now."""
    values = {"erased_at": erased_at, "confirmed_by": confirmed_by}
    known = update(ErasureRow).where(ErasureRow.pseudonym == pseudonym).values(values)
    if not connection.execute(known).rowcount:
        new = {"pseudonym": pseudonym, "key_id": key_id, "counts": "{}"}
        connection.execute(insert(ErasureRow), {**new, **values})


def add_counts(connection: Connection, pseudonym: str, counts: Mapping[Kind, int]) -> None:
    """Add to the counts of what was erased of a person. The caller has locked the imports."""
    of_person = ErasureRow.pseudonym == pseudonym
    kept = connection.execute(select(ErasureRow.counts).where(of_person)).scalar_one()
    added = json.loads(kept)
    for kind, count in counts.items():
        added[kind] = added.get(kind, 0) + count
    connection.execute(update(ErasureRow).where(of_person).values(counts=json.dumps(added)))


def save_redaction(connection: Connection, ticket_id: str, redacted_at: datetime) -> None:
    """Keep that the comments of a ticket were removed. The caller has locked the imports."""
    known = update(RedactionRow).where(RedactionRow.ticket_id == ticket_id)
    if not connection.execute(known.values(redacted_at=redacted_at)).rowcount:
        new = {"ticket_id": ticket_id, "redacted_at": redacted_at}
        connection.execute(insert(RedactionRow), new)


def save_retention(connection: Connection, key_id: str, before: datetime) -> None:
    """Keep that all that is older is forgotten, under the secret with which this began. The caller
    has locked the imports."""
    if not connection.execute(update(RetentionRow).values(forgotten_before=before)).rowcount:
        new = {"key_id": key_id, "forgotten_before": before}
        connection.execute(insert(RetentionRow), new)
