"""HTTP requests that end in time, whatever the other side does."""

import contextlib
import socket
import threading
from typing import Any
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

# One request may take so long in all, from connecting to the last byte.
DEADLINE_SECONDS = 10.0
# Trying the next address of a host takes another such time.
CONNECT_SECONDS = 4.0


class DeadlineSession(requests.Session):
    """A session with a deadline for each request as a whole, that follows no redirects.

    A timeout of `requests` counts for each read: a byte a second keeps a request alive for ever.
    Here a timer ends the connection. A redirected POST arrives as a GET, whose 200 would look
    like acceptance. `last_status` is that of the last answer, 0 before there is one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last_status = 0
        self._adapter = _EndableAdapter()
        self.mount("http://", self._adapter)
        self.mount("https://", self._adapter)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request; raises requests.RequestException when it has not ended in time."""
        self.last_status = 0
        deadline = threading.Timer(DEADLINE_SECONDS, self._adapter.end_connections)
        deadline.daemon = True
        deadline.start()
        try:
            limits = {"timeout": (CONNECT_SECONDS, DEADLINE_SECONDS), "allow_redirects": False}
            response = super().request(*args, **{**kwargs, **limits})
        finally:
            deadline.cancel()
        self.last_status = response.status_code
        return response


class _EndableAdapter(HTTPAdapter):
    """Knows the sockets of its connections, so that they can be ended from another thread."""

    def __init__(self) -> None:
        self._sockets: WeakSet[socket.socket] = WeakSet()
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes()

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pool_classes()
        return manager

    def end_connections(self) -> None:
        """Whoever waits for one of them, reads its end."""
        for open_socket in list(self._sockets):
            with contextlib.suppress(OSError):
                # Past TLS, whose own goodbye would wait for the other side.
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)

    def _pool_classes(self) -> dict[str, Any]:
        sockets = self._sockets

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        return {"http": PlainPool, "https": SecurePool}
