"""The texts of the survey in a customer's language, inside of a request and outside of one.

Inside of one, Flask-Babel reads the same catalogues: survey/site/language.py.
"""

from functools import cache
from pathlib import Path

from babel.support import NullTranslations, Translations

from survey.events import COMMENT_QUESTION, RATING_QUESTION, Questions
from survey.languages import Language
from survey.scale import LABELS
from survey.settings import Settings

TRANSLATIONS = Path(__file__).parent / "translations"


@cache
def translations(language: Language) -> NullTranslations:
    """Return the texts in a language: `gettext` and `ngettext`, for Python and for Jinja.

    Where a text is missing, which a test rules out, the English one stands in for it.
    """
    return Translations.load(TRANSLATIONS, [language.locale])


def face_labels(language: Language) -> dict[int, str]:
    """Return what the five faces are called."""
    return {rating: translations(language).gettext(label) for rating, label in LABELS.items()}


def questions_in(language: Language, settings: Settings) -> Questions:
    """Return the questions as a customer is asked them: in the settings' words, else in our own."""
    gettext = translations(language).gettext
    return Questions(
        rating=settings.rating_question.get(language.tag) or gettext(RATING_QUESTION),
        comment=settings.comment_question.get(language.tag) or gettext(COMMENT_QUESTION),
        language=language.tag,
    )
