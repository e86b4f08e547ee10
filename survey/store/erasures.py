"""What was erased: the proofs, without identities, and the secrets that they need."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, select

from survey.erasures import Erasures
from survey.pseudonyms import key_id
from survey.settings import SettingsError
from survey.store.models import ErasureRow, RedactionRow, RetentionRow

_PERSONS = select(ErasureRow.pseudonym, ErasureRow.erased_at)
_TICKETS = select(RedactionRow.ticket_id, RedactionRow.redacted_at)
_KEYS = select(ErasureRow.key_id).union(select(RetentionRow.key_id))
_FORGOTTEN_BEFORE = (
    select(RetentionRow.forgotten_before).order_by(RetentionRow.forgotten_before.desc()).limit(1)
)


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
    return Erasures(
        secrets=needed,
        persons=_read_times(connection, _PERSONS),
        tickets=_read_times(connection, _TICKETS),
        forgotten_before=find_forgotten_before(connection),
    )


def find_forgotten_before(connection: Connection) -> datetime | None:
    """Return before when everything is without identity and words; None if the retention was never
    applied."""
    return connection.scalar(_FORGOTTEN_BEFORE)


def _read_times(
    connection: Connection, statement: Select[*tuple[str, datetime]]
) -> dict[str, datetime]:
    """Return a time by each of the names."""
    return {row[0]: row[1] for row in connection.execute(statement)}
