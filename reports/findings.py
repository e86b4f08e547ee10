"""The sentence that a report begins with: what clearly moved, and what did not. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from reports.shown_teams import Comparison, ShownTeam, ShownTeams
from reports.wording import (
    capitalize_first,
    count_points,
    count_things,
    format_share,
    join_words,
)

# More teams than this are not named one by one.
MOST_NAMED = 3


class Stage(StrEnum):
    """How far a period's numbers are from final."""

    RUNNING = "running"
    SETTLING = "settling"
    FINAL = "final"


@dataclass(frozen=True)
class Part:
    """Some words of a sentence; `team` is the slug of the team that they name, if any."""

    words: str
    team: str | None = None


@dataclass(frozen=True)
class Finding:
    """A report's lead sentence."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The sentence as plain text."""
        return "".join(part.words for part in self.parts)

    @property
    def teams(self) -> tuple[str, ...]:
        """The slugs of the teams that the sentence names, the one that moved most first."""
        return tuple(part.team for part in self.parts if part.team is not None)


def find_lead(
    teams: ShownTeams,
    period: str,
    period_before: str,
    stage: Stage,
    *,
    by_rating: bool = False,
    only_team: Part | None = None,
) -> Finding:
    """Return the sentence that says the finding of a report. `by_rating` says that only some
    ratings are looked at, so that nothing can be said of shares; `only_team` names the team that is
    looked at alone, so that it is the subject, and all teams together are the same."""
    together = teams.together
    if only_team is not None and not by_rating:
        return _find_lead_of(only_team, together, period, period_before, stage)
    if not together.responses:
        return _say(Part(f"No responses in {period}{_yet(stage)}."))
    if by_rating:
        responses = count_things(together.responses, "response")
        return _say(Part(f"{responses} with the chosen ratings in {period}{_so_far(stage)}."))
    if together.before.share is None:
        return _say(
            Part(f"{_describe_level(together)} in {period}{_so_far(stage)}; "),
            Part(f"{period_before} has no responses to compare with."),
        )
    moved = sorted(
        (team for team in teams.ranked if _has_moved(team.before)),
        key=lambda team: (-abs(team.before.change or Decimal(0)), team.name),
    )
    if moved:
        return _say(
            *_open(stage), *_name_moved(moved, together), Part("; nothing else clearly moved.")
        )
    if together.before.verdict is None:
        return _say(Part(f"Too few responses to compare {period} with {period_before}."))
    if _has_moved(together.before):
        return _say(
            *_open(stage), Part(f"All teams together {_move(together.before)}; "),
            Part("no single team clearly moved."),
        )  # fmt: skip
    return _say(
        *_open(stage),
        Part(f"Nothing clearly moved against {period_before}: {_describe_level(together)}."),
    )


def _find_lead_of(
    name: Part, team: ShownTeam, period: str, period_before: str, stage: Stage
) -> Finding:
    """Return the sentence about a team that is looked at alone."""
    if not team.responses:
        return _say(name, Part(f" has no responses in {period}{_yet(stage)}."))
    if team.before.share is None:
        return _say(
            name, Part(f": {_describe_level(team)} in {period}{_so_far(stage)}; "),
            Part(f"{period_before} has no responses to compare with."),
        )  # fmt: skip
    if team.before.verdict is None:
        few = f" has too few responses to compare {period} with {period_before}."
        return _say(name, Part(few))
    if _has_moved(team.before):
        return _say(*_open(stage), name, Part(f" {_move(team.before)}."))
    steady = f" did not clearly move against {period_before}: {_describe_level(team)}."
    return _say(*_open(stage), name, Part(steady))


def _say(*parts: Part) -> Finding:
    """Return a sentence of these parts, with a capital letter at its beginning."""
    first, *others = parts
    words = first.words if first.team else capitalize_first(first.words)
    return Finding((Part(words, first.team), *others))


def _open(stage: Stage) -> list[Part]:
    opening = {Stage.RUNNING: "So far: ", Stage.SETTLING: "Provisionally: ", Stage.FINAL: ""}[stage]
    return [Part(opening)] if opening else []


def _so_far(stage: Stage) -> str:
    return " so far" if stage is Stage.RUNNING else ""


def _yet(stage: Stage) -> str:
    return " yet" if stage is Stage.RUNNING else ""


def _describe_level(team: ShownTeam) -> str:
    assert team.share is not None  # there are responses of every rating
    return f"{format_share(team.share)} satisfied of {count_things(team.responses, 'response')}"


def _has_moved(comparison: Comparison) -> bool:
    return comparison.verdict in ("up", "down")


def _move(comparison: Comparison) -> str:
    assert comparison.change is not None  # what moved has a share in both periods
    verb = "rose" if comparison.verdict == "up" else "fell"
    return f"{verb} {'' if comparison.change else 'by '}{count_points(comparison.change)}"


def _name_moved(moved: Sequence[ShownTeam], together: ShownTeam) -> list[Part]:
    """Return what moved: the teams, the furthest first, of many how many more there are, and all
    teams together."""
    phrases = [
        [Part(team.name, team.slug), Part(f" {_move(team.before)}")] for team in moved[:MOST_NAMED]
    ]
    more = len(moved) - len(phrases)
    if more:
        phrases.append([Part(f"{count_things(more, 'more team')} clearly moved")])
    if _has_moved(together.before):
        phrases.append([Part(f"all teams together {_move(together.before)}")])
    # The words between the phrases, as a list in a sentence has them.
    between = join_words(["\0"] * len(phrases)).split("\0")[1:]
    parts = [
        part
        for phrase, words in zip(phrases, between, strict=True)
        for part in (*phrase, Part(words))
    ]
    return [part for part in parts if part.words]
