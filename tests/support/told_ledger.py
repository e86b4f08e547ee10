"""A ledger with every kind of entry, and the ways to tamper with it that a database allows."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, text

from pipeline.donations.ledger import Rate
from survey.ledger import NO_HASH, hash_values
from survey.months import Month
from survey.settings import Settings
from survey.store.database import Database
from survey.store.migrate import upgrade
from tests.support.donations import AUGUST, JULY, OCTOBER, SEPTEMBER, Donations
from tests.support.given_answers import GivenAnswer, give
from tests.support.postgresql import PostgresqlServer
from tests.support.settings import make_settings

# The entries of the ledger below, by what they are.
ENTRIES = {
    "rate": 1,
    "opening": 2,
    "first close": 3,
    "payment": 4,
    "correction": 5,
    "part payment": 6,
    "changed opening": 7,
    "added": 8,
    "taken away": 9,
    "close": 10,
    "other rate": 11,
    "last close": 12,
}
# Of July, August, September and October, and of the open month.
RESPONSES = 2 + 4 + 4 + 5 + 1


def tell(database: Database, settings: Settings) -> None:
    """Write a ledger of three closed months, one before them, and an open one; a ticket of
    September is void since, which waits for the next close."""
    donations = Donations(database, settings)
    july = donations.respond(JULY, 3)
    august = donations.respond(AUGUST, 4)
    donations.set_rate(AUGUST)
    donations.close(AUGUST)
    donations.pay(AUGUST)
    donations.correct(AUGUST)
    donations.pay(AUGUST, Decimal("1.20"), reference="BACS 2")
    donations.void(july[0])
    donations.void(august[1])
    late = datetime(2026, 8, 31, 22, 59, 59, 999999, tzinfo=UTC)
    give(database, settings, GivenAnswer(at=late, ticket_id="late one"))
    september = donations.respond(SEPTEMBER, 5)
    donations.close(SEPTEMBER)
    donations.set_rate(OCTOBER, Rate(Decimal("0.625"), "GBP"), None)
    donations.respond(OCTOBER, 5)
    donations.close(OCTOBER)
    donations.void(september[0])
    donations.respond(Month(2026, 11), 1, day=2)


class Forger:
    """Somebody with all rights on the database of a ledger: nothing keeps them from anything."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(settings.database_url)
        self._engine = create_engine(self.database.url)
        if self.is_sqlite:
            self._drop_triggers()

    @property
    def is_sqlite(self) -> bool:
        return self.database.is_sqlite

    def close(self) -> None:
        self.database.close()
        self._engine.dispose()

    def rows(self) -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            found = connection.execute(text("SELECT * FROM ledger_entries ORDER BY sequence"))
            return [dict(row) for row in found.mappings()]

    def run(self, statement: str, **values: object) -> None:
        with self._unhindered() as connection:
            connection.execute(text(statement), values)

    def change(self, of: int, **columns: object) -> None:
        """Change columns of an entry, and nothing else."""
        changes = ", ".join(f"{name} = :{name}" for name in columns)
        self.run(f"UPDATE ledger_entries SET {changes} WHERE sequence = :of", of=of, **columns)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put these entries in the place of all, chained anew: nobody sees it by the hashes."""
        last_hash = NO_HASH
        with self._unhindered() as connection:
            connection.execute(text("DELETE FROM ledger_entries"))
            for sequence, row in enumerate(rows, start=1):
                values = {**row, "sequence": sequence, "previous_hash": last_hash}
                last_hash = values["hash"] = hash_values(values)
                names = ", ".join(values)
                places = ", ".join(f":{name}" for name in values)
                connection.execute(
                    text(f"INSERT INTO ledger_entries ({names}) VALUES ({places})"), values
                )

    def forge(self, sequence: int, **columns: object) -> None:
        """Change columns of an entry, and chain all entries anew."""
        rows = self.rows()
        rows[sequence - 1].update(columns)
        self.write(rows)

    @contextmanager
    def _unhindered(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            if not self.is_sqlite:
                # No trigger runs, also none that holds a foreign key.
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection

    def _drop_triggers(self) -> None:
        with self._engine.begin() as connection:
            found = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for name in list(connection.scalars(found)):
                connection.execute(text(f"DROP TRIGGER {name}"))


def told_sqlite(folder: Path) -> Path:
    """Return an SQLite file with the ledger, to copy."""
    path = folder / "told.db"
    _tell(f"sqlite:///{path}")
    return path


def told_postgresql(server: PostgresqlServer, template: str) -> str:
    """Return the name of a PostgreSQL database with the ledger, to copy."""
    url = server.create_database(template)
    _tell(url)
    return url.rpartition("/")[2]


def _tell(url: str) -> None:
    settings = make_settings(database_url=url)
    with closing(Database(settings.database_url)) as database:
        upgrade(database)
        tell(database, settings)


@contextmanager
def opened_copy(of: Path, folder: Path) -> Iterator[Forger]:
    """Open a copy of an SQLite file for somebody who tampers with it."""
    path = folder / "csat.db"
    shutil.copy(of, path)
    with closing(Forger(make_settings(database_url=f"sqlite:///{path}"))) as forger:
        yield forger
