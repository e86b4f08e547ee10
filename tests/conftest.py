"""Fixtures with real parts: SQLite files, the real site, a real HTTP server as PostHog."""

import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser

from demo.standin import PostHogStandIn
from survey.events import Questions
from survey.links import parse_link
from survey.receive import Arrival, Submission, receive_all
from survey.settings import Settings
from survey.site.app import create_app
from survey.store.database import Database
from survey.store.migrate import upgrade
from survey.vocabulary import Trust
from tests.support.browser import running_browser
from tests.support.clock import Clock
from tests.support.examples import examples
from tests.support.postgresql import WITHOUT_DISK, PostgresqlServer, running_postgresql
from tests.support.settings import make_settings
from tests.support.templates import CompiledTemplates

# Property tests that say no number of their own try so many examples.
# A busy machine makes examples slowly, which is no fault of what they test.
hypothesis_settings.register_profile(
    "csat", max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("csat")

Flask.jinja_options = {"bytecode_cache": CompiledTemplates()}

# What `--quick` leaves out: tests that need a browser or PostgreSQL, or take longer than others.
APT_FIXTURES = {"browser", "postgresql"}
SLOW_PLACES = (
    *("demo/test_command.py", "demo/test_donations.py", "demo/test_sample.py"),
    *("demo/test_zendesk_sample.py", "faults/"),
    *("pipeline/donations/test_closing_at_once.py", "pipeline/donations/test_ledger_machine.py"),
    "pipeline/test_aggregate.py",
    *("pipeline/test_dask.py", "pipeline/test_export_counts.py", "pipeline/test_import.py"),
    *("pipeline/test_importing.py", "pipeline/test_store_counts.py"),
    *("pipeline/test_store_source.py", "reports/", "survey/commands/", "survey/serving/"),
    *("survey/backups/", "survey/invitations/test_killed.py", "survey/site/test_hedgehogs.py"),
    *("survey/site/test_metrics.py", "survey/store/test_deciding.py"),
    *("survey/test_addresses.py", "survey/test_command_line.py"),
    *("survey/test_private_files.py", "survey/test_rederive.py", "test_command_line.py"),
    *("test_docs.py", "test_end_to_end.py", "test_install_browser.py", "test_package.py"),
    *("test_operation_docs.py", "test_posthog_document.py", "test_posthog_insights.py"),
    "test_wsgi.py",
)


def pytest_collection_finish() -> None:
    """Leave what the collection made out of the search for garbage. It stays until the end, and to
    look through it again and again takes a seventh of the time of most tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="only tests that need no apt packages")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--quick"):
        return
    quick: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        (quick if _is_quick(item) else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = quick


def _is_quick(item: pytest.Item) -> bool:
    place = item.path.relative_to(Path(__file__).parent).as_posix()
    needed = set(getattr(item, "fixturenames", ()))
    parameters = getattr(item, "callspec", None)
    # Where a test runs on both databases, a parameter says which.
    on_postgresql = any(
        isinstance(value, str) and value.startswith("postgresql")
        for value in (parameters.params.values() if parameters else ())
    )
    return not (place.startswith(SLOW_PLACES) or needed & APT_FIXTURES or on_postgresql)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine's reaches a test, and nothing is written into the repository."""
    import os

    for name in list(os.environ):
        if name.startswith("CSAT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A server for all tests that do not stop it."""
    with running_postgresql(WITHOUT_DISK) as server:
        yield server


@pytest.fixture(scope="session")
def _upgraded(postgresql: PostgresqlServer) -> str:
    """The name of a PostgreSQL database with the tables, to copy."""
    url = postgresql.create_database()
    database = Database(make_settings(database_url=url).database_url)
    upgrade(database)
    database.close()
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite store without answers, to copy: that takes a tenth of the time of the
    migrations, which have tests of their own."""
    path = tmp_path_factory.mktemp("store") / "csat.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store is, or can be: what uses it is tested on both databases."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/csat.db"
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    url = server.create_database(request.getfixturevalue("_upgraded"))
    yield url
    server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a single table."""
    url = f"sqlite:///{tmp_path}/empty.db"
    server: PostgresqlServer | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        url = server.create_database()
    database = Database(make_settings(database_url=url).database_url)
    yield database
    database.close()
    if server is not None:
        server.drop_database(url)


# For tests of one database alone.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def settings(database_url: str) -> Settings:
    return make_settings(database_url=database_url)


@pytest.fixture
def database(settings: Settings, template: Path) -> Iterator[Database]:
    """An empty store of its own, as an upgrade leaves it."""
    database = Database(settings.database_url)
    if database.path is not None:
        shutil.copy(template, database.path)
    yield database
    database.close()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is told to go on."""
    return Clock()


@pytest.fixture
def fill(database: Database, settings: Settings, clock: Clock) -> Callable[..., None]:
    """Put answers into the store, one a ticket, through the front door."""

    def fill(how_many: int, comment: str | None = None, submit_id: str = "s") -> None:
        arrivals = []
        for ticket in range(how_many):
            link = parse_link({"ticketId": str(ticket), "distinct_id": f"customer-{ticket}"})
            form = Submission(link, Trust.UNVERIFIED, 5, comment, submit_id, Questions("How?"))
            arrivals.append(Arrival(form, clock()))
        receive_all(database, settings, arrivals)

    return fill


@pytest.fixture
def client(settings: Settings, database: Database, clock: Clock) -> FlaskClient:
    return create_app(settings, database, clock).test_client()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests; each opens windows of its own."""
    with running_browser() as browser:
        yield browser


@pytest.fixture
def posthog() -> Iterator[PostHogStandIn]:
    with PostHogStandIn() as standin:
        yield standin
