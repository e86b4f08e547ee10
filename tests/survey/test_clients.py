"""A client is a keyed hash: the same for the same customer, and nothing that tells an address."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.clients import Client, hash_link

KEY = "a key for tests only"
DAY = date(2026, 10, 14)


def are_one(*addresses):
    return len({Client(each).hash(KEY) for each in addresses}) == 1


def are_one_network(*addresses):
    return len({Client(each).hash_network(DAY, KEY) for each in addresses}) == 1


def test_a_client_is_an_address_of_ipv4_or_a_64_of_ipv6():
    assert not are_one("192.0.2.1", "192.0.2.2")
    assert are_one("2001:db8::1", "2001:db8::ffff:1", "2001:DB8:0:0:8000::")
    assert not are_one("2001:db8::1", "2001:db8:0:1::1")
    # Small numbers are not taken for addresses of the other kind.
    assert not are_one("::192.0.2.1", "192.0.2.1")


def test_a_network_is_a_24_of_ipv4_or_a_48_of_ipv6():
    assert are_one_network("192.0.2.1", "192.0.2.255")
    assert not are_one_network("192.0.2.1", "192.0.3.1")
    assert are_one_network("2001:db8::1", "2001:db8:0:ffff::1")
    assert not are_one_network("2001:db8::1", "2001:db8:1::1")


@pytest.mark.parametrize(
    "address",
    ["192.0.2.1:49152", " 192.0.2.1 ", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:80"],
)
def test_an_address_is_the_same_however_a_proxy_or_a_socket_writes_it(address):
    assert are_one(address, "192.0.2.1")
    assert are_one("2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:49152")


@pytest.mark.parametrize(
    "address", ["", "unknown", "_hidden", "192.0.2", "localhost:80", "[", "\0"]
)
def test_what_is_no_address_is_nobody(address):
    assert Client(address).hash(KEY) is None
    assert Client(address).hash_network(DAY, KEY) is None


@given(st.text(max_size=50))
def test_no_text_breaks_anything(text):
    Client(text).hash(KEY)
    assert hash_link(text, text, KEY)


def test_half_a_surrogate_pair_breaks_nothing_either():
    assert hash_link("\ud83e", "\udc00", KEY)


def test_a_network_is_another_one_on_another_day_and_under_another_secret():
    network = Client("192.0.2.1").hash_network(DAY, KEY)
    assert network != Client("192.0.2.1").hash_network(DAY + timedelta(days=1), KEY)
    assert network != Client("192.0.2.1").hash_network(DAY, "another secret")
    assert Client("192.0.2.1").hash(KEY) != Client("192.0.2.1").hash("another secret")


def test_links_that_look_alike_when_joined_are_told_apart():
    assert hash_link("4", "2jane", KEY) != hash_link("42", "jane", KEY)
