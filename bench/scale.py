"""Ten million events: how time and memory grow, and Dask's workers with little memory."""

import tempfile
from pathlib import Path

from bench.aggregate import Bench, measure_files, measure_next_month
from bench.memory import resident_megabytes
from tests.support.dask import running_cluster

FEW, MANY = 2_000_000, 10_000_000
WORKERS = 2
# Of both workers together: less than a quarter of the events unpacked, 11 GB.
WORKER_MEMORY = "1GB"


def measure_growth(few: Bench, many: Bench) -> None:
    """How much longer five times as many events take, with what memory."""
    pairs = [(few.ours(), many.ours()) for _ in range(3)]
    ratios = sorted(b.seconds / a.seconds for a, b in pairs)
    print(
        f"csat aggregate, {many.rows:,} rows against {few.rows:,}: {ratios[1]:.2f} times as long"
        f" ({ratios[0]:.2f} to {ratios[2]:.2f}), {max(b.megabytes for _, b in pairs):,.0f} MB"
    )


def measure_workers(bench: Bench) -> None:
    """Workers over TCP, each with a limit, beside one process without."""
    alone = bench.ours()
    with (
        tempfile.TemporaryDirectory(prefix="csat-dask-") as folder,
        running_cluster(Path(folder), WORKERS, WORKER_MEMORY) as cluster,
    ):
        options = ("--engine", "dask", "--scheduler", cluster.address)
        together = bench.ours(*options, out="dask.csv")
        peaks = [resident_megabytes(worker.pid, most=True) for worker in cluster.workers]
    bench.check_same("ours", "dask")
    print(
        f"    {WORKERS} workers of {WORKER_MEMORY}: {together.seconds:.1f} s,"
        f" {together.seconds / alone.seconds:.2f} of one process;"
        f" most memory {max(peaks):,.0f} MB a worker"
    )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="csat-bench-") as name:
        few, many = Bench(Path(name, "few"), FEW), Bench(Path(name, "many"), MANY)
        measure_growth(few, many)
        measure_files(many)
        measure_next_month(many)
        measure_workers(many)
