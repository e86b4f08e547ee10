"""What was erased: the proofs, without identities, and the secrets that they need."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    Connection,
    Select,
    func,
    select,
)

from survey.erasures import Erasures
from survey.pseudonyms import PREFIX, key_id
from survey.settings import SettingsError
from survey.store.database import Database
from survey.store.models import ErasureRow, RedactionRow, RetentionRow

_PERSONS = select(ErasureRow.pseudonym, ErasureRow.erased_at)
_TICKETS = select(RedactionRow.ticket_id, RedactionRow.redacted_at)
_KEYS = select(ErasureRow.key_id).union(select(RetentionRow.key_id))
_RETENTION = select(RetentionRow.key_id, RetentionRow.forgotten_before).order_by(
    RetentionRow.forgotten_before
)

_FORGOTTEN_BEFORE = select(func.max(RetentionRow.forgotten_before))


def read_erasures(connection: Connection, secrets: Sequence[str]) -> Erasures:
    """Return all that was erased. `secrets` are those of CSAT_SECRET_KEY; raise SettingsError if
    one is missing that erasures used: without it an erased person would not be recognised."""
    used = set(connection.scalars(_KEYS))
    by_id = {key_id(secret): secret for secret in secrets}
    if used - by_id.keys():
        raise SettingsError(
            "CSAT_SECRET_KEY lacks a secret under which persons were erased: without it their "
            "answers would come back with the next import. Put it behind the new one (new,old)."
        )
    # The first one makes pseudonyms of what is forgotten; the others are asked only where they
    # were used.
    needed = (*secrets[:1], *(secret for secret in secrets[1:] if key_id(secret) in used))
    retention = connection.execute(_RETENTION).all()
    return Erasures(
        secrets=needed,
        persons=_read_times(connection, _PERSONS),
        tickets=_read_times(connection, _TICKETS),
        forgotten_before=retention[-1].forgotten_before if retention else None,
        forgetting_secret=by_id[retention[0].key_id] if retention else None,
    )


def has_erasures(connection: Connection) -> bool:
    """Return whether any person was erased or forgotten, so that there are pseudonyms."""
    return connection.execute(_KEYS.limit(1)).first() is not None


def is_erased(
    distinct_id: ColumnExpressionArgument[str] | ColumnExpressionArgument[str | None],
) -> ColumnElement[bool]:
    """Return the condition that a column holds a pseudonym."""
    return func.substr(distinct_id, 1, len(PREFIX)) == PREFIX


def require_erasure_secrets(database: Database, secrets: Sequence[str]) -> None:
    """Raise SettingsError if `secrets`, those of CSAT_SECRET_KEY, lack one that erasures used."""
    with database.reading() as connection:
        read_erasures(connection, secrets)


def find_forgotten_before(connection: Connection) -> datetime | None:
    """Return before when everything is without identity and words; None if the retention was never
    applied."""
    return connection.scalar(_FORGOTTEN_BEFORE)


def _read_times(
    connection: Connection, statement: Select[*tuple[str, datetime]]
) -> dict[str, datetime]:
    """Return a time by each of the names."""
    return {row[0]: row[1] for row in connection.execute(statement)}
