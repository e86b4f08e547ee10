"""What the stand-ins of outside services share: a server, and how its handler answers."""

import socket
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from demo.behaviour import Behaviour, How
from demo.standin_page import JSON
from demo.wire import raw_answer, reset_connection

# How long a stop waits for the threads of connections.
STOP_SECONDS = 5.0


class StandInHandler(BaseHTTPRequestHandler):
    """A handler of one connection."""

    protocol_version = "HTTP/1.1"
    # Head and body are written separately. Without this, the kernel would keep the body back
    # until the client confirms the head.
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing, to keep the demo's terminal and the test output free."""

    def read_body(self) -> bytes:
        """Return the body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def act(self, behaviour: Behaviour, released: threading.Event) -> None:
        """Answer, or fail, as a behaviour says; `released` ends a hang."""
        if behaviour.how is How.ANSWER and not behaviour.seconds_per_byte:
            self.send(behaviour.status, behaviour.body, behaviour.headers)
            return
        self.close_connection = True
        if behaviour.how is How.ANSWER:
            self._send_slowly(behaviour, released)
        elif behaviour.how is How.HANG:
            released.wait()
        elif behaviour.how is How.TRUNCATE:
            self.wfile.write(raw_answer(behaviour.body, missing_bytes=100))
        else:
            reset_connection(self.connection)

    def send(self, status: int, body: str, headers: Mapping[str, str] | None = None) -> None:
        """Send an answer, as JSON."""
        # A 204 has no body, and no headers that describe a body.
        content = b"" if status == 204 else body.encode()
        self.send_response(status)
        if status != 204:
            headers = {"Content-Type": JSON, "Content-Length": str(len(content)), **(headers or {})}
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _send_slowly(self, behaviour: Behaviour, released: threading.Event) -> None:
        for byte in raw_answer(behaviour.body):
            self.wfile.write(bytes([byte]))
            released.wait(behaviour.seconds_per_byte)


class StandInServer(ThreadingHTTPServer):
    """A server with a thread per connection. It lists connections, so that `stop` can end all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, handler: type[StandInHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._closed = threading.Condition()
        super().__init__(("127.0.0.1", port), handler)

    def server_bind(self) -> None:
        """Bind without a look-up of this machine's name, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection before its thread begins."""
        with self._closed:
            self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Forget the connection when its thread ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._closed:
                self._open.discard(request)
                self._closed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report our own mistakes, but not a client that went away (OSError)."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def start(self, name: str) -> None:
        """Serve in a thread of this name."""
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, name=name, daemon=True
        ).start()

    def cut_off(self, seconds: float) -> None:
        """End all connections, and wait at most `seconds` for their threads."""
        with self._closed:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the connection has ended by itself
            self._closed.wait_for(lambda: not self._open, seconds)


class StandIn:
    """What a stand-in does whatever service it stands for: it listens, stops, and has an
    address."""

    def __init__(self, port: int, name: str) -> None:
        self._port = port
        self._name = name
        self._released = threading.Event()
        self._server: StandInServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen. After a stop, listen on the same port again, and keep all that was recorded.

        Raise OSError if the port is in use.
        """
        if self._server is not None:
            return
        self._released = threading.Event()
        self._server = self._make_server()
        self._port = self._server.server_port
        self._server.start(self._name)

    def stop(self) -> None:
        """Stop listening and end every connection, also those that hang."""
        server, self._server = self._server, None
        if server is None:
            return
        self._released.set()
        server.shutdown()
        server.server_close()
        server.cut_off(STOP_SECONDS)

    @property
    def url(self) -> str:
        """The stand-in's address, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    def _make_server(self) -> StandInServer:
        """Return a server on the stand-in's port; 0 is any free one."""
        raise NotImplementedError
