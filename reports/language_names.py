"""What a language is called in English, from the tag that a response carries."""

from dataclasses import dataclass
from functools import lru_cache

from babel import Locale, UnknownLocaleError

# The language of the reports themselves, which goes without saying.
OURS = "en"


@dataclass(frozen=True)
class LanguageName:
    """A language of comments: its tag for browsers, None where that is no language, and its
    name."""

    tag: str | None
    name: str


@lru_cache(maxsize=256)
def name_language(tag: str) -> LanguageName | None:
    """Return the language of a tag such as `pt-BR`; None for English and where it is not known.

    Anybody can send an event with any text as its language; one that is none is its own name.
    """
    if not tag or tag.split("-")[0].lower() == OURS:
        return None
    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return LanguageName(None, tag)
    return LanguageName(tag, locale.get_display_name(OURS) or tag)
