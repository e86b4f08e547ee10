"""Shows an address without what may be a secret. Pure.

Every address that is printed, logged or written into a report goes through here: a database's, an
export's, a scheduler's, or one in an error of another program.
"""

import re
from urllib.parse import unquote

HIDDEN = "***"

# An address inside of other words ends before a space, a quote or a bracket.
_ADDRESS_IN_TEXT = re.compile(r"""[^\s"'<>()]+://[^\s"'<>()]*""")
_VALUE = re.compile(r"(?<==)[^&;]+")
# On the web a parameter need not have a name; elsewhere a `?` stands for any letter of a name.
_WEB_VALUE = re.compile(r"(?<==)[^&;]+|(?<=[?&;#])[^=&;]+(?=[&;]|$)")
_BEGINS_VALUES = re.compile(r"[?;#].*=", re.DOTALL)
_PORT = re.compile(r":\d*", re.ASCII)
# A part of an address that is shorter says nothing when it is found elsewhere in a text.
_SHORTEST_PART = 4


def show_address(address: str) -> str:
    """Return an address without passwords, and without the values of its parameters.

    People write a password's `@`, `/` and `?` as they are, leave out the host, or put the password
    into the query. So whatever may be one is hidden: `postgresql://csat:***@db/csat`,
    `postgresql://db/csat?password=***`.
    """
    return "".join(part for part, _ in _parts(address))


def hide_secrets(text: str, *addresses: str) -> str:
    """Return a text in which addresses stand, without their secrets; also without those of
    `addresses` where it names them alone."""
    secrets = {secret for address in addresses for _, secret in _parts(address)}
    for secret in sorted(secrets | set(map(unquote, secrets)), key=len, reverse=True):
        if len(secret) >= _SHORTEST_PART:
            text = text.replace(secret, HIDDEN)
    return _ADDRESS_IN_TEXT.sub(lambda match: show_address(match[0]), text)


def _parts(address: str) -> list[tuple[str, str]]:
    """Return an address in pieces: each as it is shown, and the secret that was in it, if any."""
    head, separator, rest = address.partition("://")
    if not separator:
        return _local_parts(address)
    values = _WEB_VALUE if head.endswith(("http", "https")) else _VALUE
    user, at, place = rest.rpartition("@")
    if at and _BEGINS_VALUES.search(user):
        # The @ may belong to a parameter, or what looks like one to a password.
        found = [("", match[0]) for match in values.finditer(rest)]
        return [(f"{head}://", ""), (HIDDEN, rest), *found]
    if at and not (rest.startswith("/") and ":" not in user):
        name, colon, password = user.partition(":")
        # A name alone may be a token.
        shown = f"{name}:{HIDDEN}@" if colon else f"{HIDDEN}@"
        hidden = password if colon else name
        return [(f"{head}://", ""), (shown, hidden), *_place_parts(place, values)]
    return [(f"{head}://", ""), *_host_parts(rest, values)]


def _local_parts(address: str) -> list[tuple[str, str]]:
    """Return the pieces of a path, or of an address without its scheme."""
    user, at, place = address.rpartition("@")
    name, colon, password = user.partition(":")
    if not at or not colon:
        return [(address, "")]
    return [(f"{name}:{HIDDEN}@", password), *_place_parts(place, _VALUE)]


def _host_parts(rest: str, values: re.Pattern[str]) -> list[tuple[str, str]]:
    """Return the pieces of what follows `://` if no user is named. A colon may begin a password."""
    end = min((place for mark in "/?#" if (place := rest.find(mark)) >= 0), default=len(rest))
    host, path = rest[:end], rest[end:]
    # Only the brackets of an IPv6 address hold colons.
    brackets, bracket, behind = host.rpartition("]")
    name, colon, port = behind.partition(":")
    is_port = _PORT.fullmatch(f"{colon}{port}") or not colon
    shown = (host, "") if is_port else (f"{brackets}{bracket}{name}:{HIDDEN}", port)
    return [shown, *_place_parts(path, values)]


def _place_parts(place: str, values: re.Pattern[str]) -> list[tuple[str, str]]:
    """Return the pieces of host, path and parameters; the parameters' values are hidden."""
    begin = min((found for mark in "?;#" if (found := place.find(mark)) >= 0), default=len(place))
    parts, done = [(place[:begin], "")], begin
    for match in values.finditer(place, begin):
        parts += [(place[done : match.start()], ""), (HIDDEN, match[0])]
        done = match.end()
    return [*parts, (place[done:], "")]
