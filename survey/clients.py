"""Who a client is for the limits: a keyed hash of its address, which is kept nowhere. Pure."""

import hashlib
import re
from datetime import date
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from survey.signing_keys import derive_key

# Most clients have an address of IPv4. To parse one takes longer than all else here.
_IPV4 = re.compile(r"(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}", re.ASCII)


class Client:
    """The client of a request, by the address that the request came from. The address may be no
    address: then nobody knows the client, and the hashes are None.

    One customer has a whole /64 of IPv6, so that is a client. A network is what one provider gives
    to a company or a street: a /24 of IPv4, a /48 of IPv6.
    """

    def __init__(self, address: str) -> None:
        self._client: str | None
        self._network: str | None
        match = _IPV4.fullmatch(address)
        self._client, self._network = (match[0], match[1]) if match else _parse_address(address)

    def hash(self, secret: str) -> str | None:
        """Return the keyed hash of the client."""
        return None if self._client is None else _digest(self._client, _key(secret, "client"))

    def hash_network(self, day: date, secret: str) -> str | None:
        """Return the keyed hash of the client's network on a day. The key is that of the day, so
        that nobody is recognised on another day."""
        if self._network is None:
            return None
        return _digest(self._network, _key(secret, "network", day))


def hash_link(ticket_id: str, person: str, secret: str) -> str:
    """Return the keyed hash of who answers what: a distinct_id, and a ticket."""
    return _digest(f"{len(ticket_id)}:{ticket_id}{person}", _key(secret, "link"))


@lru_cache(maxsize=16)
def _key(secret: str, purpose: str, day: date | None = None) -> bytes:
    return derive_key(secret, f"limits: {purpose} {day}")


def _digest(text: str, key: bytes) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), key=key, digest_size=16).hexdigest()


def _parse_address(text: str) -> tuple[str, str] | tuple[None, None]:
    """Return the client and the network of an address, as text."""
    # Some proxies name the port, too: 192.0.2.1:49152 or [2001:db8::1]:49152.
    host, _, port = text.strip().rpartition(":")
    if not (port.isdecimal() and (host.endswith("]") or ":" not in host)):
        host = text.strip()
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None, None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        number = int(address)
        return f"{number >> 64:x}::/64", f"{number >> 80:x}::/48"
    # A server that listens for IPv6 sees IPv4 clients under an address of IPv6.
    plain = str(address.ipv4_mapped if isinstance(address, IPv6Address) else address)
    return plain, plain.rpartition(".")[0]
