"""A person's distinct_id in what others wrote: reasons, marks, records. Pure."""

import re

# What stands in place of words that were erased.
ERASED = "(erased)"
# Shorter ids say nothing about anybody in a text, where they are parts of numbers and dates.
_SHORTEST = 3


def names_person(text: str, distinct_id: str) -> bool:
    """Return whether a text names somebody by this distinct_id, which stands in it alone, not as a
    part of another word or number."""
    return len(distinct_id) >= _SHORTEST and _pattern(distinct_id).search(text) is not None


def hide_person(text: str, distinct_id: str) -> str:
    """Return a text in which `(erased)` stands where it named somebody by this distinct_id."""
    if len(distinct_id) < _SHORTEST:
        return text
    return _pattern(distinct_id).sub(ERASED, text)


def _pattern(distinct_id: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.@/+-]){re.escape(distinct_id)}(?![\w@/+-]|\.\w)")
