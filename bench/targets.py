"""Targets of a million waits for replies, against DuckDB with the same weeks."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd

from pipeline.targets import Waits, number_targets
from survey.periods import Period
from survey.teams import DEFAULT_TEAMS, parse_teams
from survey.vocabulary import Plan, ReplyKind
from tests.support.settings import make_settings

WAITS = 1_000_000
MOST_SECONDS = 1.0
REPEATS = 5
YEAR = Period.parse("2026")
AS_OF = datetime(2027, 1, 4, 12, tzinfo=UTC)

# Instants are those of UTC. Every Monday and Saturday at 00:00 in London, and what has passed
# before; then each wait takes what has passed until its end, less what had until its beginning.
COUNT = """
WITH days AS (
  SELECT unnest(generate_series(DATE '2025-12-29', DATE '2027-02-01', INTERVAL 7 DAY)) AS day
), bounds AS (
  SELECT timezone('UTC', timezone('Europe/London', day::TIMESTAMP)) AS monday,
    timezone('UTC', timezone('Europe/London', day::TIMESTAMP + INTERVAL 5 DAY)) AS saturday
  FROM days
), weeks AS (
  SELECT monday, saturday, coalesce(sum(epoch_us(saturday) - epoch_us(monday)) OVER (
    ORDER BY monday ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::BIGINT AS passed
  FROM bounds
), ended AS (
  SELECT *, coalesce(replied_at, TIMESTAMP '2027-01-04 12:00:00') AS ended_at FROM waits
), took AS (
  SELECT team, plan, replied_at,
    l.passed + epoch_us(least(ended_at, l.saturday)) - epoch_us(l.monday)
    - f.passed - epoch_us(least(activated_at, f.saturday)) + epoch_us(f.monday) AS took
  FROM ended
  ASOF JOIN weeks f ON activated_at >= f.monday
  ASOF JOIN weeks l ON ended_at >= l.monday
)
SELECT team, plan, count(replied_at) AS replies,
  count(*) FILTER (replied_at IS NOT NULL AND took <= target) AS met,
  round(quantile_cont(took, 0.5) FILTER (replied_at IS NOT NULL) / 3.6e9, 2) AS median_hours,
  round(quantile_cont(took, 0.9) FILTER (replied_at IS NOT NULL) / 3.6e9, 2) AS p90_hours,
  count(*) FILTER (replied_at IS NULL AND took > target) AS breached_open
FROM took LEFT JOIN targets USING (plan) GROUP BY ALL ORDER BY ALL
"""


def make_waits(number: int) -> pd.DataFrame:
    """Waits over a year, two in a hundred of which last."""
    numbers = np.random.default_rng(2026)
    year = 365 * 24 * 3_600 * 10**6
    begins = np.datetime64("2026-01-01", "us") + numbers.integers(0, year, number).astype(
        "timedelta64[us]"
    )
    took = numbers.exponential(20 * 3_600 * 10**6, number).astype("timedelta64[us]")
    ends = np.minimum(begins + took, np.datetime64(AS_OF.replace(tzinfo=None), "us"))
    ends[numbers.random(number) < 0.02] = np.datetime64("NaT")

    def choose(values: list[str]) -> pd.Categorical:
        return pd.Categorical.from_codes(numbers.integers(0, len(values), number), values)

    return pd.DataFrame(
        {
            "team": choose([team.slug for team in parse_teams(DEFAULT_TEAMS)]),
            "plan": choose([plan.value for plan in Plan]),
            "severity": choose(["", "sev_1", "sev_2", "sev_3"]),
            "kind": choose([kind.value for kind in ReplyKind]),
            "activated_at": pd.Series(begins).dt.tz_localize("UTC"),
            "replied_at": pd.Series(ends).dt.tz_localize("UTC"),
        }
    )


def open_peer(waits: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    """DuckDB with the waits in a table of its own."""
    connection = duckdb.connect()
    naive = waits.assign(
        **{name: waits[name].dt.tz_localize(None) for name in ("activated_at", "replied_at")}
    )
    connection.register("given", naive)
    connection.execute(
        "CREATE TABLE waits AS SELECT team::TEXT AS team, plan::TEXT AS plan,"
        " activated_at, replied_at FROM given"
    )
    rows = [
        (plan.value, target // timedelta(microseconds=1))
        for plan, target in make_settings().targets.items()
    ]
    connection.execute("CREATE TABLE targets (plan TEXT, target BIGINT)")
    connection.executemany("INSERT INTO targets VALUES (?, ?)", rows)
    return connection


def main() -> None:
    waits, settings = make_waits(WAITS), make_settings()
    peer = open_peer(waits)

    def ours() -> pd.DataFrame:
        numbers = number_targets(Waits(waits, None), settings.targets, settings.timezone, AS_OF)
        return numbers.tabulate(YEAR)

    def theirs() -> list[tuple[object, ...]]:
        return peer.execute(COUNT).fetchall()

    check_same(ours(), theirs())
    runs: dict[str, tuple[Callable[[], object], list[float]]] = {
        "targets.csv, and by kind and severity": (ours, []),
        "DuckDB, by team and plan alone": (theirs, []),
    }
    for _ in range(REPEATS):
        for run, seconds in runs.values():
            started = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - started)
    medians = {name: statistics.median(seconds) for name, (_, seconds) in runs.items()}
    first, *_ = medians.values()
    for name, seconds in medians.items():
        print(f"    {name:<38} {seconds:5.2f} s, {first / seconds:.2f} of it for {WAITS:,} waits")
    if first > MOST_SECONDS:
        raise SystemExit(f"slower than {MOST_SECONDS} s")


def check_same(ours: pd.DataFrame, theirs: list[tuple[object, ...]]) -> None:
    names = ["team", "plan", "replies", "met", "median_hours", "p90_hours", "breached_open"]
    for row, other in zip(ours[names].values.tolist()[:-1], theirs, strict=True):
        # A plan without a target has none that met it, and none that is overdue.
        numbers = [float(value or 0) for value in row[2:]]
        others = [float(str(value)) for value in other[2:]]
        # DuckDB rounds halves up.
        if row[:2] != list(other[:2]) or not np.allclose(numbers, others, rtol=0, atol=0.0101):
            raise SystemExit(f"not the same: {row} and {other}")
    print(f"    the same numbers by both: {ours['replies'].iloc[-1]:,} replies with a target")


if __name__ == "__main__":
    main()
