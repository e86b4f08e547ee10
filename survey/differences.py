"""What differs between two values of JSON, line by line, for people to read. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any, NamedTuple

# How many equal lines are shown around those that differ.
CONTEXT = 2


class Sign(StrEnum):
    """What a line of a difference says. A line that is `CHANGED` says so of all that follows."""

    SAME = " "
    CHANGED = "~"
    GONE = "-"
    NEW = "+"
    LEFT_OUT = "…"


class Line(NamedTuple):
    """A line of a difference."""

    sign: Sign
    text: str


def render(value: Mapping[str, Any]) -> list[str]:
    """Return an object as lines: a field on each, inner ones indented, long texts as they stand."""
    return list(_render_object(value, ""))


def compare_lines(before: Sequence[str], after: Sequence[str]) -> list[Line]:
    """Return how to come from one text to the other: what goes, what is new, and a few lines
    around; a line that is `LEFT_OUT` stands for equal ones."""
    lines: list[Line] = []
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for number, (tag, begin, end, new_begin, new_end) in enumerate(blocks):
        if tag == "equal":
            is_first, is_last = number == 0, number == len(blocks) - 1
            lines += _shorten(before[begin:end], is_first=is_first, is_last=is_last)
            continue
        lines += [Line(Sign.GONE, text) for text in before[begin:end]]
        lines += [Line(Sign.NEW, text) for text in after[new_begin:new_end]]
    return lines


def restrict(found: Any, wanted: Any) -> Any:
    """Return what is found without the fields that are not wanted anywhere: those that a service
    adds by itself. Lists keep all their elements."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return {key: restrict(found[key], wanted[key]) for key in wanted if key in found}
    if isinstance(found, list) and isinstance(wanted, list):
        known = [restrict(each, other) for each, other in zip(found, wanted, strict=False)]
        return [*known, *found[len(wanted) :]]
    return found


def _shorten(equal: Sequence[str], *, is_first: bool, is_last: bool) -> list[Line]:
    """Return the first and the last of equal lines, as far as what differs is next to them."""
    ahead = 0 if is_first else CONTEXT
    behind = 0 if is_last else CONTEXT
    if len(equal) <= ahead + behind:
        return [Line(Sign.SAME, text) for text in equal]
    left_out = len(equal) - ahead - behind
    words = "1 equal line" if left_out == 1 else f"{left_out} equal lines"
    return [
        *(Line(Sign.SAME, text) for text in equal[:ahead]),
        Line(Sign.LEFT_OUT, words),
        *(Line(Sign.SAME, text) for text in equal[len(equal) - behind :]),
    ]


def _render_object(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, inner in value.items():
        yield from _render_field(name, inner, indent)


def _render_field(name: str, value: Any, indent: str) -> Iterator[str]:
    inner = indent + "  "
    if isinstance(value, Mapping):
        yield f"{indent}{name}:"
        yield from _render_object(value, inner)
    elif isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
        for number, each in enumerate(value, start=1):
            yield f"{indent}{name} {number}:"
            yield from _render_object(each, inner)
    elif isinstance(value, str) and "\n" in value:
        yield f"{indent}{name}:"
        yield from (f"{inner}{line}".rstrip() for line in value.splitlines())
    else:
        yield f"{indent}{name}: {_render_plain(value)}"


def _render_plain(value: Any) -> str:
    words = {True: "yes", False: "no", None: "none"}
    if value is None or isinstance(value, bool):
        return words[value]
    return str(value)
