"""What people talk about: words and two-word phrases that mark low ratings against others. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from pipeline.log_odds import score_phrases
from pipeline.metrics import round_exactly
from pipeline.phrases import NO_WORD, Mask, Phrases, count_phrases
from pipeline.schemas import RATED_COMMENTS, WORDS, check, frame_rows
from pipeline.tokens import BREAK, name_language, split_words

LOW_RATINGS = (1, 2)
FEWEST_COMMENTS = 5
# Of phrases that mark nothing, 2.5 % score higher by chance.
LOWEST_Z = 1.96
MOST_PHRASES = 12
# The prior weighs as much as a tenth of what was written, so that few comments and many are judged
# alike: a phrase in five low comments and no other is just clear enough, if a quarter are low.
PRIOR_WEIGHT = 0.1


def find_words(comments: pd.DataFrame) -> pd.DataFrame:
    """Return the words and two-word phrases that mark low ratings (`schemas.WORDS`): by language,
    that of most comments first, then the clearest first.

    `comments` has `rating`, `comment` and `language`, the tag of a language or nothing. Comments in
    other languages than those of the survey make one group, of an unknown language. A language has
    at most `MOST_PHRASES` phrases, each in at least `FEWEST_COMMENTS` comments and in a larger
    share of the low ones than of the others. The order of the comments does not matter.
    """
    comments = check(comments, RATED_COMMENTS)
    languages = _name_languages(comments["language"])
    texts = np.array(comments["comment"].tolist(), dtype=object)
    is_low = comments["rating"].isin(LOW_RATINGS).to_numpy()
    groups = [(name, np.flatnonzero(languages == name)) for name in set(languages.tolist())]
    groups.sort(key=lambda group: (-len(group[1]), group[0] or ""))
    rows = [
        row
        for name, places in groups
        for row in _find_in_language(texts[places].tolist(), is_low[places], name)
    ]
    return frame_rows(rows, WORDS)


def holds_phrase(comment: str, phrase: str, language: str | None) -> bool:
    """Return whether a comment has a phrase that `find_words` found in comments of its language.

    `language` is that of the comment, as `find_words` takes it.
    """
    words, wanted = split_words(comment, name_language(language)), phrase.split(" ")
    starts = range(len(words) - len(wanted) + 1)
    return BREAK not in wanted and any(
        words[start : start + len(wanted)] == wanted for start in starts
    )


def _name_languages(tags: pd.Series) -> "np.ndarray[Any, np.dtype[np.object_]]":
    codes, known = pd.factorize(tags)
    # A missing tag has the code -1, which is the last of these.
    names = [*(name_language(str(tag)) for tag in known), None]
    return np.array(names, dtype=object)[codes]


def _find_in_language(
    texts: Sequence[str], is_low: Mask, language: str | None
) -> list[dict[str, object]]:
    low_comments = int(is_low.sum())
    other_comments = len(texts) - low_comments
    phrases = count_phrases(texts, is_low, language)
    # There is nothing to compare, or nothing to compare with.
    if not low_comments or not other_comments or len(phrases.first) < 2:
        return []
    z = score_phrases(phrases.low, phrases.other, PRIOR_WEIGHT * float(phrases.comments.sum()))
    # The score compares shares of what was written. Where low comments are the shorter ones, a
    # phrase can have the larger share of it there, and be said in no more of them.
    is_commoner = phrases.low * other_comments > phrases.other * low_comments
    is_clear = (z >= LOWEST_Z) & is_commoner & (phrases.comments >= FEWEST_COMMENTS)
    rows: list[dict[str, Any]] = [
        {
            "language": language,
            "phrase": phrases.write(index),
            "low_comments": int(phrases.low[index]),
            "other_comments": int(phrases.other[index]),
            "low_share_pct": _percent(int(phrases.low[index]), low_comments),
            "other_share_pct": _percent(int(phrases.other[index]), other_comments),
            "z": float(z[index]),
        }
        for index in _leave_out_parts(phrases, np.flatnonzero(is_clear).tolist())
    ]
    return sorted(rows, key=lambda row: (-row["z"], row["phrase"]))[:MOST_PHRASES]


def _leave_out_parts(phrases: Phrases, chosen: Sequence[int]) -> list[int]:
    """Return the chosen phrases without those words that stand in no comment without a chosen
    phrase of two that holds them."""
    comments = phrases.comments
    covered = {
        (int(word), int(comments[index]))
        for index in chosen
        if phrases.second[index] != NO_WORD
        for word in (phrases.first[index], phrases.second[index])
    }
    # Who has the phrase has the word: if as many have both, the same comments do.
    return [
        index
        for index in chosen
        if phrases.second[index] != NO_WORD
        or (int(phrases.first[index]), int(comments[index])) not in covered
    ]


def _percent(part: int, whole: int) -> Decimal | None:
    return round_exactly(Fraction(100 * part, whole), 2)
