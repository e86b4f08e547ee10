"""A real HTTP server as a webhook: it remembers what is posted, and answers as a test likes."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The part of the address that nobody else knows.
SECRET_PATH = "/services/T000/B000/s3cret"


@dataclass
class WebhookServer:
    """What a test sees of the server. `answers` come first, each once; then everything is
    accepted."""

    port: int = 0
    posts: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, str, Mapping[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{SECRET_PATH}"

    def refuse(self, status: int, body: str = "", **headers: str) -> None:
        """Answer the next post like this."""
        self.answers.append((status, body, headers))


@contextmanager
def webhook_server() -> Iterator[WebhookServer]:
    """A running server."""
    webhook = WebhookServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            accepted: tuple[int, str, Mapping[str, str]] = (200, "ok", {})
            status, answer, headers = webhook.answers.pop(0) if webhook.answers else accepted
            if status == 200:
                assert self.path == SECRET_PATH
                assert self.headers["Content-Type"] == "application/json"
                webhook.posts.append(json.loads(body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        webhook.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield webhook
        finally:
            server.shutdown()
            thread.join(10)
