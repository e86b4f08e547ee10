"""How long customers waited for replies, for a page: against targets, in tables and sentences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from pipeline.metrics import FEWEST_TO_COMPARE, Tally, round_exactly, wilson_interval_pct
from pipeline.report import ReportNumbers
from pipeline.targets import ReplyTally, SatisfactionByTarget, TargetNumbers, Targets
from reports.plan_names import PLAN_NAMES
from reports.rows import name_team
from reports.shown_numbers import show_change
from reports.wording import count_points, count_things, format_share, join_words, name_duration
from survey.settings import Settings
from survey.vocabulary import Plan, ReplyKind

# A help desk may have any number of groups, and of severities.
MOST_TEAMS = 50
MOST_SEVERITIES = 12
# How many teams the sentence about overdue replies names.
MOST_NAMED = 5

KIND_NAMES = {
    ReplyKind.FIRST: "First reply",
    ReplyKind.NEXT: "Next replies",
    ReplyKind.ESCALATED: "Replies after an escalation",
}


@dataclass(frozen=True)
class ShownShare:
    """A share in per cent with its interval, rounded as it is shown, and whether it is one of
    enough to compare it with others."""

    share: Decimal | None
    low: Decimal | None
    high: Decimal | None
    is_compared: bool
    is_all: bool = False


@dataclass(frozen=True)
class ShownReplies:
    """A row of a table of replies. `target` is None where nothing is promised; hours are those of
    weekdays, None without replies; `overdue` is None without a target."""

    name: str
    plan: str | None
    target: str | None
    replies: int
    met: ShownShare
    median: Decimal | None
    nine_of_ten: Decimal | None
    overdue: int | None


@dataclass(frozen=True)
class ShownResponses:
    """The responses of tickets whose replies came in time, or of the others."""

    name: str
    responses: int
    csat: ShownShare


@dataclass(frozen=True)
class ShownTargets:
    """All that a page says of replies: two sentences, and tables. `left_out` is how many teams, and
    how many severities, have no row of their own."""

    summary: str
    overdue: str
    together: ShownReplies
    plans: tuple[ShownReplies, ...]
    teams: tuple[ShownReplies, ...]
    teams_and_plans: tuple[ShownReplies, ...]
    kinds: tuple[ShownReplies, ...]
    severities: tuple[ShownReplies, ...]
    left_out_teams: int
    left_out_severities: int
    satisfaction: tuple[ShownResponses, ...]
    satisfaction_words: str


def show_targets(numbers: ReportNumbers, settings: Settings, period: str) -> ShownTargets | None:
    """Return what a page says of replies in a period, which is named in words; None as long as no
    ticket is known."""
    found = numbers.targets
    if found is None:
        return None
    names = {team: name_team(team, settings.teams) for team, _ in found.teams_and_plans}
    teams = _most_due(found.teams, MOST_TEAMS)
    severities = _most_due(found.severities, MOST_SEVERITIES)
    shown_teams = [_show(names[team], tally) for team, tally in teams.items()]
    plans = [plan for plan in PLAN_NAMES if plan in found.plans]
    return ShownTargets(
        summary=_summarise(found.together, period),
        overdue=_name_overdue(found, names),
        together=_show("All plans with a target", found.together, is_all=True),
        plans=tuple(
            _show(PLAN_NAMES[plan], found.plans[plan], target=settings.targets.get(plan))
            for plan in plans
        ),
        teams=tuple(sorted(shown_teams, key=_rank)),
        teams_and_plans=tuple(_show_pairs(found, names, teams, settings.targets)),
        kinds=tuple(
            _show(KIND_NAMES[kind], found.kinds[kind]) for kind in ReplyKind if kind in found.kinds
        ),
        severities=tuple(
            _show(severity or "Not given", severities[severity])
            for severity in sorted(severities, key=lambda name: (not name, name.casefold(), name))
        ),
        left_out_teams=len(found.teams) - len(teams),
        left_out_severities=len(found.severities) - len(severities),
        satisfaction=_show_satisfaction(found.satisfaction),
        satisfaction_words=_compare(found.satisfaction),
    )


def _most_due(tallies: Mapping[str, ReplyTally], most: int) -> dict[str, ReplyTally]:
    """Return those of which the most replies were due."""
    order = sorted(tallies, key=lambda name: (-tallies[name].due, name))
    return {name: tallies[name] for name in order[:most]}


def _rank(row: ShownReplies) -> tuple[bool, Decimal, str]:
    """Return the place of a team: as the teams of a report stand, by the lower end of the interval,
    and those with few replies last."""
    few = not row.met.is_compared
    return few, Decimal(0) if few else -(row.met.low or Decimal(0)), row.name.casefold()


def _show_pairs(
    found: TargetNumbers, names: Mapping[str, str], teams: Iterable[str], targets: Targets
) -> Iterable[ShownReplies]:
    """Yield the rows of teams and plans that have a target, by name and plan."""
    for team in sorted(teams, key=lambda team: (names[team].casefold(), team)):
        for plan, plan_name in PLAN_NAMES.items():
            tally = found.teams_and_plans.get((team, plan.value))
            if tally is not None and tally.has_target:
                yield _show(names[team], tally, plan=plan_name, target=targets.get(plan))


def _show(
    name: str,
    tally: ReplyTally,
    *,
    plan: str | None = None,
    target: timedelta | None = None,
    is_all: bool = False,
) -> ShownReplies:
    return ShownReplies(
        name=name,
        plan=plan,
        target=None if target is None else _name_target(target),
        replies=tally.replies,
        met=_show_share(tally.met, tally.due if tally.has_target else 0, is_all=is_all),
        median=round_exactly(tally.median_hours, 1),
        nine_of_ten=round_exactly(tally.p90_hours, 1),
        overdue=tally.overdue if tally.has_target else None,
    )


def _show_share(part: int, whole: int, *, is_all: bool = False) -> ShownShare:
    if not whole:
        return ShownShare(None, None, None, is_compared=False, is_all=is_all)
    low, high = (Decimal(f"{end:.1f}") for end in wilson_interval_pct(part, whole))
    share = round_exactly(Fraction(100 * part, whole), 1)
    return ShownShare(share, low, high, whole >= FEWEST_TO_COMPARE, is_all)


def _name_target(target: timedelta) -> str:
    """Return a target in words: in hours, because a day of it is one of weekdays."""
    hours, rest = divmod(target, timedelta(hours=1))
    return name_duration(target) if rest else count_things(hours, "hour")


def _summarise(together: ReplyTally, period: str) -> str:
    shown = _show("", together)
    if shown.met.share is None:
        return f"No reply with a target was due to a customer who began to wait in {period}."
    text = (
        f"Of {_count_replies(together.due)} due, {format_share(shown.met.share)} came within the "
        f"target of the customer’s plan (95% interval {shown.met.low} to {shown.met.high})"
    )
    if shown.median is None:
        return f"{text}."
    return (
        f"{text}. Half of the replies took at most {shown.median:,} weekday hours, nine of ten at "
        f"most {shown.nine_of_ten:,}."
    )


def _name_overdue(found: TargetNumbers, names: Mapping[str, str]) -> str:
    """Return the sentence about customers who wait too long, team by team."""
    number = found.together.overdue
    if not number:
        return "No reply is overdue now."
    late = {team: tally for team, tally in found.teams.items() if tally.overdue}
    order = sorted(late, key=lambda team: (-late[team].overdue, names[team].casefold(), team))
    parts = [f"{names[team]} {_list_plans(found, team)}" for team in order[:MOST_NAMED]]
    others = sum(late[team].overdue for team in order[MOST_NAMED:])
    if others:
        parts.append(f"{others:,} in {count_things(len(order) - MOST_NAMED, 'more team')}")
    are = "is" if number == 1 else "are"
    return f"{_count_replies(number)} {are} overdue now: {join_words(parts)}."


def _count_replies(number: int) -> str:
    return f"{number:,} {'reply' if number == 1 else 'replies'}"


def _list_plans(found: TargetNumbers, team: str) -> str:
    """Return the overdue replies of a team: `5 (Scale 2, Enterprise 3)`, `2 (Boost)`."""
    overdue = {
        plan: tally.overdue
        for plan in Plan
        if (tally := found.teams_and_plans.get((team, plan.value))) and tally.overdue
    }
    if len(overdue) == 1:
        ((plan, number),) = overdue.items()
        return f"{number:,} ({PLAN_NAMES[plan]})"
    words = ", ".join(f"{PLAN_NAMES[plan]} {number:,}" for plan, number in overdue.items())
    return f"{sum(overdue.values()):,} ({words})"


def _show_satisfaction(found: SatisfactionByTarget | None) -> tuple[ShownResponses, ...]:
    if found is None or not (found.in_target.responses or found.late.responses):
        return ()
    return (
        _show_responses("Every reply in time", found.in_target),
        _show_responses("A reply late, or overdue", found.late),
    )


def _show_responses(name: str, tally: Tally) -> ShownResponses:
    return ShownResponses(name, tally.responses, _show_share(tally.satisfied, tally.responses))


def _compare(found: SatisfactionByTarget | None) -> str:
    """Return the sentence that compares both sides; blank where there is nothing to compare."""
    shown = _show_satisfaction(found)
    if found is None or not shown:
        return ""
    in_time, late = (each.csat.share for each in shown)
    difference = show_change(in_time, late)
    if found.verdict is None or difference is None:
        return (
            f"Fewer than {FEWEST_TO_COMPARE} responses on one side: too few to say whether waiting "
            "costs satisfaction."
        )
    if found.verdict == "no":
        return (
            "No clear difference in satisfaction between customers who got every reply in time and "
            "the others."
        )
    more = "more" if found.verdict == "up" else "less"
    return (
        f"Customers who got every reply in time were clearly {more} satisfied than the others, by "
        f"{count_points(difference)}."
    )
