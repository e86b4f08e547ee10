"""The site under load, against a bare Flask view on the same server and disk."""

import re
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.behaviour import hang
from demo.processes import free_port
from demo.standin import PostHogStandIn
from tests.support.command import ROOT, environment, run_csat
from tests.support.pages import address
from tests.support.postgresql import running_postgresql
from tests.support.site import answers, running_site, wait_until

CONNECTIONS = 32
SECONDS = 5
REPEATS = 3

FIGURES = {"p50_ms": r"50%\s+([\d.]+)(us|ms|s)", "p99_ms": r"99%\s+([\d.]+)(us|ms|s)"}
SLOWER = r"Slower: (\d+) of (\d+)"
IN_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def load(url: str, *script: str) -> dict[str, float]:
    """Requests per second and latencies of one run at 32 connections; errors end the bench."""
    # Longer than any answer takes: where writers wait in SQLite, that can be seconds.
    options = ["-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "20s", "--latency"]
    done = subprocess.run(["wrk", *options, *script], capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(f"{url}: requests failed\n{done.stdout}")
    found = {"per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])}
    for name, pattern in FIGURES.items():
        number, unit = re.search(pattern, done.stdout).groups()
        found[name] = float(number) * IN_MILLISECONDS[unit]
    if slower := re.search(SLOWER, done.stdout):
        found["slower"] = int(slower[1]) / int(slower[2])
    return found


def load_pages(url: str) -> dict[str, float]:
    return load(url, f"{url}{address()}")


def load_answers(url: str, limit_ms: float | None = None) -> dict[str, float]:
    """Answers for as many tickets; with a limit, also the share of those that took longer."""
    limit = [] if limit_ms is None else [str(limit_ms * 1000)]
    return load(url, "-s", str(ROOT / "bench/answers.lua"), url, "--", uuid.uuid4().hex, *limit)


@contextmanager
def running_peer(where: str) -> Iterator[str]:
    """The bare view, on an SQLite file or a PostgreSQL address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "bench.peer", str(port), where]
    process = subprocess.Popen(command, env=environment(), cwd=ROOT)
    try:
        wait_until(lambda: answers(url))
        yield url
    finally:
        process.terminate()
        process.wait(20)


def compare(what: str, measure, ours: str, peers: str, peer: str = "a bare Flask view") -> None:
    """Alternate between the two, so that both see the same noise; print medians."""
    measure(ours), measure(peers)  # both warm
    runs = [(measure(ours), measure(peers)) for _ in range(REPEATS)]
    ratio = statistics.median(a["per_second"] / b["per_second"] for a, b in runs)
    print(f"{what}: {ratio:.2f} of {peer}")
    for name in runs[0][0]:
        ours_value, peers_value = (
            statistics.median(run[side][name] for run in runs) for side in (0, 1)
        )
        print(f"    {name:<11} {ours_value:10,.1f}   peer {peers_value:10,.1f}", flush=True)


def compare_on(kind: str, url: str, peer_where: str, folder: Path) -> None:
    """Pages and answers on one kind of database; answers once more while PostHog hangs."""
    settings = {"CSAT_DATABASE_URL": url}
    if kind == "PostgreSQL":
        assert run_csat("db", "upgrade", **settings).returncode == 0
    with (
        running_site(folder, "--no-deliver", **settings) as site,
        running_peer(peer_where) as peer,
    ):
        compare(f"{kind}: page views/s", load_pages, site.url, peer)
        compare(f"{kind}: accepted answers/s, durable", load_answers, site.url, peer)
    with PostHogStandIn() as posthog:
        posthog.behave(hang())
        delivering = {"CSAT_POSTHOG_HOST": posthog.url, "CSAT_POSTHOG_KEY": "phc_bench"}
        with (
            running_site(folder, **settings, **delivering) as hanging,
            running_site(folder, "--no-deliver", **settings) as without,
        ):
            what = f"{kind}: accepted answers/s while PostHog hangs"
            compare(what, load_answers, hanging.url, without.url, "those without delivery")


def main() -> None:
    print(f"{CONNECTIONS} connections, one site process, medians of {REPEATS} runs")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare_on("SQLite", f"sqlite:///{folder}/csat.db", str(folder / "peer.db"), folder)
        with running_postgresql() as server:
            url, peer_url = server.create_database(), server.create_database()
            compare_on("PostgreSQL", url, peer_url, folder)
