"""Team names in links that are not in the list, but likely mean a team that is. Pure.

Precise rather than greedy: a wrong guess would blame a typing error on a real other team.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import permutations

from pipeline.metrics import ALL, TEAM_CALLED_ALL
from survey.teams import UNASSIGNED, Team, slugify_team

# Slugs that have a meaning of their own.
_NEVER = frozenset({UNASSIGNED, ALL, TEAM_CALLED_ALL})
# Words that a name may have or lack: `surveys_team`, `sales_and_cs`.
_FILLERS = frozenset({"and", "team"})
# In how many letters words up to a length may differ; and longer words, and names as a whole.
_TOLERANCES = ((4, 0), (7, 1))
_MOST_EDITS = 2
# In how many letters names may differ that also differ in where words end: `webanalytic`.
_TOLERANCE_OF_RUN_TOGETHER = 1
# Of more words every order is not tried.
_MOST_WORDS = 4
_DIGITS = re.compile(r"\d")


def find_misspellings(slugs: Iterable[str], team_list: Sequence[Team]) -> dict[str, Team]:
    """Return the listed team that each slug likely means, for those slugs that are not in the list,
    but are written almost like one of its teams, or have its words in another order.

    A slug that is as near to two teams means neither.
    """
    listed = {team.slug for team in team_list}
    spellings = [
        (team, spelling)
        for team in team_list
        # Some write the name that people read instead of the slug.
        for spelling in {_split(team.slug), _split(slugify_team(team.name))}
        if spelling
    ]
    found = {}
    for slug in sorted(set(slugs) - listed - _NEVER):
        team = _find_nearest(_split(slug), spellings)
        if team is not None:
            found[slug] = team
    return found


def _find_nearest(
    words: tuple[str, ...], spellings: Sequence[tuple[Team, tuple[str, ...]]]
) -> Team | None:
    distances: dict[Team, int] = {}
    for team, spelling in spellings:
        distance = _compare(words, spelling)
        if distance is not None:
            distances[team] = min(distance, distances.get(team, distance))
    nearest = [team for team, distance in distances.items() if distance == min(distances.values())]
    return nearest[0] if len(nearest) == 1 else None


def _split(slug: str) -> tuple[str, ...]:
    return tuple(word for word in slug.split("_") if word not in _FILLERS)


def _compare(words: tuple[str, ...], others: tuple[str, ...]) -> int | None:
    """Return in how many letters two names differ, whatever the order of their words; None if by
    too many, or in a digit: `tier_1` is not `tier_2`."""
    if sorted(_DIGITS.findall("".join(words))) != sorted(_DIGITS.findall("".join(others))):
        return None
    if len(words) != len(others):
        return _compare_run_together("".join(words), "".join(others))
    orders = permutations(words) if len(words) <= _MOST_WORDS else (words,)
    distances = [_compare_in_order(order, others) for order in orders]
    return min((distance for distance in distances if distance is not None), default=None)


def _compare_run_together(text: str, other: str) -> int | None:
    # Short names that differ are different names.
    limit = min(_TOLERANCE_OF_RUN_TOGETHER, _tolerate(other))
    distance = _count_edits(text, other, limit)
    return distance if distance <= limit else None


def _compare_in_order(words: tuple[str, ...], others: tuple[str, ...]) -> int | None:
    total = 0
    for word, other in zip(words, others, strict=True):
        distance = _count_edits(word, other, _tolerate(other))
        if distance > _tolerate(other):
            return None
        total += distance
    return total if total <= _MOST_EDITS else None


def _tolerate(word: str) -> int:
    """Return in how many letters a word may differ from a listed one and still be meant as it."""
    for longest, tolerance in _TOLERANCES:
        if len(word) <= longest:
            return tolerance
    return _MOST_EDITS


def _count_edits(text: str, other: str, limit: int) -> int:
    """Return how many letters are to be inserted, deleted, replaced or swapped with their neighbour
    to make one text of another; any number above `limit` for more than `limit`.

    This is the Damerau–Levenshtein distance in its restricted form, optimal string alignment.
    """
    if text == other:
        return 0
    if not limit or abs(len(text) - len(other)) > limit:
        return limit + 1
    before_previous: list[int] = []
    previous = list(range(len(other) + 1))
    for row, letter in enumerate(text, start=1):
        current = [row]
        for column, other_letter in enumerate(other, start=1):
            edits = min(
                previous[column] + 1,
                current[column - 1] + 1,
                previous[column - 1] + (letter != other_letter),
            )
            is_swap = (
                row > 1
                and column > 1
                and letter == other[column - 2]
                and text[row - 2] == other_letter
            )
            current.append(min(edits, before_previous[column - 2] + 1) if is_swap else edits)
        before_previous, previous = previous, current
    return previous[-1]
