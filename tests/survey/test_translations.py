"""The catalogues: every text in every language, with its placeholders, compiled as it stands."""

import re
import tomllib
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from survey.events import RATING_QUESTION
from survey.languages import ENGLISH, LANGUAGES, find_language
from survey.texts import TRANSLATIONS, face_labels, questions_in, translations
from tests.support.command import ROOT
from tests.support.settings import make_settings

TRANSLATED = [language for language in LANGUAGES if language is not ENGLISH]
PLACEHOLDER = re.compile(r"%\(\w+\)s|</?\w+>")

each_language = pytest.mark.parametrize("language", TRANSLATED, ids=lambda each: each.tag)


@pytest.fixture(scope="module")
def texts() -> Catalog:
    """Every text that the code and the templates mark, as `make translations` finds them."""
    babel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["babel"]
    methods = [
        (each["pattern"].removeprefix("survey/"), each["method"]) for each in babel["mappings"]
    ]
    keywords = {**DEFAULT_KEYWORDS, "translatable": None}
    found = Catalog()
    for _, _, text, _, _ in extract_from_dir(ROOT / "survey", methods, keywords=keywords):
        found.add(text)
    return found


def catalogue(language) -> Catalog:
    path = TRANSLATIONS / language.locale / "LC_MESSAGES/messages.po"
    with path.open("rb") as file:
        return read_po(file, locale=language.locale, abort_invalid=True)


def singular(message) -> str:
    return message.id[0] if message.pluralizable else message.id


def test_there_is_a_catalogue_for_every_language_and_no_other():
    folders = {path.name for path in TRANSLATIONS.iterdir() if path.is_dir()}
    assert folders == {language.locale for language in TRANSLATED}


@each_language
def test_no_text_is_missing_and_none_is_left_over(texts, language):
    wanted = {message.id for message in texts if message.id}
    have = {message.id for message in catalogue(language) if message.id}
    assert have == wanted, "run: make translations"


@each_language
def test_every_text_is_translated(language):
    for message in catalogue(language):
        strings = message.string if message.pluralizable else (message.string,)
        assert not message.fuzzy or not message.id, message.id
        assert all(string.strip() for string in strings), message.id


@each_language
def test_every_plural_has_the_forms_of_its_language(language):
    found = catalogue(language)
    for message in found:
        if message.pluralizable:
            assert len(message.string) == found.num_plurals


@each_language
def test_placeholders_and_tags_are_kept(language):
    for message in catalogue(language):
        if not message.id:
            continue
        wanted = sorted(PLACEHOLDER.findall(singular(message)))
        strings = message.string if message.pluralizable else (message.string,)
        for string in strings:
            kept = sorted(PLACEHOLDER.findall(string))
            # "One hedgehog" needs no number; nothing else may leave anything out.
            assert kept == wanted or (message.pluralizable and not kept), message.id
            assert "%" not in PLACEHOLDER.sub("", string), message.id


@each_language
def test_the_compiled_catalogue_is_that_of_the_text(language):
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    path = TRANSLATIONS / language.locale / "LC_MESSAGES/messages.mo"
    assert path.read_bytes() == compiled.getvalue(), "run: make translations"


def test_texts_are_translated_outside_of_a_request():
    german = find_language("de")
    assert face_labels(german)[1] == "Sehr unzufrieden"
    assert translations(german).gettext("Send feedback") == "Feedback senden"
    assert translations(ENGLISH).gettext("Send feedback") == "Send feedback"


def test_a_question_is_that_of_the_settings_where_they_have_one():
    settings = make_settings(rating_question="Happy?|de=Zufrieden?", comment_question="fr=Et ?")
    asked = {tag: questions_in(find_language(tag), settings) for tag in ("en", "de", "fr")}
    assert [asked[tag].language for tag in asked] == ["en", "de", "fr"]
    assert asked["en"].rating == "Happy?"
    assert asked["de"].rating == "Zufrieden?"
    assert asked["fr"].rating.startswith("Dans quelle mesure")
    assert asked["de"].comment.startswith("Was können wir tun")
    assert asked["fr"].comment == "Et ?"
    assert questions_in(ENGLISH, make_settings()).rating == RATING_QUESTION
