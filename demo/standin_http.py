"""The stand-in's server: it treats batches as it was told, and serves the pages for people."""

import json
import socket
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from demo.behaviour import ACCEPTED_BODY, ALERTS_PATH, REDIRECT_TARGET, Behaviour, How
from demo.standin_page import HTML, JSON, Page, render_overview, report_file
from demo.wire import Refusal, raw_answer, read_batch, reset_connection

if TYPE_CHECKING:
    from demo.standin import PostHogStandIn


class Handler(BaseHTTPRequestHandler):
    """A handler of one connection."""

    protocol_version = "HTTP/1.1"
    # Head and body are written separately. Without this, the kernel would keep the body back
    # until the client confirms the head.
    disable_nagle_algorithm = True
    server: "Server"

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing, to keep the demo's terminal and the test output free."""

    def do_POST(self) -> None:
        """Treat a batch or a query as the stand-in was told. Answer 404 to all other posts."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self._is_query():
            self._answer_query(body)
            return
        if urlsplit(self.path).path == ALERTS_PATH:
            self._take_alert(body)
            return
        if urlsplit(self.path).path.rstrip("/") != "/batch":
            self._send(404, '{"detail": "not found"}')
            return
        behaviour, released = self.server.standin.next_behaviour()
        if behaviour.accepts:
            try:
                self._accept(body)
            except Refusal as refusal:
                self._send(refusal.status, refusal.body)
                return
        self._act(behaviour, released)

    def do_GET(self) -> None:
        """Send a page for people, or the state of a query."""
        if self._is_query():
            self._answer_query(b"")
        else:
            self._send_page(self._find_page(), with_body=True)

    def do_HEAD(self) -> None:
        """Send the headers of a page for people, without the page."""
        self._send_page(self._find_page(), with_body=False)

    def _accept(self, body: bytes) -> None:
        request = read_batch(body, self.headers.get("Content-Encoding", ""))
        if self.server.standin.is_refused(request["batch"]):
            raise Refusal(400, "invalid_payload", "the stand-in was told to refuse this event")
        if self.server.standin.is_choked_on(request["batch"]):
            raise Refusal(500, "server_error", "the stand-in was told to choke on this event")
        self.server.standin.record(request)

    def _take_alert(self, body: bytes) -> None:
        """Take a message as Slack does."""
        try:
            self.server.standin.alerts.append(str(json.loads(body)["text"]))
        except (ValueError, KeyError, TypeError):
            self._send(400, "invalid_payload")
        else:
            self._send(200, "ok")

    def _is_query(self) -> bool:
        return urlsplit(self.path).path.startswith("/api/projects/")

    def _answer_query(self, body: bytes) -> None:
        standin = self.server.standin
        authorization = self.headers.get("Authorization", "")
        released = standin.released
        behaviour = standin.queries.respond(self.command, self.path, authorization, body)
        self._act(behaviour, released)

    def _act(self, behaviour: Behaviour, released: threading.Event) -> None:
        if behaviour.how is How.ANSWER and not behaviour.seconds_per_byte:
            self._send(behaviour.status, behaviour.body, behaviour.headers)
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

    def _send(self, status: int, body: str, headers: Mapping[str, str] | None = None) -> None:
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

    def _find_page(self) -> Page | None:
        standin, path = self.server.standin, urlsplit(self.path).path
        if path == "/":
            return Page(
                render_overview(
                    standin.events, standin.overview, standin.highlights, standin.alerts
                ).encode(),
                HTML,
            )
        if path == "/events.json":
            return Page(json.dumps(standin.events, ensure_ascii=False).encode(), JSON)
        if path == REDIRECT_TARGET:
            return Page(ACCEPTED_BODY.encode(), JSON)
        if path.startswith("/report/") and standin.report_folder is not None:
            return report_file(standin.report_folder, path.removeprefix("/report/"))
        return None

    def _send_page(self, page: Page | None, *, with_body: bool) -> None:
        self.send_response(200 if page else 404)
        found = page or Page(b"There is nothing here.\n", "text/plain; charset=utf-8")
        self.send_header("Content-Type", found.content_type)
        self.send_header("Content-Length", str(len(found.content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if with_body:
            self.wfile.write(found.content)


class Server(ThreadingHTTPServer):
    """A server with a thread per connection. It lists connections, so that `stop` can end all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], standin: "PostHogStandIn") -> None:
        self.standin = standin
        self._open: set[socket.socket] = set()
        self._closed = threading.Condition()
        super().__init__(address, Handler)

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

    def cut_off(self, seconds: float) -> None:
        """End all connections, and wait at most `seconds` for their threads."""
        with self._closed:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the connection has ended by itself
            self._closed.wait_for(lambda: not self._open, seconds)
