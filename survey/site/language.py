"""The language of a request: `lang` in the address, else the browser's language, else English."""

from contextlib import suppress

from flask import Flask, g, has_request_context, request
from flask_babel import Babel, refresh

from survey.languages import ENGLISH, LANGUAGES, Language, choose_language, find_language
from survey.links import OUR_PARAMETERS, LinkError, check_value
from survey.texts import TRANSLATIONS


def register(app: Flask) -> None:
    """Translate templates and the texts of `flask_babel.gettext` into a request's language."""
    Babel(
        app,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=lambda: current_language().locale,
    )
    app.jinja_env.globals["languages"] = LANGUAGES
    app.context_processor(
        lambda: {"language": current_language(), "kept_parameters": _kept_parameters()}
    )


def current_language() -> Language:
    """Return the language that this request is answered in."""
    if not has_request_context():
        return ENGLISH
    if "language" not in g:
        asked = find_language(request.args.get("lang"))
        g.language = asked or choose_language(
            None, [tag for tag, quality in request.accept_languages if quality > 0]
        )
    language: Language = g.language
    return language


def speak(language: Language) -> None:
    """Answer this request in this language, whatever its address says."""
    g.language = language
    refresh()


def _kept_parameters() -> dict[str, str]:
    """Return the parameters that this page's address keeps when the language changes, without
    invalid ones."""
    if not has_request_context():
        return {}
    kept = {}
    for name in (*OUR_PARAMETERS, "answer", "token"):
        value = request.args.get(name)
        if value and name != "lang":
            with suppress(LinkError):
                check_value(name, value)
                kept[name] = value
    return kept
