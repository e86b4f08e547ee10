"""Requests as they arrive: in any pieces the same, within limits, none that can be read twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.serving.requests import MAX_HEAD_BYTES, Phase, Refused, RequestReader

GET = b"GET /?ticketId=42 HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: ignored\r\n\r\n"
)


def read(data, limit=1000):
    return RequestReader(limit).feed(data)


def status_of(data, limit=1000):
    with pytest.raises(Refused) as refused:
        read(data, limit)
    return refused.value.status


def test_a_request_has_method_target_headers_and_body():
    (request,) = read(POST)
    assert (request.method, request.target, request.version) == ("POST", b"/", "1.1")
    assert request.headers == [(b"Host", b"a"), (b"Content-Length", b"5")]
    assert (request.body, request.keeps_alive) == (b"hello", True)


def test_chunks_make_one_body_and_what_follows_them_is_no_header():
    (request,) = read(CHUNKED)
    assert request.body == b"hello"
    assert [name for name, _ in request.headers] == [b"Host", b"Transfer-Encoding"]


@given(st.permutations([GET, POST, CHUNKED]), st.lists(st.integers(1, 200), max_size=20))
def test_pieces_do_not_matter(requests, lengths):
    data = b"".join(requests)
    reader, found = RequestReader(1000), []
    for length in [*lengths, len(data)]:
        piece, data = data[:length], data[length:]
        found += reader.feed(piece)
    assert found == [read(request)[0] for request in requests]
    assert reader.phase is Phase.IDLE


def test_what_comes_before_a_wish_for_another_protocol_is_answered_like_any_other():
    upgrade = b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert [each.keeps_alive for each in read(POST + upgrade)] == [True, False]


@pytest.mark.parametrize("rest", [b"bad", b"GET / HTTP/9.9\r\n", b"A" * 40])
def test_a_request_is_whole_whatever_follows_it(rest):
    reader = RequestReader(1000)
    assert reader.feed(POST + rest + b"\r\n\r\n") == read(POST)
    assert reader.is_broken


@pytest.mark.parametrize(
    ("head", "keeps_alive"),
    [
        (b"GET / HTTP/1.1\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n", False),
        (b"GET / HTTP/1.0\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", True),
        (b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", False),
        (b"CONNECT a:80 HTTP/1.1\r\n", False),
    ],
)
def test_whether_the_connection_goes_on(head, keeps_alive):
    (request,) = read(head + b"\r\n")
    assert request.keeps_alive is keeps_alive


@pytest.mark.parametrize(
    "data",
    [
        POST.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
        CHUNKED.replace(b"Host: a\r\n", b"Content-Length: 5\r\n"),
        POST.replace(b"Host: a", b"Content-Length: 5"),
        POST.replace(b"Content-Length: 5", b"Content-Length: 5, 5"),
        POST.replace(b"Content-Length: 5", b"Content-Length: +5"),
        POST.replace(b"Content-Length: 5", b"Content-Length: 99999999999999999999"),
        CHUNKED.replace(b"chunked", b"xchunked"),
        CHUNKED.replace(b"2;x=y", b"fffffffffffffffff"),
        GET.replace(b"Host:", b"Host :"),
        GET.replace(b"\r\n", b"\n"),
        GET.replace(b"Host: a", b"Host: a\r\n b"),
        GET.replace(b"Host: a", b"Host: a\x00"),
        GET.replace(b"/?", b"//?\xff"),
        GET.replace(b"/?", b"/ /?"),
        GET.replace(b"1.1", b"3.7"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_two_programs_could_read_in_two_ways_is_refused(data):
    assert status_of(data) == 400


class TestLimits:
    def test_a_long_body_is_refused_before_it_arrives(self):
        assert status_of(POST.replace(b"5\r\n\r\nhello", b"1001\r\n\r\n")) == 413
        assert len(read(POST, limit=5)) == 1

    def test_a_long_body_in_chunks_is_refused_when_it_is_too_long(self):
        reader = RequestReader(1000)
        reader.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        reader.feed(b"3e8\r\n" + 1000 * b"x" + b"\r\n")
        assert (reader.phase, reader.body_bytes) == (Phase.BODY, 1000)
        with pytest.raises(Refused) as refused:
            reader.feed(b"1\r\nx\r\n")
        assert refused.value.status == 413

    @pytest.mark.parametrize(
        "head",
        [
            b"GET /" + MAX_HEAD_BYTES * b"x" + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nA: " + MAX_HEAD_BYTES * b"x" + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + MAX_HEAD_BYTES // 8 * b"A: 1234\r\n" + b"\r\n",
            b"GET / HTTP/1.1\r\n" + 101 * b"A: 1\r\n" + b"\r\n",
        ],
        ids=["target", "value", "headers", "many headers"],
    )
    def test_a_long_head_is_refused_whole_or_in_pieces(self, head):
        assert status_of(head) == 431
        reader = RequestReader(1000)
        with pytest.raises(Refused) as refused:
            for begin in range(0, len(head), 1000):
                reader.feed(head[begin : begin + 1000])
        assert refused.value.status == 431

    def test_a_head_without_end_is_refused(self):
        reader = RequestReader(1000)
        reader.feed(b"GET / HTTP/1.1\r\nA: ")
        with pytest.raises(Refused) as refused:
            for _ in range(MAX_HEAD_BYTES // 1000 + 1):
                reader.feed(1000 * b"x")
        assert refused.value.status == 431


class TestExpectations:
    HEAD = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\n"

    def test_a_client_that_waits_with_its_body_is_told_once(self):
        reader = RequestReader(1000)
        assert reader.feed(self.HEAD + b"Content-Length: 5\r\n\r\n") == []
        assert reader.take_expectation()
        assert not reader.take_expectation()
        assert reader.feed(b"hello")[0].body == b"hello"

    def test_without_a_body_there_is_nothing_to_wait_for(self):
        reader = RequestReader(1000)
        assert len(reader.feed(self.HEAD + b"\r\n")) == 1
        assert not reader.take_expectation()

    def test_other_expectations_are_refused(self):
        assert status_of(b"GET / HTTP/1.1\r\nExpect: miracles\r\n\r\n") == 417
