"""A server that answers HTTP requests with whatever bytes a test likes."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[socket.socket], None]


@contextmanager
def raw_server(
    answer: Answer, *, reads_request: bool = True, seen: list[bytes] | None = None
) -> Iterator[int]:
    """The port of a server that reads a request and lets `answer` write to the connection, as
    often as there are connections. The heads of requests, in small letters, are put into `seen`."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                if reads_request:
                    length, head = 0, b""
                    while line := self.rfile.readline().strip().lower():
                        head += line + b"\n"
                        if line.startswith(b"content-length:"):
                            length = int(line.partition(b":")[2])
                    self.rfile.read(length)
                    if seen is not None:
                        seen.append(head)
                answer(self.request)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def body_of(content: bytes, status: int = 200, headers: str = "") -> Answer:
    """Answer once, in whole."""

    def answer(connection: socket.socket) -> None:
        # The connection ends then: who sends another request opens a new one.
        closing = "" if "Connection:" in headers else "Connection: close\r\n"
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n{closing}{headers}\r\n"
        connection.sendall(head.encode() + content)

    return answer


def endlessly(head: bytes, piece: bytes, pause: threading.Event | None = None) -> Answer:
    """Write the head, then the piece again and again, until the connection ends; with a pause,
    ten a second until it is set."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while pause is None or not pause.wait(0.1):
            connection.sendall(piece)

    return answer
