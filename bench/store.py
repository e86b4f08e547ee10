"""`csat report` from a store of ten years, against an empty store and against a bare GROUP BY."""

import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from bench.aggregate import Run, run
from bench.store_rows import MONTH, fill
from pipeline.metrics import TREND_PERIODS
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.rederive import apply_rules
from survey.store.database import Database
from survey.store.migrate import upgrade
from tests.support.postgresql import running_postgresql
from tests.support.settings import make_settings

RESPONSES = 10_000_000
REPEATS = 3

_MONTH = {
    "sqlite": "substr(answered_at, 1, 7)",
    "postgresql": "date_trunc('month', answered_at AT TIME ZONE 'UTC')",
}


def make_store(url: str, responses: int) -> Database:
    """A database as `csat serve` leaves it, with so many responses."""
    settings = make_settings(database_url=url)
    database = Database(settings.database_url)
    upgrade(database)
    apply_rules(database, CountingRules.of(settings))
    if responses:
        fill(database, responses)
    if not database.is_sqlite:
        # As autovacuum does by itself, only later.
        outside = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with outside.connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
    database.close()  # SQLite then takes its log into the file
    return database


def report(database: Database, folder: Path) -> Run:
    url = database.url.render_as_string(hide_password=False)
    command = ("csat", "report", "--month", MONTH, "--out", folder / "report")
    return run(*command, CSAT_DATABASE_URL=url)


def group(database: Database) -> float:
    """Seconds of the least that a report needs of the database, in one statement."""
    timezone = make_settings().timezone
    month = Month.parse(MONTH)
    bounds = {
        "opens_at": month.shift(-TREND_PERIODS).bounds(timezone)[0],
        "closes_at": month.bounds(timezone)[1],
    }
    if database.is_sqlite:
        bounds = {name: f"{at:%Y-%m-%d %H:%M:%S.%f}" for name, at in bounds.items()}
    statement = text(
        f"SELECT {_MONTH[database.engine.dialect.name]}, team, rating, count(*) FROM responses"
        " WHERE answered_at >= :opens_at AND answered_at < :closes_at GROUP BY 1, 2, 3"
    )
    with database.reading() as connection:
        began = time.perf_counter()
        connection.execute(statement, bounds).all()
        return time.perf_counter() - began


def measure(kind: str, folder: Path, url: str, empty_url: str) -> None:
    began = time.perf_counter()
    store, empty = make_store(url, RESPONSES), make_store(empty_url, 0)
    print(
        f"{kind}: {RESPONSES:,} responses made in {time.perf_counter() - began:.0f} s", flush=True
    )
    for database in (store, empty):
        report(database, folder)
    runs = [(report(store, folder), report(empty, folder), group(store)) for _ in range(REPEATS)]
    seconds, of_empty, of_group = (
        statistics.median(each)
        for each in zip(*((a.seconds, b.seconds, c) for a, b, c in runs), strict=True)
    )
    cpu, megabytes = (
        max(getattr(a, name) for a, _, _ in runs) for name in ("cpu_seconds", "megabytes")
    )
    print(
        f"    csat report: {seconds:.2f} s, at most {cpu:.2f} s CPU and {megabytes:,.0f} MB;"
        f" {seconds / of_empty:.2f} of an empty store ({of_empty:.2f} s),"
        f" {seconds / of_group:.1f} of a bare GROUP BY ({of_group:.2f} s)",
        flush=True,
    )
    for database in (store, empty):
        database.close()


def main() -> None:
    print(f"csat report of one month, ten years in the store; medians of {REPEATS} runs")
    with tempfile.TemporaryDirectory(prefix="csat-bench-") as name:
        folder = Path(name)
        urls = (f"sqlite:///{folder}/{which}.db" for which in ("full", "empty"))
        measure("SQLite", folder, *urls)
    with running_postgresql() as server, tempfile.TemporaryDirectory() as name:
        measure("PostgreSQL", Path(name), server.create_database(), server.create_database())
