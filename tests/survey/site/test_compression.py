"""Pages in gzip: whole, small, and one customer's never another's."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.languages import LANGUAGES
from survey.site.compression import PageWithGap
from tests.support.pages import Page, address

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@given(st.binary(), st.binary(), st.binary())
def test_a_page_with_its_gap_filled_is_whole(before, gap, after):
    page = PageWithGap(before, after)
    assert gzip.decompress(page.filled_gzip(gap)) == page.filled(gap) == before + gap + after


@pytest.mark.parametrize("size", [0, 0xFFFF, 0x10000, 200_000])
def test_a_gap_of_any_size_is_filled(size):
    page = PageWithGap(b"before" * 100, b"after" * 100)
    assert gzip.decompress(page.filled_gzip(b"x" * size)) == page.filled(b"x" * size)


def test_what_fills_the_gap_is_not_compressed_with_anything():
    page = PageWithGap(b"a secret " * 100, b"")
    with_the_same, with_another = b"a secret " * 10, b"zyxwvutsr" * 10
    assert len(page.filled_gzip(with_the_same)) == len(page.filled_gzip(with_another))


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda each: each.tag)
@pytest.mark.parametrize("rating", ["", "4"])
def test_the_compressed_page_is_the_page(client, language, rating):
    url = address(lang=language.tag, rating=rating)
    plain, packed = client.get(url), client.get(url, headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    unpacked = gzip.decompress(packed.data).decode()
    ids = [Page(html).fields["submit_id"] for html in (plain.text, unpacked)]
    assert unpacked.replace(ids[1], ids[0]) == plain.text
    assert ids[0] != ids[1]


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("br;q=1, gzip;q=0.5", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("br", None),
        ("", None),
    ],
)
def test_who_cannot_read_gzip_gets_none(client, accepted, encoding):
    sent = client.post(address(), data={"rating": "4"})
    for url in (address(ticketId="43"), sent.location, address(), "/nothing"):
        response = client.get(url, headers={"Accept-Encoding": accepted})
        assert response.headers.get("Content-Encoding") == encoding
        assert {"Accept-Encoding", "Accept-Language"} <= set(response.vary)
        assert int(response.headers["Content-Length"]) == len(response.data)


def test_head_says_what_get_would_and_sends_nothing(client):
    got, head = client.get(address(), headers=GZIP), client.head(address(), headers=GZIP)
    assert head.data == b""
    for name in ("Content-Length", "Content-Encoding", "Content-Type", "Cache-Control", "Vary"):
        assert head.headers[name] == got.headers[name]


def test_a_form_that_comes_back_is_compressed_too(client):
    response = client.post(address(), data={"comment": "kept " * 900}, headers=GZIP)
    assert (
        Page(zlib.decompress(response.data, wbits=31).decode()).fields["comment"].startswith("kept")
    )
    assert len(response.data) < 6_000


def test_one_customers_page_never_holds_anothers_link(client):
    urls = [address(distinct_id=f"customer-{n}", ticketId=str(n)) for n in range(3)]
    pages = [gzip.decompress(client.get(url, headers=GZIP).data).decode() for url in urls]
    for n, html in enumerate(pages):
        assert [f"customer-{m}" in html for m in range(3)] == [m == n for m in range(3)]
