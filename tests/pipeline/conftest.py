import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.sources import posthog_client
from survey import retries
from tests.support.postgresql import PostgresqlServer
from tests.support.settings import make_settings
from tests.support.told_ledger import Forger, opened_copy, told_postgresql, told_sqlite


@pytest.fixture(autouse=True)
def _quick_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between queries to PostHog are kept, but short."""
    monkeypatch.setattr(posthog_client, "SECONDS_BETWEEN_REQUESTS", 0.0)
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(posthog_client, "POLL_SECONDS", 0.01)


@pytest.fixture
def machine_far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time zone must not matter."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def told_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite store with a ledger that has every kind of entry, to copy."""
    return told_sqlite(tmp_path_factory.mktemp("told"))


@pytest.fixture(scope="session")
def told_name(postgresql: PostgresqlServer, _upgraded: str) -> str:
    """The name of a PostgreSQL database with the same, to copy."""
    return told_postgresql(postgresql, _upgraded)


@pytest.fixture(params=["sqlite", "postgresql"])
def forger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Forger]:
    """Somebody with all rights on a copy of that ledger."""
    if request.param == "sqlite":
        with opened_copy(request.getfixturevalue("told_file"), tmp_path) as forger:
            yield forger
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    url = server.create_database(request.getfixturevalue("told_name"))
    with closing(Forger(make_settings(database_url=url))) as forger:
        yield forger
    server.drop_database(url)


# For what is the same on both databases.
forger_on_sqlite = pytest.mark.parametrize("forger", ["sqlite"], indirect=True)
