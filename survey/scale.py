"""The scale of five faces: what a rating is, what it is called, what counts as satisfied. Pure."""

import re

from survey.languages import translatable

RATINGS = (1, 2, 3, 4, 5)

# CSAT counts 4 and 5; 3 is not satisfied (as Zendesk, Chatwoot and Formbricks count it).
SATISFIED = (4, 5)

# A team hears of these at once.
LOW = (1, 2)

LABELS = {
    1: translatable("Very dissatisfied"),
    2: translatable("Dissatisfied"),
    3: translatable("Neutral"),
    4: translatable("Satisfied"),
    5: translatable("Very satisfied"),
}

_RATING_TEXT = re.compile(r"[1-5](\.0+)?", re.ASCII)


def parse_rating(value: object) -> int | None:
    """Return the rating 1–5 that a number or a text stands for; None for anything else.

    `4`, `4.0`, `"4"` and `" 4.00 "` are ratings; 0, 6, 4.5, `True`, words and blanks are none.
    """
    if isinstance(value, str):
        text = value.strip()
        return int(text[0]) if _RATING_TEXT.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value in RATINGS else None
