"""One connection: it receives requests, sends answers, and ends when its time is over."""

import contextlib
import socket
import threading
from collections import deque
from selectors import EVENT_READ, EVENT_WRITE
from time import monotonic
from typing import Protocol

import structlog

from survey.serving.gateway import Address
from survey.serving.requests import Phase, Refused, Request, RequestReader

RECEIVE_BYTES = 64 * 1024
# How long a connection may take, by what it waits for. A new connection that waits for its first
# byte counts as HEAD: a client that connects and sends nothing has no request.
PHASE_SECONDS = {Phase.IDLE: 30.0, Phase.HEAD: 10.0, Phase.BODY: 30.0}
# How long a client may receive nothing of an answer.
SEND_SECONDS = 20.0
# How long a client may continue to send after it was refused. A client that is cut off earlier
# may never read the answer.
DRAIN_SECONDS = 2.0
# How many requests a client may send ahead, without waiting for answers.
MAX_AHEAD = 16

log = structlog.get_logger()

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Owner(Protocol):
    """The methods of the server that a connection calls."""

    max_body_bytes: int

    def watch(self, connection: "Connection", events: int) -> None:
        """Call `on_ready` when one of these events happens; `events` is 0 for none."""

    def take(self, connection: "Connection", request: Request) -> None:
        """Make sure that `answer` is called with the answer to a request, now or later."""

    def refusal(self, status: int) -> bytes:
        """Return the whole answer to a refused request."""

    def hold(self, size: int) -> bool:
        """Count `size` more bytes of unfinished bodies. Return False if the total is too large."""

    def forget(self, connection: "Connection") -> None:
        """Forget a connection that has ended."""


class Connection:
    """A connection belongs to the thread that answers its request, else to the one with the turn.

    While a thread answers, no other thread ends the connection, and the connection has no
    deadline, because the application limits its own time. The lock guards which thread owns the
    connection.
    """

    def __init__(self, accepted: socket.socket, peer: Address, owner: Owner) -> None:
        self.socket = accepted
        self.peer = peer
        self.watched = 0
        self.deadline = monotonic() + PHASE_SECONDS[Phase.HEAD]
        self.is_answering = False
        self._owner = owner
        self._reader = RequestReader(owner.max_body_bytes)
        self._held_bytes = 0
        self._lock = threading.Lock()
        self._ahead: deque[Request] = deque()
        self._takes_no_more = False
        self._unsent = memoryview(b"")
        self._is_draining = False

    @property
    def is_idle(self) -> bool:
        """Whether the client has sent nothing of its next request."""
        return self._reader.phase is Phase.IDLE

    def on_ready(self, events: int) -> None:
        """Receive or send as much as possible now. Only the thread with the turn calls this."""
        try:
            self._on_ready(events)
        except Exception as error:
            # No error may end the thread that has the turn.
            log.error("connection failed", exc_info=error)
            self.close()

    def _on_ready(self, events: int) -> None:
        with self._lock:
            if self.is_answering:
                # The client has sent more, or has gone. The thread that answers will find out.
                self._owner.watch(self, 0)
                return
        if events & EVENT_WRITE and self._unsent:
            self._send_rest()
        if events & EVENT_READ and self.watched & EVENT_READ:
            self._receive()

    def answer(self, payload: bytes, *, keeps_alive: bool) -> None:
        """Send the answer to the current request. Only the thread that answered calls this."""
        if not keeps_alive:
            self._takes_no_more = True
            self._ahead.clear()
        try:
            sent = self.socket.send(payload)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()  # the client has gone
            return
        if sent == len(payload):
            self._go_on()
        else:
            self._unsent = memoryview(payload)[sent:]
            self.deadline = monotonic() + SEND_SECONDS
            self._release(EVENT_WRITE)

    def expire(self) -> None:
        """End a connection whose time is over. Answer 408 if a request is not complete."""
        if self.is_idle or self._unsent or self._is_draining:
            self.close()
        else:
            self._refuse(408)

    def stop(self) -> None:
        """Take no new request. End at once if no request is in progress."""
        with self._lock:
            self._takes_no_more = True
            is_under_way = self.is_answering or self._unsent or not self.is_idle
        if not is_under_way:
            self.close()

    def close(self) -> None:
        """End the connection."""
        self._hold(0)
        # The thread with the turn may find out at the same time that the client has gone. Only one
        # of the two threads can end the watch. In the other one that is an error, which would leave
        # the connection open.
        with self._lock:
            self._owner.forget(self)
        self.socket.close()

    def _receive(self) -> None:
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif not self._is_draining:
            self._read(data)

    def _read(self, data: bytes) -> None:
        before = self._reader.phase
        try:
            requests = self._reader.feed(data)
        except Refused as refused:
            self._refuse(refused.status)
            return
        if not self._hold(self._reader.body_bytes):
            self._refuse(503)
        elif requests:
            self._ahead.extend(requests[:MAX_AHEAD])
            self._takes_no_more |= self._reader.is_broken or len(requests) > MAX_AHEAD
            self._take_next()
        elif self._reader.phase is not before:
            self.deadline = monotonic() + PHASE_SECONDS[self._reader.phase]
            if self._reader.take_expectation():
                with contextlib.suppress(OSError):
                    self.socket.send(_CONTINUE)

    def _take_next(self) -> None:
        with self._lock:
            self.is_answering = True
        self._owner.take(self, self._ahead.popleft())

    def _go_on(self) -> None:
        """Continue after an answer was sent: take the next request, close, or wait for one."""
        if self._ahead:
            self._owner.take(self, self._ahead.popleft())
        elif self._takes_no_more:
            self.close()
        else:
            self.deadline = monotonic() + PHASE_SECONDS[self._reader.phase]
            self._release(EVENT_READ)

    def _release(self, events: int) -> None:
        """Give the connection back to the thread with the turn."""
        with self._lock:
            self.is_answering = False
            self._owner.watch(self, events)

    def _send_rest(self) -> None:
        try:
            sent = self.socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self.deadline = monotonic() + SEND_SECONDS
        elif self._is_draining:
            self._drain()
        else:
            with self._lock:
                self.is_answering = True
            self._go_on()

    def _refuse(self, status: int) -> None:
        self._takes_no_more = self._is_draining = True
        self._unsent = memoryview(self._owner.refusal(status))
        self.deadline = monotonic() + SEND_SECONDS
        self._owner.watch(self, EVENT_READ | EVENT_WRITE)

    def _drain(self) -> None:
        """Read on for a short time, and throw the data away. To close with unread bytes would send
        a reset, and the client could lose the answer."""
        self.deadline = monotonic() + DRAIN_SECONDS
        self._owner.watch(self, EVENT_READ)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def _hold(self, size: int) -> bool:
        """Count the held bytes of an unfinished body. Return False if the total is too large."""
        more, self._held_bytes = size - self._held_bytes, size
        return more == 0 or self._owner.hold(more)
