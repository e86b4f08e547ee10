"""HTTP as bytes, for what no well-behaved client sends; and an application behind our server."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from survey.serving.gateway import HttpResponse
from survey.serving.request_log import RequestLog
from survey.serving.server import Limits, Server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

REFUSALS = {
    status: HttpResponse(f"{status} REFUSED", [("X-Ours", "yes")], b"refused")
    for status in (400, 408, 413, 417, 431, 500, 503)
}


class Client:
    """A connection that sends bytes as they are."""

    def __init__(self, address: tuple[str, int], sends: bytes = b"", timeout: float = 10) -> None:
        self.socket = socket.create_connection(address, timeout=timeout)
        self._received = b""
        if sends:
            self.socket.sendall(sends)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers, body."""
        while b"\r\n\r\n" not in self._received:
            self._receive_more()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = dict(each.split(": ", 1) for each in rest)
        length = int(headers.get("Content-Length", "0"))
        while len(self._received) < length:
            self._receive_more()
        body, self._received = self._received[:length], self._received[length:]
        return int(line.split()[1]), headers, body

    def is_ended(self, seconds: float = 5) -> bool:
        """Whether the server ends the connection within this time."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self.socket.close()

    def __del__(self) -> None:
        self.socket.close()

    def _receive_more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"the server ended the connection behind {self._received!r}")
        self._received += data


@contextmanager
def served_application(
    application: "WSGIApplication",
    request_log: RequestLog | None = None,
    **limits: object,
) -> Iterator[tuple[str, int]]:
    """An application behind our server; its address."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    bounds = Limits(**limits)  # type: ignore[arg-type]
    server = Server(application, listener, REFUSALS, bounds, request_log)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    address = listener.getsockname()
    try:
        yield address
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def many_clients(address: tuple[str, int], count: int, sends: bytes) -> Iterator[list[Client]]:
    """Connections that have sent something, and go on with nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # This end of each needs a file; the server's, where it is in this process, another.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * count + 500), hard), hard))
    clients: list[Client] = []
    try:
        clients.extend(Client(address, sends) for _ in range(count))
        yield clients
    finally:
        for client in clients:
            client.close()


def seconds_of(action) -> float:  # type: ignore[no-untyped-def]
    """How long something takes."""
    began = time.monotonic()
    action()
    return time.monotonic() - began
