"""Two sites, two delivery workers and tick in three places on one PostgreSQL under load, against
one site with one worker; and the reckoning: nothing lost, nothing double."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import func, select

from demo.standin import PostHogStandIn
from survey.store.models import AnswerRow, ResponseRow
from tests.support.command import environment, run_csat
from tests.support.customers import Customers
from tests.support.postgresql import running_postgresql
from tests.support.reckoning import opened, summary
from tests.support.settings import SECRET_KEY
from tests.support.tree import SiteTree

SECONDS = float(os.environ.get("PROCESSES_SECONDS", "60"))
CUSTOMERS = 24
TICKS = 3


def tick_until(stop: threading.Event, variables: dict[str, str], failures: list[str]) -> None:
    """Tick once every few seconds, far more often than anybody needs."""
    while not stop.is_set():
        command = [sys.executable, "-P", "-m", "csat", "tick"]
        done = subprocess.run(
            command, env=environment(**variables), capture_output=True, text=True, check=False
        )
        if done.returncode:
            failures.append(done.stderr)
        stop.wait(5)


def measure(sites: int, folder: Path, database_url: str) -> None:
    variables = {"CSAT_DATABASE_URL": database_url, "CSAT_SECRET_KEY": SECRET_KEY}
    assert run_csat("db", "upgrade", **variables).returncode == 0
    stop, failures = threading.Event(), list[str]()
    ticks = [
        threading.Thread(target=tick_until, args=(stop, variables, failures))
        for _ in range(TICKS if sites > 1 else 0)
    ]
    with ExitStack() as stack:
        posthog = stack.enter_context(PostHogStandIn())
        trees = []
        for number in range(sites):
            own = folder / f"{sites}-{number}"
            own.mkdir()
            tree = SiteTree(own, database_url, posthog.url, "--no-tick")
            trees.append(stack.enter_context(tree))
        customers = Customers([tree.port for tree in trees], threads=CUSTOMERS, pause=0)
        with customers:
            for tick in ticks:
                tick.start()
            began = time.monotonic()
            time.sleep(SECONDS)
            thanked = customers.stop()
            seconds = time.monotonic() - began
            stop.set()
            for tick in ticks:
                tick.join()
        delivered_meanwhile = summary(database_url).delivered
        while summary(database_url).waiting:
            time.sleep(0.1)
        behind = time.monotonic() - began - seconds
        waits = sorted(each.seconds * 1000 for each in customers.thanks)
        uuids = Counter(event["uuid"] for event in posthog.submissions())
        check(len(thanked), uuids, len(posthog.events), database_url, failures)
    verified = run_csat("donations", "verify", **variables)
    p50, p99 = (waits[int(len(waits) * share)] for share in (0.5, 0.99))
    print(
        f"{sites} site(s), {sites} worker(s), {len(ticks)} tick(s): "
        f"{len(thanked) / seconds:,.0f} answers/s, {delivered_meanwhile / seconds:,.0f}"
        f" delivered/s meanwhile, the rest {behind:.1f} s later; p50 {p50:.0f} ms,"
        f" p99 {p99:.0f} ms, longest {waits[-1]:.0f} ms, {customers.refusals} refused;"
        f" {len(thanked):,} acknowledged, stored and at PostHog once; ledger"
        f" {'verifies' if verified.returncode == 0 else 'DIFFERS: ' + verified.stderr}",
        flush=True,
    )


def check(
    thanked: int, uuids: Counter[str], events: int, database_url: str, failures: Sequence[str]
) -> None:
    with opened(database_url) as database, database.reading() as connection:
        answers = connection.scalar(select(func.count()).select_from(AnswerRow))
        responses = connection.scalar(select(func.count()).select_from(ResponseRow))
    found = {"answers": answers, "uuids at PostHog": len(uuids), "events at PostHog": events}
    if set(found.values()) != {thanked} or failures:
        raise SystemExit(f"acknowledged {thanked}, but {found}; ticks: {failures}")
    print(f"    {responses:,} responses of {answers:,} answers", flush=True)


def main() -> None:
    print(f"PostgreSQL, {CUSTOMERS} customers without a pause, {SECONDS:.0f} s each")
    with tempfile.TemporaryDirectory(prefix="csat-bench-") as name, running_postgresql() as server:
        for sites in (1, 2):
            measure(sites, Path(name), server.create_database())


if __name__ == "__main__":
    main()
