"""Requests that nobody means well with, made up at random, the same again from the same seed."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote_from_bytes

from survey.clock import now
from tests.support.hostile_paths import PATHS, REPORTS_PATHS
from tests.support.zendesk_webhook import SOLVED, webhook_headers

NAMES = (
    *("distinct_id", "ticketId", "team", "rating", "lang", "sig", "satisfaction", "answer", "x"),
    *("userId", "ticket_id", "ticketTeam", "initialTargetArea", "token"),
)
FILTERS = (
    *("team", "rating", "trust", "language", "q", "phrase", "commented", "page", "next", "x"),
    *("from", "to", "month", "year", "before", "without_amount"),
)
FIELDS = ("rating", "comment", "submit_id", "language", "x")
FIELDS_OF_REPORTS = (
    *("username", "password", "next", "day", "words", "month", "first", "amount", "currency"),
    *("reference", "paid_on", "reason", "charity", "charity_reference", "without_amount"),
    *("shown", "change", "x"),
)
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW")
HEADERS = (
    *("Accept", "Accept-Language", "Accept-Encoding", "Authorization", "Connection"),
    *("Content-Encoding", "Content-Language", "Content-Type", "Cookie", "Expect", "Forwarded"),
    *("Host", "If-Modified-Since", "If-None-Match", "Origin", "Range", "Referer", "Sec-Purpose"),
    *("TE", "Transfer-Encoding", "Upgrade", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto"),
    *("X-HTTP-Method-Override", "X-Request-ID", "X-Zendesk-Webhook-Signature"),
)
TEXTS = (
    b"42",
    b"5",
    b"",
    b"%",
    b"\0",
    b"\r\n",
    b"\xff\xfe",
    b"../../etc/passwd",
    b"' OR 1=1 --",
    b"<script>alert(1)</script>",
    "\u202e\u0000\ud7ff🦔".encode(),
    b"{{7*7}}{%x%}%s%n",
    b"-1e999",
    b"9" * 400,
    b"=cmd|' /C calc'!A0",
    b"gzip, deflate, br;q=0, *;q=nan",
    b"2026-10-14",
    b"0000-00-00..9999-99-99",
)
KINDS = (
    b"application/x-www-form-urlencoded",
    b"application/x-www-form-urlencoded; charset=utf-16",
    b"multipart/form-data; boundary=x",
    b"multipart/form-data",
    b"application/json",
    b"text/plain; charset=nonsense",
)
# One attempt in so many is sent slowly.
SLOW = 500


@dataclass(frozen=True)
class Attempt:
    """What a stranger sends over one connection: so many requests, in so many pieces, with a pause
    between them."""

    data: bytes
    requests: int = 1
    pieces: int = 1


@dataclass(frozen=True)
class Insider:
    """Somebody who is signed in to the reports: their cookie, and what their forms carry."""

    cookie: str
    csrf_token: str


class Hostility:
    """A source of hostile requests; some of an insider's, if there is one."""

    def __init__(self, seed: object, insider: Insider | None = None) -> None:
        self._chance = random.Random(str(seed))
        self._insider = insider
        self._makers: list[Callable[[], bytes]] = [
            *[self._noise, self._mutation, self._contradiction, self._excess, self._chunked] * 2,
            *[self._question, self._form] * 6,
            *[self._webhook, self._page_view] * 2,
        ]
        # What takes the processor a hundred times as long comes now and then.
        self._rare = [self._report, self._report_form] if insider else []

    def attempt(self) -> Attempt:
        """Return what is sent next, over one connection."""
        chance = self._chance
        if chance.random() < 0.1:
            requests = [self.request() for _ in range(chance.randrange(2, 25))]
            return Attempt(b"".join(requests), len(requests))
        pieces = chance.randrange(2, 8) if chance.randrange(SLOW) == 0 else 1
        return Attempt(self.request(), pieces=pieces)

    def request(self) -> bytes:
        """Return the next request, as bytes."""
        if self._rare and self._chance.random() < 0.02:
            return self._chance.choice(self._rare)()
        return self._chance.choice(self._makers)()

    def _bytes(self, longest: int = 40) -> bytes:
        if self._chance.random() < 0.5:
            return self._chance.choice(TEXTS)
        return self._chance.randbytes(self._chance.randrange(longest))

    def _target(self, paths: Sequence[str] = PATHS, names: Sequence[str] = NAMES) -> bytes:
        chance = self._chance
        path = chance.choice(paths).encode() + (self._bytes() if chance.random() < 0.2 else b"")
        encode = (lambda data: data) if chance.random() < 0.2 else _quote
        pairs = [
            chance.choice(names).encode() + b"=" + encode(self._bytes())
            for _ in range(chance.randrange(6))
        ]
        prefix = chance.choice((b"", b"", b"", b"/", b"http://elsewhere", b"//elsewhere/"))
        return prefix + path + b"?" + b"&".join(pairs)

    def _headers(self) -> list[bytes]:
        chance = self._chance
        return [
            chance.choice(HEADERS).encode() + b": " + self._bytes()
            for _ in range(chance.randrange(5))
        ]

    def _question(self) -> bytes:
        method = self._chance.choice(METHODS).encode()
        return _head(method, self._target(), self._headers())

    def _fields(self, names: Sequence[str]) -> bytes:
        chance = self._chance
        return b"&".join(
            chance.choice(names).encode() + b"=" + _quote(self._bytes(300))
            for _ in range(chance.randrange(6))
        )

    def _form(self) -> bytes:
        chance = self._chance
        body = self._fields(FIELDS)
        if chance.random() < 0.3:
            # One that is taken.
            ticket = chance.randrange(10)
            target, body = b"/?ticketId=%d" % ticket, b"rating=%d&" % chance.randrange(1, 6) + body
        else:
            target = self._target()
        return self._post(target, chance.choice(KINDS), body)

    def _post(self, target: bytes, kind: bytes, body: bytes) -> bytes:
        wrong = self._chance.choice((0, 0, 0, 0, 0, 1, -1, 7))
        length = b"Content-Length: %d" % (len(body) + wrong)
        headers = [b"Content-Type: " + kind, length, *self._headers()[:2]]
        return _head(b"POST", target, headers) + body

    def _chunked(self) -> bytes:
        """A body in chunks, perhaps with extensions, trailers, or a size that is wrong."""
        chance = self._chance
        body = b"rating=5&comment=" + _quote(self._bytes(300))
        pieces = []
        while body:
            piece, body = body[: (size := chance.randrange(1, 40))], body[size:]
            extension = chance.choice((b"", b"", b";a=b", b';x="\r"', b" "))
            written = len(piece) + chance.choice((0, 0, 0, 0, 0, 0, 1, 2**40))
            pieces.append(b"%x%s\r\n%s\r\n" % (written, extension, piece))
        end = chance.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nRating: 1\r\n\r\n", b""))
        headers = [
            b"Content-Type: application/x-www-form-urlencoded",
            b"Transfer-Encoding: chunked",
        ]
        return _head(b"POST", b"/?ticketId=chunked", headers) + b"".join(pieces) + end

    def _webhook(self) -> bytes:
        """A webhook, signed in half of all cases, of which a value or a byte is not as it was."""
        chance = self._chance
        values: dict[str, object] = dict(SOLVED)
        for _ in range(chance.randrange(3)):
            name = chance.choice((*SOLVED, "x"))
            text = self._bytes().decode("utf-8", "surrogateescape")
            values[name] = chance.choice((text, [text], {text: text}, None, 1e308, True, [[text]]))
        body = bytearray(json.dumps(values).encode())
        if chance.random() < 0.3:
            body[chance.randrange(len(body))] = chance.randrange(256)
        secret = () if chance.random() < 0.5 else ("another secret",)
        signed = webhook_headers(bytes(body), now(), f"{chance.randrange(100)}", *secret)
        headers = [f"{name}: {value}".encode() for name, value in signed.items()]
        headers.append(b"Content-Length: %d" % len(body))
        return _head(b"POST", b"/hooks/zendesk", headers) + body

    def _page_view(self) -> bytes:
        chance = self._chance
        uuid = f"{chance.getrandbits(128):032x}".encode()
        body = uuid if chance.random() < 0.7 else self._bytes(100)
        target = b"/shown?ticketId=%d" % chance.randrange(1000)
        return _head(b"POST", target, [b"Content-Length: %d" % len(body)]) + body

    def _report(self) -> bytes:
        headers = [*self._headers()[:2], *self._cookie()]
        return _head(
            self._chance.choice((b"GET", b"GET", b"GET", b"HEAD", b"POST")),
            self._target(REPORTS_PATHS, FILTERS),
            headers,
        )

    def _report_form(self) -> bytes:
        assert self._insider is not None
        body = self._fields(FIELDS_OF_REPORTS)
        if self._chance.random() < 0.8:
            body = b"csrf_token=" + self._insider.csrf_token.encode() + b"&" + body
        headers = [b"Content-Type: " + KINDS[0], b"Content-Length: %d" % len(body)]
        path = self._chance.choice(REPORTS_PATHS).encode()
        return _head(b"POST", path, [*headers, *self._cookie()]) + body

    def _cookie(self) -> list[bytes]:
        assert self._insider is not None
        if self._chance.random() < 0.9:
            return [f"Cookie: {self._insider.cookie}".encode()]
        return [b"Cookie: csat_reports=" + _quote(self._bytes())]

    def _mutation(self) -> bytes:
        data = bytearray(self._form())
        for _ in range(self._chance.randrange(1, 5)):
            data[self._chance.randrange(len(data))] = self._chance.randrange(256)
        return bytes(data[: self._chance.randrange(1, len(data) + 1)])

    def _noise(self) -> bytes:
        return self._chance.randbytes(self._chance.randrange(1, 2000))

    def _contradiction(self) -> bytes:
        lines = [
            b"Content-Length: 5",
            b"Content-Length: 6",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: identity",
            b"Expect: 100-continue",
            b"Connection: close, keep-alive",
            b"Upgrade: h2c",
        ]
        chosen = self._chance.sample(lines, self._chance.randrange(1, 5))
        return _head(b"POST", b"/", chosen) + b"5\r\nhello\r\n0\r\n\r\n"

    def _excess(self) -> bytes:
        chance = self._chance
        size = chance.choice((10_000, 40_000, 300_000))
        return chance.choice(
            (
                b"GET /" + size * b"x" + b" HTTP/1.1\r\n\r\n",
                b"GET / HTTP/1.1\r\nA: " + size * b"x" + b"\r\n\r\n",
                b"GET / HTTP/1.1\r\n" + size // 10 * b"A: 123\r\n" + b"\r\n",
                b"POST /?ticketId=1 HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size + size * b"&",
                b"POST /?ticketId=1 HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                b"Content-Length: %d\r\n\r\ncomment=" % (size + 8) + size * b"%",
                200 * b"GET /hedgehogs.json HTTP/1.1\r\n\r\n",
            )
        )


def _head(method: bytes, target: bytes, headers: Sequence[bytes]) -> bytes:
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", *headers]) + b"\r\n\r\n"


def _quote(data: bytes) -> bytes:
    return quote_from_bytes(data).encode()
