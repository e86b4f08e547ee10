"""Delivery, against the posthog package's own queued client, into a server that answers at once."""

import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import structlog
from posthog import Posthog
from sqlalchemy import insert

from survey.clock import now
from survey.delivery.sender import PostHogSender
from survey.delivery.worker import Worker
from survey.events import Questions, build_event
from survey.outbox_payloads import pack_event
from survey.rules import Answer
from survey.store.database import Database
from survey.store.migrate import upgrade
from survey.store.models import AnswerRow, OutboxRow
from tests.support.postgresql import running_postgresql
from tests.support.settings import make_settings

EVENTS = 10_000
BACKLOG = 1_000_000
REPEATS = 3


class Accepting(BaseHTTPRequestHandler):
    """Takes whatever comes and forgets it: a stand-in for PostHog that costs nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        # In one piece: in two, the second would wait 40 ms for the first to be acknowledged.
        self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"status": "Ok"}')


@contextmanager
def accepting_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Accepting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def make_events(count: int, start: int = 0) -> Iterator[dict]:
    settings, at = make_settings(), now()
    for number in range(start, start + count):
        answer = Answer(
            f"uuid-{number}", f"{number}", f"customer-{number}", 4, "Thank you", "surveys", at
        )
        yield build_event(
            answer,
            Questions("How?"),
            team="surveys",
            submission_id=f"s-{number}",
            settings=settings,
        )


def fill(database: Database, count: int, start: int) -> None:
    """Put events into the outbox, with their answers, as they are after an outage."""
    at = now()
    for first in range(start, start + count, 10_000):
        events = list(make_events(min(10_000, start + count - first), first))
        with database.writing() as connection:
            connection.execute(
                insert(AnswerRow),
                [
                    {
                        "uuid": event["uuid"],
                        "source": "site",
                        "ticket_id": event["properties"]["ticketId"],
                        "distinct_id": event["distinct_id"],
                        "rating": 4,
                        "team": "surveys",
                        "answered_at": at,
                        "link_trust": "unverified",
                    }
                    for event in events
                ],
            )
            connection.execute(
                insert(OutboxRow),
                [
                    {
                        "answer_uuid": event["uuid"],
                        "ticket_id": event["properties"]["ticketId"],
                        "payload": pack_event(event),
                        "created_at": at,
                        "available_at": at,
                    }
                    for event in events
                ],
            )


class Counting:
    """Sends, and stops the worker after so many events."""

    def __init__(self, sender: PostHogSender, stop: threading.Event, limit: int) -> None:
        self._sender, self._stop, self._left = sender, stop, limit

    def send(self, payloads) -> None:
        self._sender.send(payloads)
        self._left -= len(payloads)
        if self._left <= 0:
            self._stop.set()


def deliver(database: Database, url: str) -> float:
    """Events/s of one worker over the next `EVENTS` of the outbox."""
    stop = threading.Event()
    sender = PostHogSender(url, "phc_bench")
    worker = Worker(database, Counting(sender, stop, EVENTS), now, stop, timedelta(days=30))
    began = time.perf_counter()
    worker.run()
    taken = time.perf_counter() - began
    sender.close()
    return EVENTS / taken


def deliver_by_package(url: str) -> float:
    """Events/s of the package's queued client, until its queue is empty."""
    events = list(make_events(EVENTS))
    client = Posthog("phc_bench", host=url, max_queue_size=2 * EVENTS)
    began = time.perf_counter()
    for event in events:
        client.capture(
            event["event"],
            distinct_id=event["distinct_id"],
            properties=event["properties"],
            timestamp=now(),
            uuid=None,
        )
    client.shutdown()
    return EVENTS / (time.perf_counter() - began)


def compare(what: str, ours: Callable[[], float], peers: Callable[[], float], peer: str) -> None:
    runs = [(ours(), peers()) for _ in range(REPEATS)]
    ratio = statistics.median(a / b for a, b in runs)
    print(f"{what}: {ratio:.2f} of {peer}")
    a, b = (statistics.median(run[side] for run in runs) for side in (0, 1))
    print(f"    events/s {a:10,.0f}   peer {b:10,.0f}", flush=True)


def measure_on(kind: str, small_url: str, large_url: str) -> None:
    small, large = (
        Database(make_settings(database_url=url).database_url) for url in (small_url, large_url)
    )
    with accepting_server() as url:
        for database in (small, large):
            upgrade(database)
        filled = 0

        def refilled() -> float:
            nonlocal filled
            fill(small, EVENTS, filled)
            filled += EVENTS
            return deliver(small, url)

        package = "the package's queued client"
        compare(f"{kind}: delivery", refilled, lambda: deliver_by_package(url), package)
        fill(large, BACKLOG, 0)
        what = f"{kind}: delivery with {BACKLOG:,} waiting"
        compare(what, lambda: deliver(large, url), refilled, f"that with {EVENTS:,}")
    small.close(), large.close()


def main() -> None:
    # A line for each batch is for operators.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(f"one worker, batches of at most 100, medians of {REPEATS} runs of {EVENTS:,} events")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure_on("SQLite", f"sqlite:///{folder}/small.db", f"sqlite:///{folder}/large.db")
    with running_postgresql() as server:
        measure_on("PostgreSQL", server.create_database(), server.create_database())
