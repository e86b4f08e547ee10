"""The reports site on an SQLite file of its own, with one user of each role."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.site.context import ReportsSite
from survey.counting_rules import CountingRules
from survey.rederive import apply_rules
from survey.settings import Settings
from survey.store.database import Database
from survey.store.migrate import upgrade
from tests.support.clock import Clock
from tests.support.reports_site import Person, make_site
from tests.support.settings import make_settings


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store to copy, which takes a tenth of the time that its tables take."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    apply_rules(database, CountingRules.of(make_settings()))
    database.close()
    return path


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Only SQLite: what the site asks of a store is tested on both databases with the store."""
    return f"sqlite:///{tmp_path}/csat.db"


@pytest.fixture
def database(database_url: str, tmp_path: Path, empty_store: Path) -> Iterator[Database]:
    shutil.copy(empty_store, tmp_path / "csat.db")
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def site(settings: Settings, database: Database, clock: Clock) -> ReportsSite:
    return make_site(settings, database, clock)


@pytest.fixture
def person(site: ReportsSite) -> Person:
    """Somebody who is not signed in."""
    return Person(site.test_client())
