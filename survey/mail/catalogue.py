"""The invitation in every language: which there are, and their catalogues."""

from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LANGUAGES = ("en", "de", "fr", "es", "pt_BR", "ja", "ar")
# What the templates are written in.
SOURCE_LANGUAGE = "en"
DOMAIN = "mail"

_FOLDER = Path(__file__).parents[1] / "translations"


def catalogue_file(language: str) -> Path:
    """The file that a translator edits."""
    return _FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def load_catalogue(language: str) -> NullTranslations:
    """The translations into a language, compiled here: no second file can be out of date."""
    if language == SOURCE_LANGUAGE:
        return NullTranslations()
    with catalogue_file(language).open("rb") as file:
        messages = read_po(file, locale=language, domain=DOMAIN)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)


def language_tag(language: str) -> str:
    """A language as HTML and links write it: `pt-BR`."""
    return language.replace("_", "-")


def direction(language: str) -> str:
    """Which way a language is written: `ltr` or `rtl`."""
    return str(Locale.parse(language).text_direction)
