"""TLS in front of a server of the tests, with a certificate that can be changed."""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class TlsFront:
    """What hands the bytes of each connection on to the server behind. `certificate` is that of
    connections that begin from now on."""

    certificate: ssl.SSLContext
    port: int = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@contextmanager
def tls_front(behind: int, certificate: ssl.SSLContext) -> Iterator[TlsFront]:
    """A running one, in front of a port of this machine."""
    front = TlsFront(certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            # A client that does not like the certificate ends the connection.
            with (
                contextlib.suppress(OSError),
                front.certificate.wrap_socket(self.request, server_side=True) as client,
                socket.create_connection(("127.0.0.1", behind)) as server,
            ):
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server)
                back.join(10)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        front.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield front
        server.shutdown()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
