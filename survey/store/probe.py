"""Tests whether the database can be written: if the disk is full, only writing shows it."""

import secrets

from sqlalchemy import delete, insert

from survey.store.database import Database
from survey.store.models import WriteProbeRow

# About as much as an answer, its response and its event. The bytes are random, so that they cannot
# be compressed.
PROBE_BYTES = 16 * 1024


def write_probe(database: Database) -> None:
    """Durably commit random data, which replaces that of the last probe. Raises StoreError if this
    fails."""
    with database.writing() as connection:
        connection.execute(delete(WriteProbeRow))
        padding = secrets.token_hex(PROBE_BYTES // 2)
        connection.execute(insert(WriteProbeRow), {"id": 1, "padding": padding})
