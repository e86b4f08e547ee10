"""Who a client is for the limits: a keyed hash of its address, which is kept nowhere. Pure."""

import hmac
import re
from datetime import date
from ipaddress import IPv4Address, IPv6Address, ip_address

# One customer has a whole /64 of IPv6, so a client is that; a network is what one provider gives
# to a company or a street.
_CLIENT_BITS = {4: 32, 6: 64}
_NETWORK_BITS = {4: 24, 6: 48}

# Some proxies name the port, too: 192.0.2.1:49152 or [2001:db8::1]:49152.
_WITH_PORT = re.compile(r"\[([^]]*)\](?::\d+)?|([^:]*):\d+")

_DIGITS = 32


def hash_client(address: str, secret: str) -> str | None:
    """Return the keyed hash of a client: of its IPv4 address, or of its /64 of IPv6. Return None
    for a text that is no address, so that nobody knows who the client is."""
    client = _prefix_of(address, _CLIENT_BITS)
    return None if client is None else _digest(_digest(secret.encode(), "client"), client).hex()


def hash_network(address: str, day: date, secret: str) -> str | None:
    """Return the keyed hash of a client's network on a day: of its /24 of IPv4, or its /48 of IPv6;
    None likewise. The key is that of the day, so that nobody is recognised on another day."""
    network = _prefix_of(address, _NETWORK_BITS)
    if network is None:
        return None
    return _digest(_digest(secret.encode(), f"networks of {day}"), network).hex()


def hash_link(ticket_id: str, person: str, secret: str) -> str:
    """Return the keyed hash of who answers what: a ticket, and a distinct_id."""
    key = _digest(secret.encode(), "link")
    return _digest(key, f"{len(ticket_id)}:{ticket_id}{person}").hex()


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode("utf-8", "replace"), "sha256")[:16]


def _prefix_of(address: str, bits: dict[int, int]) -> str | None:
    parsed = _parse_address(address.strip())
    if parsed is None:
        return None
    return f"{parsed.version}:{int(parsed) >> parsed.max_prefixlen - bits[parsed.version]:x}"


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    match = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address(match[1] or match[2] if match else text)
    except ValueError:
        return None
    # A server that listens for IPv6 sees IPv4 clients under such an address.
    return (address.version == 6 and address.ipv4_mapped) or address
