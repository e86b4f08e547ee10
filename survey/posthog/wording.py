"""A plan of changes at PostHog in words, for a terminal or a page. Pure."""

from collections.abc import Iterator

from survey.differences import Line, Sign, compare_lines, render
from survey.posthog.planning import Change, Plan, describe
from survey.settings import Settings


def describe_plan(plan: Plan) -> list[Line]:
    """Return what would change, line by line, and what stands as it should."""
    lines = [line for change in plan.changes for line in describe_change(change, is_done=False)]
    lines += [Line(Sign.SAME, f"{each} stands as it should") for each in plan.unchanged]
    return lines


def describe_change(change: Change, *, is_done: bool) -> list[Line]:
    """Return a change: a line that says what would be done, or was, and below it what differs."""
    lines = compare_lines(render(change.before or {}), render(change.after))
    inner = [Line(line.sign, f"    {_printable(line.text)}".rstrip()) for line in lines]
    sign = Sign.NEW if change.number is None else Sign.CHANGED
    return [Line(sign, _summarise(change, is_done=is_done)), *inner]


def describe_completion(change: Change) -> Line:
    """Return what was added to a thing that was made a moment before."""
    thing, added = describe(change.kind, change.name), ", ".join(change.differences)
    return Line(Sign.NEW, f"{thing} was completed: {added}")


def count_changes(plan: Plan) -> str:
    """Return how many things would be made and changed, in one sentence."""
    to_make = sum(change.number is None for change in plan.changes)
    parts = [
        f"{to_make} to make" if to_make else "",
        f"{len(plan.changes) - to_make} to put back" if len(plan.changes) > to_make else "",
        f"{len(plan.unchanged)} as they should be" if plan.unchanged else "",
    ]
    return ", ".join(filter(None, parts))


def list_settings(plan: Plan, settings: Settings) -> Iterator[str]:
    """Yield the lines of `.env` to keep, so that events and insights go by the same ids."""
    yield f"CSAT_SURVEY_ID={plan.survey_id}"
    yield f"CSAT_RATING_QUESTION_ID={settings.rating_question_id}"
    yield f"CSAT_COMMENT_QUESTION_ID={settings.comment_question_id}"


def _summarise(change: Change, *, is_done: bool) -> str:
    thing, verb = describe(change.kind, change.name), "was" if is_done else "would be"
    if change.number is None:
        return f"{thing} {verb} made"
    differs = "differed" if is_done else "differs"
    return f"{thing} {differs} in {', '.join(change.differences)}, and {verb} put back"


def _printable(text: str) -> str:
    """Return a line without what a terminal would obey: anybody may have changed what is there."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
