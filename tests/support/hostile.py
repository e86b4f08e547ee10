"""Requests that nobody means well with, made up at random, the same again from the same seed."""

import random
from collections.abc import Callable
from urllib.parse import quote_from_bytes

PATHS = ("/", "/thanks", "/shown", "/hedgehogs", "/hedgehogs.json", "/metrics", "/readyz", "/x")
NAMES = ("distinct_id", "ticketId", "team", "rating", "lang", "sig", "satisfaction", "answer", "x")
FIELDS = ("rating", "comment", "submit_id", "language", "x")
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "BREW")
HEADERS = (
    "Accept-Language",
    "Accept-Encoding",
    "Authorization",
    "Content-Type",
    "Cookie",
    "Expect",
    "Host",
    "If-None-Match",
    "Range",
    "Transfer-Encoding",
    "User-Agent",
    "X-Forwarded-For",
)
TEXTS = (
    b"42",
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
)


class Hostility:
    """A source of hostile requests."""

    def __init__(self, seed: object) -> None:
        self._chance = random.Random(str(seed))

    def request(self) -> bytes:
        """The next one, as bytes."""
        makers: tuple[Callable[[], bytes], ...] = (
            self._noise,
            self._question,
            self._question,
            self._form,
            self._form,
            self._mutation,
            self._contradiction,
            self._excess,
        )
        return self._chance.choice(makers)()

    def _bytes(self, longest: int = 40) -> bytes:
        if self._chance.random() < 0.5:
            return self._chance.choice(TEXTS)
        return self._chance.randbytes(self._chance.randrange(longest))

    def _target(self) -> bytes:
        chance = self._chance
        path = chance.choice(PATHS).encode() + (self._bytes() if chance.random() < 0.2 else b"")
        encode = (lambda data: data) if chance.random() < 0.2 else _quote
        pairs = [
            chance.choice(NAMES).encode() + b"=" + encode(self._bytes())
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
        return b"\r\n".join([method + b" " + self._target() + b" HTTP/1.1", *self._headers()]) + (
            b"\r\n\r\n"
        )

    def _form(self) -> bytes:
        chance = self._chance
        body = b"&".join(
            chance.choice(FIELDS).encode() + b"=" + _quote(self._bytes(300))
            for _ in range(chance.randrange(6))
        )
        if chance.random() < 0.3:
            # One that is taken.
            ticket = chance.randrange(10)
            target, body = b"/?ticketId=%d" % ticket, b"rating=%d&" % chance.randrange(1, 6) + body
        else:
            target = self._target()
        kind = chance.choice(
            (
                b"application/x-www-form-urlencoded",
                b"multipart/form-data; boundary=x",
                b"multipart/form-data",
                b"application/json",
                b"text/plain; charset=nonsense",
            )
        )
        return (
            b"POST " + target + b" HTTP/1.1\r\nContent-Type: " + kind + b"\r\n"
            b"Content-Length: %d\r\n\r\n" % (len(body) + chance.choice((0, 0, 0, 1, -1, 7))) + body
        )

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
        return b"POST / HTTP/1.1\r\n" + b"\r\n".join(chosen) + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

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


def _quote(data: bytes) -> bytes:
    return quote_from_bytes(data).encode()
