"""What looks like ballot stuffing, for a page and for a terminal. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.metrics import round_exactly
from pipeline.stuffing import Effect, Kind, Suspicion
from reports.wording import format_share, join_words, name_date
from survey.teams import Team, display_team

# So many lines are enough to go and look; they say how many there are besides.
MOST_SHOWN = 10
MOST_DAYS = 5

_RATED = {
    Kind.SATISFIED: "unverified answers rated 4 or 5",
    Kind.DISSATISFIED: "unverified answers rated 1 to 3",
    Kind.NETWORK: "unverified answers from one network",
}


@dataclass(frozen=True)
class ShownSuspicion:
    """What was noticed: whose it is, which answers on which days, what is usual, and what the
    period's share would be without them."""

    whose: str
    noticed: str
    usual: str
    effect: str


@dataclass(frozen=True)
class ShownStuffing:
    """What was noticed, the most answers first, and how much more there is."""

    shown: tuple[ShownSuspicion, ...]
    more: int


def show_stuffing(
    found: Sequence[Suspicion] | None, team_list: Sequence[Team]
) -> ShownStuffing | None:
    """Return what a page says of it; None where nobody looked for it."""
    if found is None:
        return None
    shown = tuple(_show(each, team_list) for each in found[:MOST_SHOWN])
    return ShownStuffing(shown, len(found) - len(shown))


def summarise_stuffing(found: Sequence[Suspicion] | None, team_list: Sequence[Team]) -> list[str]:
    """Return the lines for a terminal: none where nothing was noticed, or nobody looked."""
    stuffing = show_stuffing(found, team_list)
    if stuffing is None or not stuffing.shown:
        return []
    lines = [f"  {each.whose}: {each.noticed}" for each in stuffing.shown]
    if stuffing.more:
        lines.append(f"  and {stuffing.more:,} more of the kind")
    return ["Unusually many unverified answers; have a look at the report:", *lines]


def _show(suspicion: Suspicion, team_list: Sequence[Team]) -> ShownSuspicion:
    usual = max(each.usual for each in suspicion.days)
    busiest = max(each.busiest for each in suspicion.days)
    return ShownSuspicion(
        whose="All teams" if suspicion.team is None else display_team(suspicion.team, team_list),
        noticed=f"{_say_days(suspicion)}.",
        usual=f"Usual is {_say_usual(usual)} a day, and {busiest:,} on the busiest day.",
        effect=_say_effect(suspicion),
    )


def _say_days(suspicion: Suspicion) -> str:
    first, *others = suspicion.days
    told = [f"{first.number:,} {_RATED[suspicion.kind]} on {name_date(first.day)}"]
    told += [f"{each.number:,} on {name_date(each.day)}" for each in others]
    left = len(told) - MOST_DAYS
    if left > 0:
        told = [*told[:MOST_DAYS], f"more on {left} other day{'' if left == 1 else 's'}"]
    # A network's days are those of UTC.
    return join_words(told) + (" (UTC)" if suspicion.kind is Kind.NETWORK else "")


def _say_usual(usual: float) -> str:
    return f"{usual:.0f}" if usual >= 10 else f"{usual:.1f}"


def _say_effect(suspicion: Suspicion) -> str:
    """Return what the shares would be without the answers."""
    told = []
    if suspicion.of_team:
        told.append(_compare(suspicion.of_team, "the team’s CSAT", "the team"))
    if suspicion.of_all:
        told.append(_compare(suspicion.of_all, "the CSAT of all teams", "all teams together"))
    if not told:
        return ""
    which = "any unverified answer of" if suspicion.kind is Kind.NETWORK else "those answers of"
    days = "that day" if len(suspicion.days) == 1 else "those days"
    return f"Without {which} {days}, {join_words(told)}."


def _compare(effect: Effect, share: str, whose: str) -> str:
    without = _percent(effect.without)
    if without is None:
        return f"{whose} would have no responses left"
    return f"{share} would be {without} instead of {_percent(effect.share)}"


def _percent(share: Fraction | None) -> str | None:
    rounded = round_exactly(None if share is None else 100 * share, 1)
    return None if rounded is None else format_share(rounded)
