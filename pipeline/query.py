"""What a report is asked for: a period, and filters. One object, by which tables, charts, files and
comments are made alike."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from survey.periods import Period
from survey.scale import parse_rating
from survey.teams import slugify_team
from survey.vocabulary import LONGEST_VALUE, Trust

# What stands where a response's language is not known.
UNKNOWN_LANGUAGE = "unknown"
FILTERS = ("team", "rating", "trust", "language")
# Nobody picks more by hand, and an address has an end.
_MOST_VALUES = 100


class BadQuery(ValueError):
    """A query that cannot be read; the message names what is wrong."""


@dataclass(frozen=True)
class ReportQuery:
    """A period, and the values that responses must have; an empty filter lets all through.

    `teams` are slugs. `languages` are tags as responses have them, or `UNKNOWN_LANGUAGE`.
    """

    period: Period
    teams: tuple[str, ...] = ()
    ratings: tuple[int, ...] = ()
    trusts: tuple[Trust, ...] = ()
    languages: tuple[str, ...] = ()

    @classmethod
    def parse(cls, period: str, parameters: Mapping[str, str]) -> Self:
        """Return the query of an address; raises BadQuery.

        Each filter is a comma-separated list; a blank one filters nothing.
        """
        try:
            found = Period.parse(period)
        except ValueError as error:
            raise BadQuery(str(error)) from None
        values = {name: _split(parameters.get(name, "")) for name in FILTERS}
        return cls(
            period=found,
            teams=_unique(slugify_team(each) for each in values["team"]),
            ratings=_unique(map(_read_rating, values["rating"])),
            trusts=_unique(map(_read_trust, values["trust"])),
            languages=_unique(values["language"]),
        )

    @property
    def is_filtered(self) -> bool:
        """Whether any filter leaves responses out."""
        return bool(self.teams or self.ratings or self.trusts or self.languages)

    @property
    def is_filtered_beyond_teams(self) -> bool:
        """Whether any filter but that for teams leaves responses out."""
        return bool(self.ratings or self.trusts or self.languages)

    def parameters(self) -> dict[str, str]:
        """Return the filters as parameters of an address, in one order."""
        values = {
            "team": self.teams,
            "rating": self.ratings,
            "trust": self.trusts,
            "language": self.languages,
        }
        return {name: ",".join(map(str, each)) for name, each in values.items() if each}

    def with_period(self, period: Period) -> Self:
        """Return this query for another period."""
        return replace(self, period=period)

    def includes(self, team: str, rating: int, trust: str, language: str | None) -> bool:
        """Return whether the filters let a response with these values through."""
        return (
            (not self.teams or team in self.teams)
            and (not self.ratings or rating in self.ratings)
            and (not self.trusts or trust in self.trusts)
            and (not self.languages or (language or UNKNOWN_LANGUAGE) in self.languages)
        )


def _split(text: str) -> list[str]:
    values = [part.strip() for part in text.split(",") if part.strip()]
    if len(values) > _MOST_VALUES or any(len(value) > LONGEST_VALUE for value in values):
        raise BadQuery(f"a filter can have {_MOST_VALUES} values of {LONGEST_VALUE} characters")
    return values


def _unique(values: Any) -> tuple[Any, ...]:
    return tuple(sorted(set(values)))


def _read_rating(text: str) -> int:
    rating = parse_rating(text)
    if rating is None:
        raise BadQuery(f"{text!r} is no rating; write numbers from 1 to 5")
    return rating


def _read_trust(text: str) -> Trust:
    try:
        return Trust(text)
    except ValueError:
        words = ", ".join(Trust)
        raise BadQuery(f"{text!r} says no trust in a link; write {words}") from None
