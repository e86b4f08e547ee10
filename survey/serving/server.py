"""The HTTP server of a site worker. It adds little to the time that the application takes.

The application gets a request when the whole request has arrived. So a slow client uses a
connection but no thread. A connection needs little, so there may be thousands. If there are too
many, the server closes those that have waited longest without a request.

One of many threads has the turn (`turns`): it waits for events, reads, and answers. The others
wait for a commit, or for the turn.
"""

import contextlib
import resource
import selectors
import socket
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from survey.prometheus import REFUSED, counting
from survey.request_ids import choose_request_id, make_request_id
from survey.serving.connection import Connection
from survey.serving.gateway import (
    Begun,
    HttpResponse,
    base_environ,
    begin_application,
    build_environ,
    encode_answer,
)
from survey.serving.request_log import RequestLog
from survey.serving.requests import Refused, Request
from survey.serving.turns import STUCK_SECONDS, Turns

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# A worker holds as many connections as it may open files, but not more than this.
MAX_CONNECTIONS = 8_000
# Files that are opened for other purposes: the database, logs, modules.
RESERVED_FILES = 200
# The largest total of the unfinished bodies of all connections.
MAX_HELD_BYTES = 64 * 1024 * 1024
# How many requests may wait for a thread.
MAX_WAITING = 1_000
# How many connections are accepted before the server serves others.
ACCEPT_AT_ONCE = 64
SWEEP_SECONDS = 1.0
# How long requests that have begun may continue when the server stops.
STOP_SECONDS = 10.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Limits:
    """The limits of one server."""

    # At most this many answers are committed together. One thread is kept for urgent requests, so
    # there must be at least two.
    threads: int = 32
    max_body_bytes: int = 1024 * 1024
    # Requests for these paths are answered even when all threads are busy.
    urgent_paths: frozenset[bytes] = frozenset()
    # Whether the ids of requests come from a proxy of our own that stands before this server.
    trusts_request_ids: bool = False


