"""`csat aggregate` on PostHog's export files, against DuckDB and polars with all rules."""

import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.exports import LAST_MONTH, MONTHS, SECRET_KEY, TESTERS, VOIDS, write_exports
from survey.settings import DEFAULT_SURVEY_ID
from survey.store.database import Database
from survey.store.migrate import upgrade
from survey.store.voids import void_ticket
from tests.support.command import ROOT, environment

EVENTS = 2_000_000
REPEATS = 3


@dataclass(frozen=True)
class Run:
    """A whole process: how long it took, and the most memory it had."""

    seconds: float
    # of all cores, which other work on the machine changes less
    cpu_seconds: float
    megabytes: float


def run(*command: object, **settings: str) -> Run:
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, command)],
        cwd=ROOT,
        env=environment(**settings),
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed")
    seconds = time.monotonic() - started
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def make_store(path: Path) -> str:
    """A database that knows nothing but which tickets are void."""
    url = f"sqlite:///{path}"
    database = Database(url)
    upgrade(database)
    with database.writing() as connection:
        for ticket in VOIDS:
            void_ticket(connection, ticket, "a test of ours", datetime.now(UTC))
    database.close()
    return url


class Bench:
    """One set of files, and what is run over them."""

    def __init__(self, folder: Path, events: int, how_many_months: int = MONTHS) -> None:
        self.folder, self.exports = folder, folder / "exports"
        self.rows = write_exports(self.exports, events, how_many_months)
        self.settings = {
            "CSAT_DATABASE_URL": make_store(folder / "csat.db"),
            "CSAT_SECRET_KEY": SECRET_KEY,
            "CSAT_SURVEY_ID": DEFAULT_SURVEY_ID,
            "CSAT_TEST_DISTINCT_IDS": ",".join(TESTERS),
        }

    def ours(self, *options: object, exports: Path | None = None, out: str = "ours.csv") -> Run:
        source = f"export:{exports or self.exports}"
        command = ("csat", "aggregate", "--source", source, "--out", self.folder / out)
        return run(*command, *(options or ["--no-cache"]), **self.settings)

    def report(self, *options: object) -> Run:
        """The report of the last month."""
        source = f"export:{self.exports}"
        command = ("csat", "report", "--month", LAST_MONTH, "--source", source)
        return run(*command, "--out", self.folder / "report", *options, **self.settings)

    def engine(self, name: str) -> Run:
        return run("bench.engines", name, self.exports, self.folder / f"{name}.csv")

    def check_same(self, *names: str) -> None:
        found = [read_counts(self.folder / f"{name}.csv") for name in names]
        for name, counts in zip(names, found, strict=True):
            if counts != found[0]:
                raise SystemExit(f"{name} and {names[0]} do not count the same")
        print(f"    the same counts by {', '.join(names)}: {sum(found[0].values()):,} responses")


def read_counts(path: Path) -> dict[tuple[str, ...], int]:
    with path.open(encoding="utf-8", newline="") as file:
        _header, *rows = csv.reader(file)
    return {tuple(row[:3]): int(row[3]) for row in rows}


def compare(runs: dict[str, Callable[[], Run]]) -> dict[str, Run]:
    """Alternate between all, so that they see the same noise; medians, ratios to the first."""
    found: dict[str, list[Run]] = {name: [] for name in runs}
    for _ in range(REPEATS):
        for name, measure in runs.items():
            found[name].append(measure())
    ours, *_ = found.values()
    medians = {}
    for name, each in found.items():
        seconds = statistics.median(one.seconds for one in each)
        cpu = statistics.median(one.cpu_seconds for one in each)
        megabytes = max(one.megabytes for one in each)
        medians[name] = Run(seconds, cpu, megabytes)
        ratios = [a.seconds / b.seconds for a, b in zip(ours, each, strict=True)]
        print(
            f"    {name:<18} {seconds:7.2f} s, {cpu:6.2f} s CPU, {megabytes:6,.0f} MB;"
            f" ours takes {statistics.median(ratios):.2f} of its time"
        )
    return medians


def measure_files(bench: Bench) -> None:
    print(f"csat aggregate, {bench.rows:,} rows in files of PostHog's, against:")
    compare(
        {
            "csat aggregate": bench.ours,
            "DuckDB": lambda: bench.engine("duckdb"),
            "polars": lambda: bench.engine("polars"),
        }
    )
    bench.check_same("ours", "duckdb", "polars")


def measure_next_month(bench: Bench) -> None:
    """All months but the last, then all: what the last one costs when the others are known."""
    print("csat aggregate, one month more than last time:")
    last = max(bench.exports.iterdir())
    aside = bench.folder / last.name

    kept = bench.folder / "kept"
    last.rename(aside)
    bench.ours("--cache", kept, out="before.csv")
    aside.rename(last)

    def next_month() -> Run:
        with tempfile.TemporaryDirectory(dir=bench.folder) as cache:
            shutil.copytree(kept, cache, dirs_exist_ok=True)
            return bench.ours("--cache", cache, out="next.csv")

    compare({"one month more": next_month, "all months anew": bench.ours})
    bench.check_same("ours", "next")
    shutil.rmtree(kept)


def measure_report(bench: Bench) -> None:
    """A month that has as many responses as others have in years."""
    print(f"csat report of one month of thirteen, {bench.rows:,} rows, against csat aggregate:")
    kept = ("--cache", bench.folder / "cache")
    compare({"report": lambda: bench.report("--no-cache"), "aggregate": bench.ours})
    bench.ours(*kept)
    compare(
        {
            "report, from a cache": lambda: bench.report(*kept),
            "aggregate": lambda: bench.ours(*kept),
        }
    )
    page = bench.folder / "report" / "report.html"
    print(f"    report.html has {page.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    print(f"two cores, whole processes, medians of {REPEATS} runs")
    with tempfile.TemporaryDirectory(prefix="csat-bench-") as name:
        bench = Bench(Path(name), EVENTS)
        measure_files(bench)
        measure_next_month(bench)
    with tempfile.TemporaryDirectory(prefix="csat-bench-") as name:
        measure_report(Bench(Path(name), 1_450_000, how_many_months=13))
