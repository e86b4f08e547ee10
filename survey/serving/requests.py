"""Reading HTTP requests in parts as they arrive, within limits. This module uses no network.

The parser is llhttp, which is strict. It refuses a request that two programs could read in two
ways: `Content-Length` beside `Transfer-Encoding`, a second length, a space before a colon.
"""

from dataclasses import dataclass, field
from enum import Enum
from time import monotonic

import httptools

# Our longest link has some 3 kB when each character is percent-encoded.
MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100


class Refused(Exception):
    """A request that the application does not answer; `status` is the status of the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Phase(Enum):
    """What a connection is waiting for."""

    IDLE = "the first byte of a request"
    HEAD = "the rest of the head"
    BODY = "the rest of the body"


@dataclass
class Request:
    """One request. `target` is unchanged from the request line, headers are as they were sent; `id`
    is given by the server."""

    method: str
    target: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    keeps_alive: bool
    # The time when the whole request had arrived.
    received_at: float = field(default_factory=monotonic, compare=False)
    id: str = field(default="", compare=False)

    def find_header(self, name: bytes) -> str | None:
        """Return the value of the only header of this name, in lower case; None if there is none,
        or several."""
        found = [value for each, value in self.headers if each.lower() == name]
        return found[0].decode("latin-1") if len(found) == 1 else None


@dataclass
class _Draft:
    """The request that is being read."""

    target: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    head_bytes: int = 0
    body: list[bytes] = field(default_factory=list)
    body_bytes: int = 0
    expects_continue: bool = False


class RequestReader:
    """Makes requests from the bytes of one connection.

    The parser calls the methods that begin with `on_` during `feed`.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._draft = _Draft()
        self._complete: list[Request] = []
        self._refusal: int | None = None
        # The bytes that arrived since the parser last called us. The parser itself keeps them.
        self._unparsed_bytes = 0
        self.phase = Phase.IDLE

    @property
    def body_bytes(self) -> int:
        """How many bytes of an unfinished body are held in memory."""
        return self._draft.body_bytes

    def feed(self, data: bytes) -> list[Request]:
        """Return the requests that `data` completes. Raise Refused for a bad request; after that,
        nothing more can be read."""
        self._unparsed_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The client wants another protocol, which we do not have. The request is still valid.
            for request in self._complete:
                request.keeps_alive = False
        except httptools.HttpParserError:
            raise Refused(self._refusal or 400) from None
        if self.phase is Phase.HEAD and self._unparsed_bytes > MAX_HEAD_BYTES:
            raise Refused(431)
        complete, self._complete = self._complete, []
        return complete

    def take_expectation(self) -> bool:
        """Return whether the client waits for permission to send the body. Return True only once
        per request."""
        expects = self.phase is Phase.BODY and self._draft.expects_continue
        self._draft.expects_continue = False
        return expects

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._draft = _Draft()
        self.phase = Phase.HEAD

    def on_url(self, part: bytes) -> None:
        """Add a part of the target."""
        self._draft.target += part
        self._count_head(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a whole header. Ignore headers that follow a chunked body."""
        if self.phase is not Phase.HEAD:
            self._unparsed_bytes = 0
            return
        self._draft.headers.append((name, value))
        self._count_head(len(name) + len(value))
        if len(self._draft.headers) > MAX_HEADERS:
            self._refuse(431)
        name = name.lower()
        if name == b"content-length" and int(value) > self._max_body_bytes:
            self._refuse(413)
        elif name == b"expect":
            if value.lower() != b"100-continue":
                self._refuse(417)
            self._draft.expects_continue = True

    def on_headers_complete(self) -> None:
        """Wait for the body, because the head is complete."""
        self.phase = Phase.BODY

    def on_body(self, part: bytes) -> None:
        """Add a part of the body."""
        draft = self._draft
        self._unparsed_bytes = 0
        draft.body.append(part)
        draft.body_bytes += len(part)
        # The parser gives small parts one by one. Each would take more memory than its bytes.
        if len(draft.body) >= 64:
            draft.body = [b"".join(draft.body)]
        if draft.body_bytes > self._max_body_bytes:
            self._refuse(413)

    def on_message_complete(self) -> None:
        """Put the complete request on the list for `feed`."""
        draft, self._draft = self._draft, _Draft()
        self._unparsed_bytes = 0
        self.phase = Phase.IDLE
        self._complete.append(
            Request(
                method=self._parser.get_method().decode("ascii"),
                target=draft.target,
                version=self._parser.get_http_version(),
                headers=draft.headers,
                body=b"".join(draft.body),
                keeps_alive=self._parser.should_keep_alive(),
            )
        )

    def _count_head(self, size: int) -> None:
        self._unparsed_bytes = 0
        self._draft.head_bytes += size
        if self._draft.head_bytes > MAX_HEAD_BYTES:
            self._refuse(431)

    def _refuse(self, status: int) -> None:
        """Raise Refused to end parsing. Keep `status`, because the parser raises its own error."""
        self._refusal = status
        raise Refused(status)
