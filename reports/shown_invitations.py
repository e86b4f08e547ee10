"""Who was asked, and who answered, for a page: by team, plan and language; why others were not
asked; and what nobody has told the settings. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from pipeline.invitations import NOBODY, InvitationCounts, Invited
from pipeline.metrics import round_exactly
from pipeline.query import UNKNOWN_LANGUAGE
from reports.language_names import name_language
from reports.rows import list_rows
from reports.shown_numbers import Row
from reports.wording import count_things, format_share
from survey.teams import Team, display_team
from survey.vocabulary import InvitationOutcome, Plan

# Of teams, languages, groups and priorities so many have a line; the others share one.
MOST_ROWS = 20

PLANS = {
    Plan.FREE: "Free",
    Plan.PAYGO: "Pay-as-you-go",
    Plan.BOOST: "Boost",
    Plan.SCALE: "Scale",
    Plan.ENTERPRISE: "Enterprise",
    Plan.UNKNOWN: "Not known",
}
# Why nobody was asked, as a lead would put it, in the order in which the reasons are checked.
REASONS = {
    InvitationOutcome.QUEUED: "Due, and not sent yet, or refused",
    InvitationOutcome.REOPENED: "The ticket was open again",
    InvitationOutcome.ASKED: "The customer was asked about this ticket before",
    InvitationOutcome.TOO_OLD: "Solved too long before it could be asked about",
    InvitationOutcome.EXCLUDED: "Merged, deleted, a test, or with a tag that excludes it",
    InvitationOutcome.SAMPLED_OUT: "Only some tickets of its plan are asked about",
    InvitationOutcome.UNSUBSCRIBED: "The customer wants no more invitations",
    InvitationOutcome.COOLDOWN: "The customer was asked a short time ago",
    InvitationOutcome.NO_ADDRESS: "Nobody knows where to write to",
}


@dataclass(frozen=True)
class ShownInvited:
    """How many of some customers were asked, how many answered, and their share in per cent, with
    its width in a drawing that is 100 wide."""

    name: str
    invitations: int
    answered: int
    rate: Decimal | None
    width: float


@dataclass(frozen=True)
class Group:
    """The customers who were asked, divided by something: `title` says by what."""

    title: str
    rows: tuple[ShownInvited, ...]


@dataclass(frozen=True)
class NotAsked:
    """Why customers were not asked, and about how many tickets."""

    words: str
    tickets: int


@dataclass(frozen=True)
class Unknown:
    """Something of tickets that the settings do not know, in words, and how many tickets have
    it."""

    words: str
    tickets: int


@dataclass(frozen=True)
class ShownInvitations:
    """Who was asked, and who answered. `sentence` says it shortly. `priorities` stand for no plan,
    `groups` are not in the list of teams."""

    together: ShownInvited
    groups: tuple[Group, ...]
    not_asked: tuple[NotAsked, ...]
    unknown_priorities: tuple[Unknown, ...]
    unknown_groups: tuple[Unknown, ...]
    sentence: str

    @property
    def tickets_not_asked(self) -> int:
        """About how many tickets nobody was asked."""
        return sum(each.tickets for each in self.not_asked)


def show_invitations(
    counted: InvitationCounts | None, team_list: Sequence[Team]
) -> ShownInvitations | None:
    """Return who was asked and who answered; None where nothing is known of it."""
    if counted is None:
        return None
    if counted.invited.empty and counted.not_asked.empty and counted.solved.empty:
        return None
    rows = list_rows(counted.invited)
    everybody = Invited(
        sum(row["invitations"] for row in rows), sum(row["answered"] for row in rows)
    )
    groups = (
        _group("Team", "team", rows, lambda slug: display_team(slug, team_list)),
        _group("Plan", "plan", rows, lambda plan: PLANS[Plan(plan)], order=list(PLANS)),
        _group("Language", "language", rows, name_customer_language),
    )
    not_asked = _show_not_asked(counted.not_asked)
    return ShownInvitations(
        together=_show("Everybody", everybody),
        groups=tuple(each for each in groups if each.rows),
        not_asked=not_asked,
        unknown_priorities=_show_unknown(
            (row["priority"] or "no priority", row["tickets"])
            for row in list_rows(counted.solved)
            if row["plan"] == Plan.UNKNOWN
        ),
        unknown_groups=_find_unknown_groups(counted.solved, team_list),
        sentence=_say(everybody, not_asked),
    )


def name_customer_language(tag: str) -> str:
    """Return what a customer's language is called."""
    if tag == UNKNOWN_LANGUAGE:
        return "Not known"
    language = name_language(tag)
    return language.name if language else "English"


def _group(
    title: str,
    column: str,
    rows: Iterable[Row],
    name: Callable[[str], str],
    order: Sequence[str] = (),
) -> Group:
    """Return the invitations by the values of a column: in this order, or the largest first."""
    found: dict[str, Invited] = {}
    for row in rows:
        value = row[column]
        invited = Invited(row["invitations"], row["answered"])
        found[value] = found.get(value, NOBODY) + invited
    values = sorted(found, key=lambda value: (-found[value].invitations, value))
    if order:
        values.sort(key=order.index)
    shown = [_show(name(value), found[value]) for value in values[:MOST_ROWS]]
    others = values[MOST_ROWS:]
    if others:
        pooled = sum((found[value] for value in others), NOBODY)
        shown.append(_show(f"{len(others):,} more", pooled))
    return Group(title, tuple(shown))


def _show(name: str, invited: Invited) -> ShownInvited:
    rate = None if invited.rate is None else 100 * invited.rate
    return ShownInvited(
        name, invited.invitations, invited.answered, round_exactly(rate, 1), float(rate or 0)
    )


def _show_not_asked(not_asked: pd.DataFrame) -> tuple[NotAsked, ...]:
    tickets = not_asked.groupby("outcome")["tickets"].sum()
    return tuple(
        NotAsked(words, int(tickets[outcome.value]))
        for outcome, words in REASONS.items()
        if outcome.value in tickets.index
    )


def _find_unknown_groups(solved: pd.DataFrame, team_list: Sequence[Team]) -> tuple[Unknown, ...]:
    listed = {team.slug for team in team_list}
    return _show_unknown(
        (row["team"], row["tickets"]) for row in list_rows(solved) if row["team"] not in listed
    )


def _show_unknown(found: Iterable[tuple[str, int]]) -> tuple[Unknown, ...]:
    tickets: dict[str, int] = {}
    for words, number in found:
        tickets[words] = tickets.get(words, 0) + number
    ordered = sorted(tickets.items(), key=lambda each: (-each[1], each[0]))
    shown = [Unknown(words, number) for words, number in ordered[:MOST_ROWS]]
    others = ordered[MOST_ROWS:]
    if others:
        shown.append(Unknown(f"{len(others):,} more", sum(number for _, number in others)))
    return tuple(shown)


def _say(everybody: Invited, not_asked: Sequence[NotAsked]) -> str:
    tickets = sum(each.tickets for each in not_asked)
    others = f" Nobody was asked about {count_things(tickets, 'other ticket')}." if tickets else ""
    rate = round_exactly(None if everybody.rate is None else 100 * everybody.rate, 1)
    if rate is None:
        return f"No invitation was sent.{others}"
    were = "was" if everybody.invitations == 1 else "were"
    return (
        f"{count_things(everybody.invitations, 'invitation')} {were} sent, of which "
        f"{everybody.answered:,} {'has' if everybody.answered == 1 else 'have'} a response: "
        f"{format_share(rate)}.{others}"
    )
