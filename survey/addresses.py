"""How an address is shown: without what may be a secret. Pure.

Every address that is printed, logged or written into a report goes through here: a database's, an
export's, a scheduler's, one in an error of somebody else's program.
"""

import re

HIDDEN = "***"

# An address inside of other words ends before a space, a quote or a bracket.
_ADDRESS_IN_TEXT = re.compile(r"""[^\s"'<>()]+://[^\s"'<>()]*""")
_VALUE = re.compile(r"(?<==)[^&;]+")
_PORT = re.compile(r":\d*", re.ASCII)
# A part of an address that is shorter says nothing when it is found elsewhere in a text.
_SHORTEST_PART = 4


def show_address(address: str) -> str:
    """An address without passwords, and without the values of its parameters.

    People write a password's `@`, `/` and `?` as they are, leave out the host, or put the password
    into the query. So whatever may be one is hidden: `postgresql://csat:***@db/csat`,
    `postgresql://db/csat?password=***`.
    """
    return "".join(part for part, _ in _parts(address))


def hide_secrets(text: str, address: str | None = None) -> str:
    """A text in which addresses stand, without their secrets; also without those of `address`,
    where the text names them alone."""
    shown = _ADDRESS_IN_TEXT.sub(lambda match: show_address(match[0]), text)
    hidden = [secret for _, secret in _parts(address or "") if len(secret) >= _SHORTEST_PART]
    for secret in sorted(hidden, key=len, reverse=True):
        shown = shown.replace(secret, HIDDEN)
    return shown


def _parts(address: str) -> list[tuple[str, str]]:
    """An address in pieces: each as it is shown, and the secret that was in it, if any."""
    head, separator, rest = address.partition("://")
    if not separator:
        return _local_parts(address)
    user, at, place = rest.rpartition("@")
    if at and not (rest.startswith("/") and ":" not in user):
        name, colon, password = user.partition(":")
        # A name alone may be a token.
        shown = f"{name}:{HIDDEN}@" if colon else f"{HIDDEN}@"
        hidden = password if colon else name
        return [(f"{head}://", ""), (shown, hidden), *_place_parts(place)]
    return [(f"{head}://", ""), *_host_parts(rest)]


def _local_parts(address: str) -> list[tuple[str, str]]:
    """Of a path, or of an address without its scheme."""
    user, at, place = address.rpartition("@")
    name, colon, password = user.partition(":")
    if not at or not colon:
        return [(address, "")]
    return [(f"{name}:{HIDDEN}@", password), *_place_parts(place)]


def _host_parts(rest: str) -> list[tuple[str, str]]:
    """Of what follows `://` where no user is named: behind a colon may stand a password."""
    end = min((place for mark in "/?#" if (place := rest.find(mark)) >= 0), default=len(rest))
    host, path = rest[:end], rest[end:]
    name, colon, port = host.partition(":")
    is_port = host.startswith("[") or _PORT.fullmatch(f"{colon}{port}") or not colon
    shown = (host, "") if is_port else (f"{name}:{HIDDEN}", port)
    return [shown, *_place_parts(path)]


def _place_parts(place: str) -> list[tuple[str, str]]:
    """Of host, path and parameters: the values of the parameters are hidden."""
    begin = min((found for mark in "?;#" if (found := place.find(mark)) >= 0), default=len(place))
    parts, done = [(place[:begin], "")], begin
    for match in _VALUE.finditer(place, begin):
        parts += [(place[done : match.start()], ""), (HIDDEN, match[0])]
        done = match.end()
    return [*parts, (place[done:], "")]
