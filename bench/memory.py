"""Memory of the site and of delivery over a million answers: it must not grow."""

import tempfile
from pathlib import Path

from bench.delivery import accepting_server
from bench.site import SECONDS, load_answers
from tests.support.site import running_site

ANSWERS = 1_000_000


def resident_megabytes(pid: int, most: bool = False) -> float:
    """What a process has in memory now, or the most that it ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM" if most else "VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"process {pid} has ended")


def main() -> None:
    with tempfile.TemporaryDirectory() as name, accepting_server() as posthog:
        settings = {"CSAT_POSTHOG_HOST": posthog, "CSAT_POSTHOG_KEY": "phc_bench"}
        with running_site(Path(name), **settings) as site:
            worker, delivery = site.children()
            answers, shown = 0.0, 0.0
            while answers < ANSWERS:
                run = load_answers(site.url)
                answers += run["per_second"] * SECONDS
                if answers >= shown:
                    print(
                        f"    after {answers:10,.0f} answers: site "
                        f"{resident_megabytes(worker):6.1f} MB, "
                        f"delivery {resident_megabytes(delivery):6.1f} MB",
                        flush=True,
                    )
                    shown += ANSWERS / 10
