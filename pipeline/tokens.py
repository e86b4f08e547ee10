"""The words of a comment, in the languages of the survey and in others. Pure.

Comments are hostile: each step takes time that grows with the length of a comment alone.
"""

import re
import unicodedata

from pipeline.stop_words import QUALIFIERS, STOP_WORDS
from survey.languages import ENGLISH, find_language

# Stands among forms and words where two of them do not follow one another: for a full stop, a
# number, a new line, an address.
BREAK = ""
# Stands among forms for a comma: the sentence goes on, but no phrase goes across it.
COMMA = ","
LONGEST_WORD = 40
# What stands behind is not looked at. The site takes half of it, an import what comes.
LONGEST_COMMENT = 10_000

# Characters that nobody sees: soft hyphens, joiners, changes of direction, tags. And the vowel
# signs and lengthenings of Arabic, which few write.
_UNSEEN = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef\u0640\u064b-\u065f\u0670\u06d6-\u06ed]+"
)
_ADDRESSES = re.compile(
    r"(?:https?://|www\.)[!-~]+"
    r"|[\w.+-]{1,64}@[\w.-]{1,255}"
    r"|(?<![\w.-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|dev|io|net|org)\b(?:/[!-~]*)?",
    re.IGNORECASE,
)
_DOT_BEFORE_LETTER = re.compile(r"\.[A-Za-z]")
_KANJI = "\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u3096"
_KATAKANA = "\u30a1-\u30fa\u30fc"
# Those of Japanese and Chinese, and of Thai, Lao, Tibetan, Burmese and Khmer.
_LETTERS_WITHOUT_SPACES = f"{_KANJI}\u3040-\u30ff\u0e00-\u109f\u1780-\u17ff"
_RUN_WITHOUT_SPACES = re.compile(rf"[{_LETTERS_WITHOUT_SPACES}]+")
# A run of katakana; two kanji, wherever they stand; a kanji by itself with the hiragana after it.
_WORD_WITHOUT_SPACES = re.compile(
    rf"([{_KATAKANA}]{{2,}})|(?=([{_KANJI}]{{2}}|(?<![{_KANJI}])[{_KANJI}][{_HIRAGANA}]))"
)
_LETTER = r"[^\W\d_]"
# Accents that NFKC leaves by themselves, and vowel signs of Hebrew and of the scripts of India.
_MARK = "[\u0300-\u036f\u0591-\u05c7\u0900-\u0963\u0970-\u0dff]"
_WORD = rf"{_LETTER}++(?:{_MARK}++|{_LETTER}++)*+"


def _compile_forms(word: str) -> re.Pattern[str]:
    """Return a pattern that finds words and commas, as its group, and what separates words, without
    a group.

    Spaces, and hyphens within words, separate nothing. No word gives letters back (`*+`), so that
    `abc123` is no word.
    """
    return re.compile(rf"({word}(?:'{word})*+(?![\d_])|{COMMA}) *+|\w+|(?:[^\w {COMMA}-]|-(?!\w))+")


_FORMS = _compile_forms(_WORD)
# Finds the same in half the time.
_FORMS_OF_ASCII = _compile_forms("[A-Za-z]++")


def name_language(tag: str | None) -> str | None:
    """Return the tag of the survey's language that a comment's language is; None if it is unknown
    or another one."""
    language = find_language(tag)
    return language.tag if language else None


def find_stop_words(language: str | None) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words of a language that say nothing, and those that say nothing by themselves.

    In an unknown language these are the words of all languages.
    """
    if language is not None:
        return STOP_WORDS[language], QUALIFIERS[language]
    qualifiers = frozenset().union(*QUALIFIERS.values())
    return frozenset().union(*STOP_WORDS.values()) - qualifiers, qualifiers


def split_words(comment: str, language: str | None) -> list[str]:
    """Return the words of a comment, in the order of the comment, in small letters, with `BREAK`
    between two that do not follow one another.

    Numbers, addresses and single letters are breaks. Kanji and kana have no spaces between words:
    of these a word is a run of katakana, each two kanji, and a kanji by itself with the hiragana
    after it; they stand behind the others, with breaks between. Other scripts without spaces are
    left out.
    """
    return [normalise_form(form, language) for form in find_forms(comment, language)]


def find_forms(comment: str, language: str | None) -> list[str]:
    """Return the words of a comment as they are written there, with `BREAK` and `COMMA` between
    them; `normalise_form` makes words of them."""
    text = comment[:LONGEST_COMMENT]
    behind: list[str] = []
    if not text.isascii():
        # Some single characters are whole sentences, written in full by NFKC.
        text = unicodedata.normalize("NFKC", text)[:LONGEST_COMMENT]
        text = _UNSEEN.sub("", text).replace("’", "'")
    if "@" in text or "://" in text or _DOT_BEFORE_LETTER.search(text):
        text = _ADDRESSES.sub("\n", text)
    if not text.isascii() and _RUN_WITHOUT_SPACES.search(text):
        for run, pair in _WORD_WITHOUT_SPACES.findall(text):
            behind += (BREAK, run or pair)
        text = _RUN_WITHOUT_SPACES.sub("\n", text)
    if not _joins_by_apostrophe(language):
        text = text.replace("'", " ")
    forms = _FORMS_OF_ASCII if text.isascii() else _FORMS
    return forms.findall(text) + behind


def normalise_form(form: str, language: str | None) -> str:
    """Return the word that a form is one of: `Agent's` → `agent`; `BREAK` for what is no word."""
    word = form.lower()
    if _joins_by_apostrophe(language):
        word = word.removesuffix("'s")
    return word[:LONGEST_WORD] if len(word) > 1 else BREAK


def _joins_by_apostrophe(language: str | None) -> bool:
    """Return whether an apostrophe stands within words: `don't` is one, `l'export` two."""
    return language in (ENGLISH.tag, None)
