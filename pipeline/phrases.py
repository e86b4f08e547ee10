"""The words and two-word phrases of comments in one language, and how many have each. Pure.

All words of all comments stand in one array, as numbers: so a hundred thousand comments take a
second or two.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.tokens import BREAK, find_forms, find_stop_words, normalise_form

# Their nouns have capital letters, too: names cannot be told by them.
_LANGUAGES_OF_CAPITAL_NOUNS = frozenset({"de"})
# Stands for the second word of a single word.
NO_WORD = -1

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Phrases:
    """Phrases, each by the numbers of its words in `vocabulary`; `second` is `NO_WORD` for a single
    word. `low` and `other` say how many comments with low and with other ratings have it."""

    vocabulary: list[str]
    first: Numbers
    second: Numbers
    low: Numbers
    other: Numbers

    @property
    def comments(self) -> Numbers:
        """How many comments have each phrase."""
        return self.low + self.other

    def write(self, index: int) -> str:
        """Return a phrase in words."""
        numbers = (self.first[index], self.second[index])
        return " ".join(self.vocabulary[number] for number in numbers if number != NO_WORD)


@dataclass(frozen=True)
class _Tokens:
    """The words of all comments, one after another, with breaks; by their numbers.

    - `comments`: in which comment each stands.
    - `forms`: what it is among `form_texts`, as it is written.
    - `words`: what it is among `vocabulary`, in small letters.
    """

    comments: Numbers
    forms: Numbers
    form_texts: list[str]
    words: Numbers
    vocabulary: list[str]


def count_phrases(comments: Iterable[str], is_low: Mask, language: str | None) -> Phrases:
    """Return the phrases of comments, without stop words, names and numbers.

    The words of a two-word phrase follow one another in the comment. A comment counts once for a
    phrase, however often it has it.
    """
    tokens = _split_comments(comments, language)
    words, size = tokens.words, len(tokens.vocabulary)
    stop_words, qualifiers = find_stop_words(language)
    is_left_out = _mark(tokens.vocabulary, stop_words | {BREAK})
    if language not in _LANGUAGES_OF_CAPITAL_NOUNS:
        is_left_out |= _mark_names(tokens)
    is_kept = ~is_left_out[words]
    says_something = is_kept & ~_mark(tokens.vocabulary, qualifiers)[words]
    is_pair = is_kept[:-1] & is_kept[1:] & (says_something[:-1] | says_something[1:])

    # A single word has its own number, a phrase of two a number beyond all of those.
    pairs = (words[:-1] + 1) * size + words[1:]
    numbers = np.concatenate([words[says_something], pairs[is_pair]])
    in_comments = np.concatenate([tokens.comments[says_something], tokens.comments[:-1][is_pair]])
    phrases, keys = pd.factorize(numbers)
    once = np.asarray(pd.unique(in_comments * len(keys) + phrases))
    in_comment, phrase = np.divmod(once, len(keys))
    low = np.bincount(phrase[is_low[in_comment]], minlength=len(keys))
    first, second = keys // size - 1, keys % size
    is_single = first == NO_WORD
    return Phrases(
        tokens.vocabulary,
        np.where(is_single, second, first),
        np.where(is_single, NO_WORD, second),
        low,
        np.bincount(phrase, minlength=len(keys)) - low,
    )


def _split_comments(comments: Iterable[str], language: str | None) -> _Tokens:
    forms: list[str] = []
    lengths = []
    for comment in comments:
        # The last word of a comment and the first of the next one do not follow one another.
        found = [*find_forms(comment, language), BREAK]
        forms += found
        lengths.append(len(found))
    form_codes, form_texts = pd.factorize(np.array(forms, dtype=object))
    of_forms = np.array([normalise_form(form, language) for form in form_texts], dtype=object)
    word_codes, vocabulary = pd.factorize(of_forms)
    return _Tokens(
        comments=np.repeat(np.arange(len(lengths)), lengths),
        forms=form_codes,
        form_texts=form_texts.tolist(),
        words=word_codes[form_codes],
        vocabulary=vocabulary.tolist(),
    )


def _mark(vocabulary: Iterable[str], words: frozenset[str]) -> Mask:
    return np.array([word in words for word in vocabulary], dtype=bool)


def _mark_names(tokens: _Tokens) -> Mask:
    """Return which words of the vocabulary are names: those that have a capital letter within a
    sentence more often than none anywhere.

    Where a sentence begins, and in words of capitals alone, capitals say nothing.
    """
    texts, size = tokens.form_texts, len(tokens.vocabulary)
    is_small = np.array([text == text.lower() for text in texts], dtype=bool)
    is_capital = np.array(
        [text[:1].isupper() and text[1:] != text[1:].upper() for text in texts], dtype=bool
    )
    follows = np.zeros(len(tokens.forms), dtype=bool)
    follows[1:] = ~_mark(texts, frozenset({BREAK}))[tokens.forms[:-1]]
    capital = np.bincount(tokens.words[follows & is_capital[tokens.forms]], minlength=size)
    small = np.bincount(tokens.words[is_small[tokens.forms]], minlength=size)
    is_name: Mask = capital > small
    return is_name
