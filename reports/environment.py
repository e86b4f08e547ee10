"""The templates of reports, with the words and numbers that they write."""

from collections.abc import Sequence
from datetime import tzinfo
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from pipeline.metrics import FEWEST_TO_COMPARE
from reports.rows import name_team
from reports.wording import (
    capitalize_first,
    count_things,
    describe_change,
    format_number,
    format_share,
    format_signed,
    name_day,
    name_instant,
)
from survey.response_headers import allow_inline
from survey.scale import LABELS, RATINGS
from survey.settings import Settings
from survey.teams import Team
from survey.tickets import link_ticket


def make_environment(settings: Settings) -> Environment:
    """Return the templates of reports for pages that are files, and for mails."""
    return _make_environment(settings.timezone, settings.teams, settings.ticket_url)


# Kept, because compiling the templates takes as long as everything else on a page.
@lru_cache(maxsize=8)
def _make_environment(
    timezone: tzinfo, teams: Sequence[Team], ticket_url: str | None
) -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"), undefined=StrictUndefined,
        autoescape=select_autoescape((), ("txt",), default=True),
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["allow_inline"] = allow_inline
    _add_words(environment, timezone, teams, ticket_url)
    return environment


def add_words(environment: Environment, settings: Settings) -> None:
    """Let templates of reports write their words and numbers in this environment."""
    _add_words(environment, settings.timezone, settings.teams, settings.ticket_url)


def _add_words(
    environment: Environment, timezone: tzinfo, teams: Sequence[Team], ticket_url: str | None
) -> None:
    environment.filters |= {
        "capitalize_first": capitalize_first,
        "change": lambda comparison: describe_change(comparison.change, comparison.verdict),
        "count": count_things,
        "day": name_day,
        "instant": lambda instant: name_instant(instant, timezone),
        "number": format_number,
        "share": format_share,
        "signed": format_signed,
        "team": lambda slug: name_team(slug, teams),
        "ticket_link": lambda ticket_id: link_ticket(ticket_id, ticket_url),
    }
    environment.globals |= {"labels": LABELS, "ratings": RATINGS, "few": FEWEST_TO_COMPARE}
