"""Answers at full speed while Zendesk sends 10,000 webhooks a minute, against answers alone."""

import re
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.site import CONNECTIONS, SECONDS, load_answers
from survey.clock import now
from tests.support.command import ROOT
from tests.support.site import running_site
from tests.support.zendesk_webhook import WEBHOOK_SECRET, webhook_body, webhook_headers

REPEATS = 5
PER_MINUTE = 10_000
# An answer is slow beside webhooks if it takes longer than this many times the p99 without.
FACTOR = 1.5
# A little more, because a busy machine sends some of them late.
PACE = 10_300
SENDERS = 32
# Webhooks begin before the answers, and go on after them.
MARGIN_SECONDS = 1
MADE = 2 * PER_MINUTE * (SECONDS + 2 * MARGIN_SECONDS) // 60


def make_webhooks(path: Path) -> None:
    """Write webhooks for `webhooks.lua`, each about a ticket of its own."""
    run, at = uuid.uuid4().hex[:8], now()
    with path.open("w", encoding="utf-8") as file:
        for number in range(MADE):
            ticket = f"{run}-{number}"
            body = webhook_body(ticket_id=ticket, requester_external_id=f"customer-{ticket}")
            headers = webhook_headers(body, at, ticket)
            names = ("Signature", "Signature-Timestamp", "Invocation-Id")
            values = [headers[f"X-Zendesk-Webhook-{name}"] for name in names]
            file.write("\t".join([*values, body.decode()]) + "\n")


@contextmanager
def webhooks(url: str, folder: Path) -> Iterator[list[float]]:
    """Send webhooks meanwhile; afterwards, how many were taken a minute."""
    path = folder / "webhooks.tsv"
    make_webhooks(path)
    script = [str(ROOT / "bench/webhooks.lua"), url, "--", str(path), str(PACE), "1"]
    seconds = SECONDS + 2 * MARGIN_SECONDS
    options = ["-t1", f"-c{SENDERS}", f"-d{seconds}s", "--timeout", "20s", "-s"]
    process = subprocess.Popen(["wrk", *options, *script], stdout=subprocess.PIPE, text=True)
    per_minute: list[float] = []
    try:
        time.sleep(MARGIN_SECONDS)
        yield per_minute
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    if process.returncode or "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"{url}: webhooks failed\n{output}")
    per_minute.append(60 * float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]))


def main() -> None:
    print(f"{CONNECTIONS} connections, SQLite, one site process, medians of {REPEATS} runs")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {"CSAT_ZENDESK_WEBHOOK_SECRET": WEBHOOK_SECRET}
        with running_site(folder, "--no-deliver", **settings) as site:
            load_answers(site.url)  # warm
            runs = []
            for _ in range(REPEATS):
                limit = FACTOR * load_answers(site.url)["p99_ms"]
                without = load_answers(site.url, limit)
                with webhooks(site.url, folder) as per_minute:
                    beside = load_answers(site.url, limit)
                runs.append((without, beside, per_minute[0]))
    taken = statistics.median(run[2] for run in runs)
    ratio = statistics.median(b["p99_ms"] / a["p99_ms"] for a, b, _ in runs)
    print(f"SQLite: p99 of answers beside {taken:,.0f} webhooks a minute: {ratio:.2f} of without")
    if taken < PER_MINUTE:
        print(f"    too few webhooks: {PER_MINUTE:,} a minute were meant")
    for name in ("per_second", "p50_ms", "p99_ms"):
        alone, beside = (statistics.median(run[side][name] for run in runs) for side in (0, 1))
        print(f"    {name:<11} {beside:10,.1f}   without {alone:10,.1f}", flush=True)
    alone, beside = (statistics.median(run[side]["slower"] for run in runs) for side in (0, 1))
    print(f"    slower than {FACTOR} p99: {beside:.2%}   without {alone:.2%}", flush=True)


if __name__ == "__main__":
    main()
