"""Bytes of a connection: refused, or read as the same requests in whatever pieces they come, of
which the gateway makes an environment that WSGI allows."""

from wsgiref.validate import check_environ

from survey.serving.gateway import HttpResponse, base_environ, build_environ, encode_answer
from survey.serving.requests import Refused, Request, RequestReader

LIMIT = 1000
BASE = base_environ(("127.0.0.1", 8000))
SEEDS = (
    b"\x05GET /?ticketId=42 HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    b"\x01POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloGET / HTTP/1.0"
    b"\r\n\r\n",
    b"\x1fPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nA: b"
    b"\r\n\r\nHEAD http://b:80/%2e?x#y HTTP/1.1\r\nA_B: c\r\nA-B: d\r\n\r\n",
    b"\x40OPTIONS * HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\n",
    b"\x02CONNECT a:80 HTTP/1.1\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
)


def check(data: bytes) -> None:
    """Raise AssertionError for bytes that mean two things."""
    size, data = (data[:1] or b"\1")[0] or 1, data[1:]
    whole, status = _read([data])
    pieces, status_of_pieces = _read([data[at : at + size] for at in range(0, len(data), size)])
    shared = min(len(whole), len(pieces))
    # Who is refused in the middle has been given what came before, if it came before in time.
    assert whole[:shared] == pieces[:shared]
    # Of two faults either may be found first.
    assert (status is None) == (status_of_pieces is None)
    if status is None:
        assert len(whole) == len(pieces)
    for request in whole:
        assert len(request.body) <= LIMIT
        try:
            environ = build_environ(BASE, request, ("127.0.0.1", 1))
        except Refused as refused:
            assert refused.status == 400
            continue
        if request.method.isalpha() and environ["PATH_INFO"].startswith("/"):
            check_environ({**environ, "wsgi.errors": BASE["wsgi.errors"]})
        answer = HttpResponse("200 OK", [("A", "b")], b"c")
        sent = encode_answer(answer, keeps_alive=request.keeps_alive, version=request.version)
        assert sent.startswith(b"HTTP/1.1 200 OK\r\n")


def _read(pieces: list[bytes]) -> tuple[list[Request], int | None]:
    reader, found = RequestReader(LIMIT), []
    for piece in pieces:
        try:
            found += reader.feed(piece)
        except Refused as refused:
            return found, refused.status
        if found and not found[-1].keeps_alive:
            break  # the connection takes no more
    return found, None
