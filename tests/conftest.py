"""Fixtures with real parts: SQLite files, the real site, a real HTTP server as PostHog."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from survey.demo.standin import PostHogStandIn
from survey.settings import Settings
from survey.site.app import create_app
from survey.store.database import Database
from survey.store.migrate import upgrade
from tests.support.clock import Clock
from tests.support.settings import make_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine's reaches a test, and nothing is written into the repository."""
    import os

    for name in list(os.environ):
        if name.startswith("CSAT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(database_url=f"sqlite:///{tmp_path}/csat.db")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """An empty store in a file of its own."""
    database = Database(settings.database_url)
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is told to go on."""
    return Clock()


@pytest.fixture
def client(settings: Settings, database: Database, clock: Clock) -> FlaskClient:
    return create_app(settings, database, clock).test_client()


@pytest.fixture
def posthog() -> Iterator[PostHogStandIn]:
    with PostHogStandIn() as standin:
        yield standin
