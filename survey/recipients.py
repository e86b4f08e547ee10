"""Who gets a team's mails: addresses by team. Pure."""

import re
from collections.abc import Mapping, Sequence

from survey.teams import slugify_team

# The key of those who get the mails about all teams.
ALL_TEAMS = "all"

# Not every address that RFC 5322 allows, but every one that people have.
_ADDRESS = re.compile(r"[^\s@,;=<>\"()\[\]\\:]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")

Recipients = Mapping[str, Sequence[str]]


def parse_recipients(text: str) -> dict[str, tuple[str, ...]]:
    """Return the addresses by team, from `surveys=a@x,b@x;all=lead@x`; raises ValueError."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, map(str.strip, text.split(";"))):
        name, equals, addresses = entry.partition("=")
        team = slugify_team(name)
        if not equals or not name.strip():
            raise ValueError("write it as team=a@example.com,b@example.com;all=lead@example.com")
        if team in found:
            raise ValueError(f"the team {team!r} stands in it more than once")
        found[team] = tuple(parse_address(each) for each in addresses.split(",") if each.strip())
        if not found[team]:
            raise ValueError(f"the team {team!r} has no address")
    if not found:
        raise ValueError("it names nobody")
    return found


def find_recipients(recipients: Recipients, team: str) -> tuple[str, ...]:
    """Return the addresses that get a team's mails, each once: its own, then those of all teams."""
    return tuple(dict.fromkeys((*recipients.get(team, ()), *recipients.get(ALL_TEAMS, ()))))


def parse_address(text: str) -> str:
    """Return a mail address; raises ValueError for anything else."""
    address = text.strip()
    if not _ADDRESS.fullmatch(address) or not address.isprintable() or len(address) > 254:
        raise ValueError(f"{address!r} is no mail address")
    return address
