"""`csat donations close` and `verify` with a million responses a month, against reading and hashing
the same tickets by one bare statement for each month."""

import hashlib
import statistics
import tempfile
import time
from datetime import UTC
from decimal import Decimal
from pathlib import Path

from sqlalchemy import text

from bench.aggregate import Run, run
from bench.store import make_store
from bench.store_rows import fill_responses
from pipeline.donations.ledger import Rate
from pipeline.donations.recording import set_rate
from survey.clock import now
from survey.months import Month, months_up_to
from survey.store.database import Database
from tests.support.postgresql import running_postgresql
from tests.support.settings import make_settings

RESPONSES_A_MONTH = 1_000_000
# 60 are five years: 18 GB, and half an hour.
MONTHS = 5
LAST = Month(2026, 10)
SETTINGS = make_settings()


def hash_tickets(database: Database, months: list[Month]) -> float:
    """Seconds of the least that proves which tickets a month has: read them in their order, and
    hash them."""
    statement = text(
        "SELECT ticket_id FROM responses"
        " WHERE answered_at >= :opens_at AND answered_at < :closes_at ORDER BY ticket_id"
    )
    began = time.perf_counter()
    with database.reading() as connection:
        for month in months:
            opens_at, closes_at = month.bounds(SETTINGS.timezone)
            bounds: dict[str, object] = {"opens_at": opens_at, "closes_at": closes_at}
            if database.is_sqlite:
                bounds = {name: f"{at:%Y-%m-%d %H:%M:%S.%f}" for name, at in bounds.items()}
            digest = hashlib.sha256()
            for row in connection.execute(statement, bounds):
                digest.update(row[0].encode())
    return time.perf_counter() - began


def measure(kind: str, url: str) -> None:
    months = months_up_to(LAST, MONTHS)
    started = time.perf_counter()
    database = make_store(url, 0)
    fill_responses(
        database,
        MONTHS * RESPONSES_A_MONTH,
        months[0].opens_at(SETTINGS.timezone).astimezone(UTC),
        LAST.closes_at(SETTINGS.timezone).astimezone(UTC),
    )
    set_rate(
        database, SETTINGS, months[0], Rate(Decimal("0.50"), "GBP"), None, by="bench", now=now()
    )
    database.close()
    print(
        f"{kind}: {MONTHS} months of {RESPONSES_A_MONTH:,} responses made in"
        f" {time.perf_counter() - started:.0f} s",
        flush=True,
    )
    command = ("csat", "donations")
    closes = [run(*command, "close", "--month", each, CSAT_DATABASE_URL=url) for each in months]
    of_one = hash_tickets(database, months[-1:])
    _print(f"csat donations close, median of {MONTHS}", closes, of_one)
    verified = run(*command, "verify", CSAT_DATABASE_URL=url)
    _print(f"csat donations verify, all {MONTHS}", [verified], hash_tickets(database, months))
    database.close()


def _print(what: str, runs: list[Run], of_peer: float) -> None:
    seconds = statistics.median(each.seconds for each in runs)
    cpu = statistics.median(each.cpu_seconds for each in runs)
    megabytes = max(each.megabytes for each in runs)
    print(
        f"    {what}: {seconds:.1f} s, {cpu:.1f} s CPU, at most {megabytes:,.0f} MB;"
        f" {seconds / of_peer:.2f} of reading and hashing the tickets ({of_peer:.1f} s)",
        flush=True,
    )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="csat-bench-") as name:
        measure("SQLite", f"sqlite:///{Path(name) / 'ledger.db'}")
    with running_postgresql() as server:
        measure("PostgreSQL", server.create_database())
