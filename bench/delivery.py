"""Delivery, against the posthog package's own queued client, into a server that answers at once."""

import logging
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import structlog
from posthog import Posthog
from sqlalchemy import insert

from survey.clock import now
from survey.delivery.failures import Verdict
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
BATCH_PATH = "/batch/"
UUIDS = re.compile(rb'"uuid": ("[^"]+")')


class Accepting(BaseHTTPRequestHandler):
    """Takes whatever comes by the batch call and forgets it: PostHog at no cost."""

    protocol_version = "HTTP/1.1"
    offers_v1 = False

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == BATCH_PATH:
            status, answer = b"200 OK", b'{"status": "Ok"}'
        elif self.offers_v1:
            status, answer = b"200 OK", results_of(body)
        else:
            status, answer = b"404 Not Found", b""
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(answer))
        # In one piece: in two, the second would wait 40 ms for the first to be acknowledged.
        self.wfile.write(head + answer)


class AcceptingByV1(Accepting):
    """The same with v1, whose answer names each event."""

    offers_v1 = True


def results_of(body: bytes) -> bytes:
    uuids = UUIDS.findall(body)
    return b'{"results": {%s}}' % b", ".join(uuid + b': {"result": "ok"}' for uuid in uuids)


@contextmanager
def accepting_server(handler: type[Accepting] = Accepting) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
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
            str(UUID(int=number)), f"{number}", f"customer-{number}", 4, "Thank you", "surveys", at
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

    def send(self, payloads) -> list[Verdict]:
        verdicts = self._sender.send(payloads)
        self._left -= len(payloads)
        if self._left <= 0:
            self._stop.set()
        return verdicts


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
    with accepting_server() as url, accepting_server(AcceptingByV1) as v1_url:
        for database in (small, large):
            upgrade(database)
        filled = 0

        def refilled(url: str = url) -> float:
            nonlocal filled
            fill(small, EVENTS, filled)
            filled += EVENTS
            return deliver(small, url)

        package = "the package's queued client"
        compare(f"{kind}: delivery", refilled, lambda: deliver_by_package(url), package)
        compare(f"{kind}: delivery by v1", lambda: refilled(v1_url), refilled, "the batch call")
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
