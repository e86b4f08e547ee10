"""What an application is told of a request, and how its answer goes over the wire."""

import pytest

from survey.serving.gateway import (
    HttpResponse,
    base_environ,
    begin_application,
    build_environ,
    encode_answer,
)
from survey.serving.requests import Refused, RequestReader

BASE = base_environ(("127.0.0.1", 8000))


def environ_of(target=b"/", *headers, body=b""):
    lines = [b"POST " + target + b" HTTP/1.1", *headers, b"Content-Length: %d" % len(body)]
    (request,) = RequestReader(1000).feed(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    return build_environ(BASE, request, ("192.0.2.1", 4711))


def test_path_and_query_are_those_of_the_target():
    environ = environ_of(b"/a%20b/%C3%BC?x=%C3%BC&y")
    assert environ["PATH_INFO"] == "/a b/\u00c3\u00bc"  # bytes, as WSGI has them in texts
    assert environ["QUERY_STRING"] == "x=%C3%BC&y"
    assert environ["REMOTE_ADDR"] == "192.0.2.1"


def test_a_whole_address_is_its_path():
    environ = environ_of(b"http://elsewhere.example/thanks?x=1")
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/thanks", "x=1")


@pytest.mark.parametrize("target", [b"ftp://elsewhere.example/", b"mailto:jane@example.com"])
def test_an_address_that_is_not_of_the_web_is_refused(target):
    with pytest.raises(Refused):
        environ_of(target)


def test_headers_stand_under_their_names_and_none_can_pass_for_another():
    environ = environ_of(
        b"/",
        b"Accept-Language: de",
        b"X-A: 1",
        b"x-a: 2",
        b"X_Forwarded_For: 1",
        b"Content-Type: t",
    )
    assert environ["HTTP_ACCEPT_LANGUAGE"] == "de"
    assert environ["HTTP_X_A"] == "1,2"
    assert environ["CONTENT_TYPE"] == "t"
    assert "HTTP_X_FORWARDED_FOR" not in environ


def test_a_body_has_its_own_length_however_it_came():
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    (request,) = RequestReader(1000).feed(chunked)
    environ = build_environ(BASE, request, ())
    assert environ["CONTENT_LENGTH"] == "5"
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert environ["wsgi.input"].read() == b"hello"


def test_an_application_may_write_yield_and_must_be_closed():
    closed = []

    class Parts(list):
        def close(self):
            closed.append(True)

    def application(environ, start_response):
        write = start_response("200 OK", [("X-A", environ["PATH_INFO"])])
        write(b"one ")
        return Parts([b"two ", b"three"])

    answer = begin_application(application, environ_of(b"/here")).finish()
    assert answer == HttpResponse("200 OK", [("X-A", "/here")], b"one two three")
    assert closed == [True]


def encoded(answer, method="GET", keeps_alive=True, version="1.1"):
    payload = encode_answer(answer, method=method, keeps_alive=keeps_alive, version=version)
    head, _, body = payload.partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), body


def test_an_answer_has_its_length_and_no_second_one():
    answer = HttpResponse(
        "200 OK", [("Content-Length", "99"), ("Connection", "x"), ("A", "b")], b"hello"
    )
    head, body = encoded(answer)
    assert head[:3] == ["HTTP/1.1 200 OK", "A: b", "Content-Length: 5"]
    assert not [line for line in head if line.startswith("Connection")]
    assert body == b"hello"


def test_head_tells_the_length_without_the_body():
    head, body = encoded(HttpResponse("200 OK", [("Content-Length", "99")], b""), method="HEAD")
    assert "Content-Length: 99" in head
    assert body == b""


def test_no_content_has_no_length():
    head, _ = encoded(HttpResponse("204 NO CONTENT"))
    assert not [line for line in head if line.startswith("Content-Length")]


@pytest.mark.parametrize(
    ("keeps_alive", "version", "line"),
    [(False, "1.1", "Connection: close"), (True, "1.0", "Connection: keep-alive")],
)
def test_the_client_is_told_what_becomes_of_the_connection(keeps_alive, version, line):
    head, _ = encoded(HttpResponse("200 OK"), keeps_alive=keeps_alive, version=version)
    assert line in head


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x", "a\nb", "a\rb"])
def test_a_header_of_two_lines_is_an_error(value):
    with pytest.raises(ValueError, match="line break"):
        encoded(HttpResponse("200 OK", [("A", value)]))