class Server:
    """Answers requests on a listening socket with a WSGI application, until `stop` is called.

    `refusals` are the answers to requests that the application never sees, by status: 400, 408,
    413, 417, 431, 500 and 503. `request_log` gets each request that had arrived whole, and the
    status of its answer.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        listener: socket.socket,
        refusals: Mapping[int, HttpResponse],
        limits: Limits = Limits(),
        request_log: RequestLog | None = None,
    ) -> None:
        self.turns = Turns()
        self.max_body_bytes = limits.max_body_bytes
        self._application = application
        self._listener = listener
        self._refusals = refusals
        self._limits = limits
        self._request_log = request_log
        self._base_environ = base_environ(listener.getsockname())
        self._selector = selectors.DefaultSelector()
        # Ready connections, and requests that had to wait for a thread. The thread with the turn
        # continues with them; a thread that has just waited may also take a request.
        self._ready: deque[tuple[selectors.SelectorKey, int]] = deque()
        self._waiting: deque[tuple[Connection, Request]] = deque()
        self._threads = [
            threading.Thread(target=self._work, name=f"answers-{number + 1}", daemon=True)
            for number in range(limits.threads)
        ]
        self._connections: set[Connection] = set()
        self._max_connections = _raise_file_limit()
        self._lock = threading.Lock()
        self._held_bytes = 0
        self._waker, self._woken = socket.socketpair()
        self._is_accepting = False
        self._sweep_at = 0.0
        self._should_stop = threading.Event()
        self._stop_at: float | None = None
        self._is_over = threading.Event()
        for end in (listener, self._waker, self._woken):
            end.setblocking(False)

    def run(self) -> None:
        """Serve until `stop` was called and the current requests are answered."""
        self._selector.register(self._woken, selectors.EVENT_READ, self._clear_wakeup)
        self._accept_more()
        for thread in self._threads:
            thread.start()
        while not self._is_over.wait(STUCK_SECONDS):
            self.turns.pass_on_if_stuck()
            self._flush_log()
        for thread in self._threads:
            thread.join(1)
        self._close()
        self._flush_log()

    def stop(self) -> None:
        """Take no new connections, and let `run` return soon. Signal handlers may call this."""
        self._should_stop.set()
        self._wake()

    # The methods that connections call.

    def watch(self, connection: Connection, events: int) -> None:
        """Call a connection's `on_ready` when one of these events happens; 0 is for none."""
        if events == connection.watched:
            return
        if not events:
            self._selector.unregister(connection.socket)
        elif connection.watched:
            self._selector.modify(connection.socket, events, connection.on_ready)
        else:
            self._selector.register(connection.socket, events, connection.on_ready)
        connection.watched = events

    def take(self, connection: Connection, request: Request) -> None:
        """Answer a request now, in this thread. Let the request wait if this is the last thread,
        or if this is not one of our threads but the one that commits. Urgent ones never wait."""
        is_trusted = self._limits.trusts_request_ids
        given = request.find_header(b"x-request-id") if is_trusted else None
        request.id = choose_request_id(given, is_trusted=is_trusted)
        is_free = self.turns.are_threads_left if self.turns.is_mine else self._is_ours()
        if is_free or self._is_urgent(request):
            self._answer(connection, request)
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append((connection, request))
            self._wake()
        else:
            self._refuse(connection, request, 503)

    def refusal(self, status: int) -> bytes:
        """Return the whole answer to a request that is refused before it has arrived whole."""
        request_id = make_request_id()
        if self._request_log is not None:
            self._request_log.add_refusal(request_id, status)
        return self._encode_refusal(request_id, status)

    def hold(self, size: int) -> bool:
        """Count `size` more bytes of unfinished bodies. Return False if the total is too large."""
        with self._lock:
            self._held_bytes += size
            return size <= 0 or self._held_bytes <= MAX_HELD_BYTES

    def forget(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self.watch(connection, 0)
        self._connections.discard(connection)

    # The threads.

    def _wake(self) -> None:
        """Wake the thread that waits for events."""
        # A full pipe wakes the thread as well.
        with contextlib.suppress(BlockingIOError):
            self._waker.send(b"\0")

    def _is_ours(self) -> bool:
        return threading.current_thread() in self._threads

    def _work(self) -> None:
        while not self._is_over.is_set():
            self.turns.take()
            while self.turns.is_mine and not self._is_over.is_set():
                self._turn()
            # This thread has waited, and others work, so it can answer the waiting requests.
            self._answer_waiting()
        self.turns.pass_on()

    def _answer_waiting(self) -> None:
        while self._waiting:
            with contextlib.suppress(IndexError):  # another thread was faster
                self._answer(*self._waiting.popleft())

    def _turn(self) -> None:
        """Handle one event, or wait for some."""
        if self._ready:
            key, events = self._ready.popleft()
            key.data(events)
            return
        if self._waiting and self.turns.are_threads_left:
            self._answer_waiting()
            return
        self._ready.extend(self._selector.select(0.01 if self._waiting else SWEEP_SECONDS))
        if monotonic() >= self._sweep_at:
            self._sweep_at = monotonic() + SWEEP_SECONDS
            self._sweep()

    def _answer(self, connection: Connection, request: Request) -> None:
        try:
            with self.turns.application():
                environ = build_environ(self._base_environ, request, connection.peer)
                begun = begin_application(self._application, environ)
                if begun.future is None:
                    answer = begun.finish()
        except Exception as error:
            self._fail(connection, request, error)
            return
        if begun.future is None:
            self._send(connection, request, answer)
        else:
            # `_finish` runs in the thread that commits, or here if the commit is already done.
            begun.future.add_done_callback(lambda _: self._finish(connection, request, begun))

    def _finish(self, connection: Connection, request: Request, begun: Begun) -> None:
        try:
            answer = begun.finish()
        except Exception as error:
            self._fail(connection, request, error)
        else:
            self._send(connection, request, answer)

    def _send(self, connection: Connection, request: Request, answer: HttpResponse) -> None:
        keeps_alive = request.keeps_alive and not self._should_stop.is_set()
        try:
            payload = encode_answer(
                answer, method=request.method, keeps_alive=keeps_alive, version=request.version
            )
        except ValueError as error:
            self._fail(connection, request, error)
        else:
            self._note(request, int(answer.status[:3]))
            connection.answer(payload, keeps_alive=keeps_alive)

    def _fail(self, connection: Connection, request: Request, error: Exception) -> None:
        status = error.status if isinstance(error, Refused) else 500
        if status == 500:
            # The address holds personal data, so it is not logged.
            log.error(
                "request failed", method=request.method, request_id=request.id, exc_info=error
            )
        self._refuse(connection, request, status)

    def _refuse(self, connection: Connection, request: Request, status: int) -> None:
        self._note(request, status)
        connection.answer(self._encode_refusal(request.id, status), keeps_alive=False)

    def _encode_refusal(self, request_id: str, status: int) -> bytes:
        with counting():
            REFUSED.labels(str(status)).inc()
        answer = self._refusals[status].with_request_id(request_id)
        return encode_answer(answer, keeps_alive=False, version="1.1")

    def _note(self, request: Request, status: int) -> None:
        if self._request_log is not None:
            self._request_log.add(request, status)

    def _flush_log(self) -> None:
        if self._request_log is not None:
            self._request_log.flush()

    def _is_urgent(self, request: Request) -> bool:
        return request.target.partition(b"?")[0] in self._limits.urgent_paths

    # The handling of connections, which only the thread with the turn does.

    def _clear_wakeup(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        if self._should_stop.is_set() and self._stop_at is None:
            self._stop_at = monotonic() + STOP_SECONDS
            self._accept_no_more()
            for connection in list(self._connections):
                connection.stop()
            self._sweep()

    def _accept_more(self) -> None:
        if not self._is_accepting and self._stop_at is None:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
            self._is_accepting = True

    def _accept_no_more(self) -> None:
        if self._is_accepting:
            self._selector.unregister(self._listener)
            self._is_accepting = False

    def _accept(self, _events: int) -> None:
        for _ in range(ACCEPT_AT_ONCE):
            if len(self._connections) >= self._max_connections and not self._make_room():
                self._accept_no_more()  # until the next sweep
                return
            try:
                accepted, peer = self._listener.accept()
            except BlockingIOError:
                return  # another worker was faster, or no client waits
            except OSError as error:
                log.error("connection not accepted", reason=error.strerror)
                if not self._make_room():
                    self._accept_no_more()
                return
            accepted.setblocking(False)
            with contextlib.suppress(OSError):
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(accepted, peer, self)
            self._connections.add(connection)
            self.watch(connection, selectors.EVENT_READ)

    def _make_room(self) -> bool:
        """End the 5 % of connections that have waited longest. Return False if all are busy."""
        waiting = [each for each in list(self._connections) if not each.is_answering]
        # Connections with a request in progress are ended last.
        waiting.sort(key=lambda each: (not each.is_idle, each.deadline))
        for connection in waiting[: len(waiting) // 20 + 1]:
            connection.close()
        return bool(waiting)

    def _sweep(self) -> None:
        now = monotonic()
        for connection in list(self._connections):
            if not connection.is_answering and connection.deadline < now:
                connection.expire()
        self._accept_more()
        if self._stop_at is not None and (not self._connections or now > self._stop_at):
            self._is_over.set()

    def _close(self) -> None:
        self._selector.close()
        for end in (self._listener, self._waker, self._woken):
            end.close()
        for connection in list(self._connections):
            connection.socket.close()


def _raise_file_limit() -> int:
    """Raise this process's limit for open files. Return how many connections the limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + RESERVED_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    available = wanted if soft == resource.RLIM_INFINITY else soft
    return max(min(available - RESERVED_FILES, MAX_CONNECTIONS), 16)
