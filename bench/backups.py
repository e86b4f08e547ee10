"""`csat backup` beside a site that takes answers, against copying the file and customers' waits
without it."""

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from bench.aggregate import run
from bench.store import make_store
from tests.support.customers import Customers, Thanks
from tests.support.settings import SECRET_KEY
from tests.support.tree import SiteTree

RESPONSES = 1_000_000
QUIET_SECONDS = 15.0


def measure_copy(source: Path, target: Path) -> float:
    """Seconds to copy the file, without a check, and to have it on the disk."""
    began = time.monotonic()
    shutil.copyfile(source, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    return time.monotonic() - began


def print_waits(what: str, thanks: list[Thanks], seconds: float) -> None:
    waits = sorted(each.seconds * 1000 for each in thanks)
    print(
        f"    {what}: {len(waits) / seconds:,.0f} answers/s;"
        f" p50 {statistics.median(waits):.0f} ms, "
        f"p99 {waits[int(len(waits) * 0.99)]:.0f} ms, longest {waits[-1]:.0f} ms",
        flush=True,
    )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="csat-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        url = f"sqlite:///{folder}/csat.db"
        make_store(url, RESPONSES)
        size = (folder / "csat.db").stat().st_size
        copied = measure_copy(folder / "csat.db", folder / "copy.db")
        with (
            SiteTree(folder, url, "http://127.0.0.1:9", "--no-deliver", "--no-tick") as site,
            Customers(site.port, threads=8, pause=0.02) as customers,
        ):
            customers.wait_for(100)
            began = time.monotonic()
            time.sleep(QUIET_SECONDS)
            quiet_until = time.monotonic()
            target = str(folder / "backup.db")
            done = run("csat", "backup", target, CSAT_DATABASE_URL=url, CSAT_SECRET_KEY=SECRET_KEY)
            ends = time.monotonic()
            customers.stop()
            thanks = customers.thanks
        print(
            f"SQLite, {RESPONSES:,} responses, {size / 1e6:,.0f} MB: csat backup"
            f" {done.seconds:.1f} s, {done.cpu_seconds:.1f} s CPU, {done.megabytes:,.0f} MB;"
            f" {done.seconds / copied:.1f} of copying the file ({copied:.1f} s)"
        )
        quiet = [each for each in thanks if began < each.asked_at < quiet_until]
        meanwhile = [each for each in thanks if quiet_until < each.asked_at < ends]
        print_waits("customers without it", quiet, quiet_until - began)
        print_waits("customers meanwhile ", meanwhile, ends - quiet_until)
        restored = run(
            "csat", "restore", target, CSAT_DATABASE_URL=f"sqlite:///{folder}/restored.db"
        )
        print(f"    csat restore {restored.seconds:.1f} s, {restored.cpu_seconds:.1f} s CPU")


if __name__ == "__main__":
    main()
