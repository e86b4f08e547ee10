"""Team names: how any spelling becomes a slug, and what each slug is called. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

UNASSIGNED = "unassigned"

# The first-level support teams of the support handbook.
DEFAULT_TEAMS = (
    "product_analytics=Product analytics",
    "web_analytics=Web analytics",
    "session_replay=Session replay",
    "feature_flags=Feature flags",
    "experiments=Experiments",
    "surveys=Surveys",
    "data_warehouse=Data warehouse",
    "batch_exports=Batch exports",
    "sales_cs=Sales & CS",
)

# `\w` holds the letters and digits of every script, and the underscore.
_NEITHER_LETTER_NOR_DIGIT = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Team:
    """A team of the list: the slug that data carry and the name that people read."""

    slug: str
    name: str


def slugify_team(text: str | None) -> str:
    """Return the slug of a team as a link writes it: `Sales & CS` → `sales_cs`; missing:
    `unassigned`."""
    slug = _NEITHER_LETTER_NOR_DIGIT.sub("_", (text or "").lower()).strip("_")
    return slug or UNASSIGNED


def parse_team(entry: str) -> Team:
    """Return one entry of the team list: `Sales & CS`, `web_analytics` or `sales_cs=Sales & CS`.

    Raises ValueError for an entry without a letter or digit.
    """
    text, _, name = (part.strip() for part in entry.partition("="))
    slug = slugify_team(text)
    if slug == UNASSIGNED:
        raise ValueError(f"{entry!r} is not a team name")
    return Team(slug, name or (display_slug(slug) if text == slug else text))


def parse_teams(entries: Iterable[str]) -> tuple[Team, ...]:
    """Return the team list, in the order given; raises ValueError when a team stands in it
    twice."""
    teams = tuple(parse_team(entry) for entry in entries)
    slugs = [team.slug for team in teams]
    for slug in slugs:
        if slugs.count(slug) > 1:
            raise ValueError(f"the team {slug!r} stands in the list more than once")
    return teams


def display_slug(slug: str) -> str:
    """Return a slug as a person would write it: `web_analytics` → `Web analytics`."""
    text = slug.replace("_", " ")
    return text[:1].upper() + text[1:]


def display_team(slug: str, teams: Sequence[Team]) -> str:
    """Return the name to show for a slug: the list's, or the slug made readable."""
    names = {team.slug: team.name for team in teams}
    return names.get(slug, display_slug(slug))
