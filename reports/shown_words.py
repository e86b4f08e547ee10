"""What people talk about: the phrases that mark low ratings, by language, for a page."""

from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from reports.language_names import LanguageName, name_language
from reports.rows import list_rows


@dataclass(frozen=True)
class ShownPhrase:
    """A phrase, and how many comments with a low rating and with another one hold it."""

    words: str
    low_comments: int
    other_comments: int


@dataclass(frozen=True)
class ShownLanguage:
    """The phrases of one language, the strongest first."""

    language: LanguageName
    phrases: tuple[ShownPhrase, ...]


def show_words(words: pd.DataFrame) -> tuple[ShownLanguage, ...]:
    """Return the phrases by language, in the order of the frame."""
    return tuple(
        ShownLanguage(
            _name(language),
            tuple(
                ShownPhrase(row["phrase"], row["low_comments"], row["other_comments"])
                for row in rows
            ),
        )
        for language, rows in groupby(list_rows(words), key=lambda row: row["language"] or "")
    )


def _name(tag: str) -> LanguageName:
    """Return a language's name, here also of English; comments without one may be in any."""
    if not tag:
        return LanguageName(None, "Language not known")
    return name_language(tag) or LanguageName(tag, "English")
