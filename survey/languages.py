"""The languages of the survey, and the choice of one for a customer. Pure.

To add a language, add a line here and a catalogue: docs/languages.md.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """A language with its BCP 47 tag, and its name in the language itself."""

    tag: str
    name: str
    direction: str = "ltr"

    @property
    def locale(self) -> str:
        """Its name among catalogues: `pt_BR`."""
        return self.tag.replace("-", "_")


ENGLISH = Language("en", "English")

LANGUAGES = (
    ENGLISH,
    Language("de", "Deutsch"),
    Language("fr", "Français"),
    Language("es", "Español"),
    Language("pt-BR", "Português"),
    Language("ja", "日本語"),
    Language("ar", "العربية", "rtl"),
)

_BY_TAG = {language.tag.lower(): language for language in LANGUAGES}
# Somebody who reads Portuguese, of whatever country, is better off with ours than with English.
_BY_PRIMARY_TAG = {tag.partition("-")[0]: language for tag, language in reversed(_BY_TAG.items())}

_LONGEST_TAG = 35
_LED_BY_TAG = re.compile(r"\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)\s*=(.*)", re.DOTALL)


def translatable(text: str) -> str:
    """Return the text itself: marks it for translators where it stands in English."""
    return text


def find_language(tag: str | None) -> Language | None:
    """Return the language of a tag in any spelling; `de-AT` and `de_AT` are German."""
    if not tag or len(tag) > _LONGEST_TAG:
        return None
    tag = tag.strip().replace("_", "-").lower()
    return _BY_TAG.get(tag) or _BY_PRIMARY_TAG.get(tag.partition("-")[0])


def choose_language(asked: str | None, accepted: Iterable[str] = ()) -> Language:
    """Return the language asked for, else the first of the accepted ones that there is, else
    English."""
    for tag in (asked, *accepted):
        language = find_language(tag)
        if language is not None:
            return language
    return ENGLISH


def parse_wording(value: str) -> dict[str, str]:
    """Return a text in one or more languages, by tag: `How was it?|de=Wie war es?`.

    A part without a tag is English. Raises ValueError.
    """
    wording: dict[str, str] = {}
    for part in value.split("|"):
        match = _LED_BY_TAG.fullmatch(part)
        tag, text = (match[1], match[2]) if match else (ENGLISH.tag, part)
        language = _BY_TAG.get(tag.replace("_", "-").lower())
        if language is None:
            known = ", ".join(language.tag for language in LANGUAGES)
            raise ValueError(f"{tag} is not a language of the survey; there are {known}")
        if not text.strip():
            raise ValueError(f"the text for {language.tag} is blank")
        if language.tag in wording:
            raise ValueError(f"there are two texts for {language.tag}")
        wording[language.tag] = text.strip()
    return wording


def format_wording(wording: Mapping[str, str]) -> str:
    """Return a text in one or more languages as it is written in settings."""
    return "|".join(f"{tag}={text}" for tag, text in wording.items())
