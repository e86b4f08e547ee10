"""A try whether the database can be written: with the disk full, only writing tells."""

import secrets

from sqlalchemy import delete, insert

from survey.store.database import Database
from survey.store.models import WriteProbeRow

# About what an answer, its response and its event write. Random, so that it cannot be compressed.
PROBE_BYTES = 16 * 1024


def write_probe(database: Database) -> None:
    """Commit something durably, in place of what was written before; raises StoreError."""
    with database.writing() as connection:
        connection.execute(delete(WriteProbeRow))
        padding = secrets.token_hex(PROBE_BYTES // 2)
        connection.execute(insert(WriteProbeRow), {"id": 1, "padding": padding})
