"""The connections of a session. Another thread can end them; they read only part of an answer."""

import contextlib
import socket
from dataclasses import dataclass
from io import BytesIO
from time import monotonic
from typing import Any
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.connection import create_connection

# The longest wait for one address of the host; then the next one is tried, if there is time.
CONNECT_SECONDS = 4.0
# No more than this is read of an answer, if nothing else is said; PostHog's own answers have some
# hundred bytes.
MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True)
class HttpAnswer:
    """The answer of the other side: its status and the beginning of its body, decompressed."""

    status: int
    body: bytes


class EndableAdapter(HTTPAdapter):
    """An adapter that knows the sockets of its connections, so that another thread can end them."""

    def __init__(self, longest_answer: int = MAX_ANSWER_BYTES) -> None:
        self._longest_answer = longest_answer
        self.last_answer: HttpAnswer | None = None
        self._ends_at = 0.0
        self._sockets: WeakSet[socket.socket] = WeakSet()
        super().__init__()

    def begin(self, ends_at: float) -> None:
        """Begin a new request, which must end by `ends_at`, a time of `monotonic`."""
        self.last_answer = None
        self._ends_at = ends_at

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use our connection classes where there is no proxy."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes()

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Use our connection classes for a proxy, too."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pool_classes()
        return manager

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request and read the beginning of the answer. It is read here, because `requests`
        reads all of a redirect, and guesses the encoding if the answer does not name it."""
        response = super().send(*args, **kwargs)
        body = _read_beginning(response.raw, self._longest_answer)
        self.last_answer = HttpAnswer(response.status_code, body)
        response.raw, response.encoding = BytesIO(body), "utf-8"
        return response

    def end_connections(self) -> None:
        """Shut down all sockets: code that waits for one of them then reads the end of stream."""
        for open_socket in list(self._sockets):
            with contextlib.suppress(OSError):
                # This goes around TLS, whose own shutdown would wait for the other side.
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)

    def connect(self, connection: HTTPConnection) -> socket.socket:
        """Return a socket to the first address of the host that answers, before the deadline."""
        host, port = connection._dns_host, connection.port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(connection.host, connection, error) from error
        failure: OSError | None = None
        for *_, address in found:
            left = min(CONNECT_SECONDS, self._ends_at - monotonic())
            if left <= 0:
                break
            try:
                connected = create_connection(
                    (str(address[0]), int(address[1])),
                    left,
                    source_address=connection.source_address,
                    socket_options=connection.socket_options,
                )
                self._admit(connected)
                return connected
            except OSError as error:
                failure = error
        if failure is None or isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(connection, f"connecting to {host} timed out")
        raise NewConnectionError(connection, f"cannot connect to {host}: {failure}")

    def _admit(self, connected: socket.socket) -> None:
        """Add a socket to those that can be ended. Close it and raise TimeoutError if the deadline
        has passed."""
        self._sockets.add(connected)
        if monotonic() >= self._ends_at:
            connected.close()
            raise TimeoutError

    def _pool_classes(self) -> dict[str, Any]:
        connect, admit = self.connect, self._admit

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return connect(self)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return connect(self)

            def connect(self) -> None:
                super().connect()
                # TLS has replaced the socket by another one. The whole TLS handshake had the time
                # limit for connecting.
                admit(self.sock)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        return {"http": PlainPool, "https": SecurePool}


def _read_beginning(raw: Any, length: int) -> bytes:
    """Return at most `length` bytes of a body, decompressed; none if it cannot be decompressed.

    Raises requests.ConnectionError when the body ends too early.
    """
    body = b""
    try:
        # `stream` is not used, because it reads the sizes of chunks in lines of any length.
        body = raw.read(length, decode_content=True)
    except DecodeError:
        raw.close()
    except HTTPError as error:
        raise requests.ConnectionError(error) from error
    if len(body) >= length:
        raw.close()  # otherwise the unread rest would come before the next answer
    return body
