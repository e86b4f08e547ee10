"""Reading a few values out of many JSON texts at once, compiled to machine code.

Only what is plain is read here: rows with anything out of the ordinary are left to
`pipeline/clean.py`, which says what every value means. A property-based test holds the two equal.
What stands here must therefore accept no text that `json.loads` refuses, and never guess.

All of it is one file because the compiled code is kept on disk, and is made anew only when this
file has changed.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]
Function = TypeVar("Function", bound=Callable[..., Any])

# Which key is which; `Keys` in pipeline/extract.py puts them in this order.
SURVEY_ID, TICKET, RATING, RATING_INDEX, COMMENT, COMMENT_INDEX, TEAM, TICKET_TEAM, TRUST = range(9)
KEYS = 9

# What stands under a key. A text is plain without a backslash; other is all that needs more
# than a look: true, false, fractions, lists, objects.
_MISSING, _NULL, _PLAIN, _ESCAPED, _INTEGER, _OTHER = range(6)

# Which of the small numbers is which.
OUT_IS_CLEAR, OUT_RATING, OUT_TRUST, OUT_OTHER_SURVEY, OUT_HAS_COMMENT = range(5)

NO_TICKET, TICKET_IN_WORDS = -1, -2
# No number with more digits is taken for a ticket's number here: it would not fit.
_MOST_DIGITS = 18
_DEEPEST = 60
_UNCLEAR = -1

_QUOTE, _BACKSLASH, _COMMA, _COLON, _MINUS, _POINT, _ZERO, _NINE = (ord(c) for c in '"\\,:-.09')
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_LIST, _CLOSE_LIST = (ord(c) for c in "{}[]")
_ONE, _FIVE, _U, _SPACE = (ord(c) for c in "15u ")

# Bytes that stand in a text as they are: no quote, no backslash, no control character.
_AS_IT_IS = np.array([byte >= 32 and byte not in b'"\\' for byte in range(256)])
_IS_HEX = np.array([chr(byte) in "0123456789abcdefABCDEF" for byte in range(256)])
_IS_SIMPLE_ESCAPE = np.array([byte in b'"\\/bfnrt' for byte in range(256)])


def _compiled(function: Function) -> Function:
    """Machine code, kept for the next process where there is a place to keep it."""
    try:
        return cast(Function, njit(nogil=True, cache=True)(function))
    except RuntimeError:  # a read-only machine without a home
        return cast(Function, njit(nogil=True)(function))


@_compiled
def _skip_space(data: Array, i: int, end: int) -> int:
    while i < end and (data[i] == 32 or data[i] == 10 or data[i] == 13 or data[i] == 9):
        i += 1
    return i


@_compiled
def _skip_escape(data: Array, i: int, end: int) -> int:
    """The place behind the escape that begins at `i`; -1 if it is none."""
    if i + 1 < end and _IS_SIMPLE_ESCAPE[data[i + 1]]:
        return i + 2
    if i + 6 > end or data[i + 1] != _U:
        return -1
    for j in range(i + 2, i + 6):
        if not _IS_HEX[data[j]]:
            return -1
    return i + 6


@_compiled
def _skip_digits(data: Array, i: int, end: int) -> int:
    while i < end and _ZERO <= data[i] <= _NINE:
        i += 1
    return i


@_compiled
def _skip_number(data: Array, i: int, end: int) -> tuple[int, int]:
    """The place behind a number, or -1, and its kind."""
    kind = _INTEGER
    if data[i] == _MINUS:
        i += 1
    behind = _skip_digits(data, i, end)
    if behind == i or (data[i] == _ZERO and behind > i + 1):
        return -1, kind
    i = behind
    if i < end and data[i] == _POINT:
        kind = _OTHER
        behind = _skip_digits(data, i + 1, end)
        if behind == i + 1:
            return -1, kind
        i = behind
    if i < end and (data[i] == 101 or data[i] == 69):  # e, E
        kind = _OTHER
        i += 1
        if i < end and (data[i] == _MINUS or data[i] == 43):
            i += 1
        behind = _skip_digits(data, i, end)
        if behind == i:
            return -1, kind
        i = behind
    return i, kind


@_compiled
def _skip_word(data: Array, i: int, end: int) -> tuple[int, int]:
    """The place behind true, false or null, or -1, and its kind."""
    if _is_text(data, i, min(i + 4, end), _WORD_NULL):
        return i + 4, _NULL
    if _is_text(data, i, min(i + 4, end), _WORD_TRUE):
        return i + 4, _OTHER
    if _is_text(data, i, min(i + 5, end), _WORD_FALSE):
        return i + 5, _OTHER
    return -1, _OTHER


@_compiled
def _is_text(data: Array, start: int, end: int, text: Array) -> bool:
    if end - start != len(text):
        return False
    j = 0
    while j < len(text) and data[start + j] == text[j]:
        j += 1
    return j == len(text)


def as_bytes(text: str) -> Array:
    """A text as the scanner compares it."""
    return np.frombuffer(text.encode("utf-8"), np.uint8)


_WORD_NULL, _WORD_TRUE, _WORD_FALSE = as_bytes("null"), as_bytes("true"), as_bytes("false")
_WORD_SIGNED, _WORD_KNOWN = as_bytes("signed"), as_bytes("known")
# What may come next. Of two, the first is for where a container has just been opened.
_FIRST_KEY, _KEY, _FIRST_VALUE, _VALUE, _AFTER = range(5)


@_compiled
def _find_key(data: Array, start: int, end: int, keys: Array, key_ends: Array) -> int:
    length, begin = end - start, 0
    for k in range(KEYS):
        stop = key_ends[k]
        if stop - begin == length:
            j = 1
            # From the end: keys of PostHog begin alike.
            while j <= length and data[end - j] == keys[stop - j]:
                j += 1
            if j > length:
                return k
        begin = stop
    return -1


@_compiled
def _scan_object(
    data: Array,
    i: int,
    end: int,
    keys: Array,
    key_ends: Array,
    kinds: Array,
    starts: Array,
    ends: Array,
) -> bool:
    """Whether the text is a JSON object through and through; what stands under each key.

    A key that comes twice means its last value, as everywhere in Python. Somewhere behind the
    text there is a quote, so that looking for the end of a text needs to look for nothing else.
    """
    kinds[:] = _MISSING
    i = _skip_space(data, i, end)
    if i >= end or data[i] != _OPEN_OBJECT:
        return False
    # What is open: a set bit for an object, another for a list, the inmost last.
    open_objects, depth = np.uint64(1), 1
    expected, wanted = _FIRST_KEY, -1
    i += 1
    while True:
        i = _skip_space(data, i, end)
        if i >= end:
            return False
        c = data[i]
        if expected == _AFTER:
            if c == _COMMA:
                expected = _KEY if open_objects & np.uint64(1) else _VALUE
                i += 1
                continue
            if c != (_CLOSE_OBJECT if open_objects & np.uint64(1) else _CLOSE_LIST):
                return False
        elif expected <= _KEY:
            if c == _QUOTE:
                start = i + 1
                i = start
                while _AS_IT_IS[data[i]]:
                    i += 1
                if i >= end or data[i] != _QUOTE:
                    return False
                if depth == 1:
                    wanted = _find_key(data, start, i, keys, key_ends)
                i = _skip_space(data, i + 1, end)
                if i >= end or data[i] != _COLON:
                    return False
                expected = _VALUE
                i += 1
                continue
            if c != _CLOSE_OBJECT or expected != _FIRST_KEY:
                return False
        elif c == _QUOTE:
            start, kind = i + 1, _PLAIN
            i = start
            while True:
                while _AS_IT_IS[data[i]]:
                    i += 1
                if i >= end or data[i] != _BACKSLASH:
                    break
                kind = _ESCAPED
                i = _skip_escape(data, i, end)
                if i < 0:
                    return False
            if i >= end or data[i] != _QUOTE:
                return False
            if depth == 1 and wanted >= 0:
                kinds[wanted], starts[wanted], ends[wanted] = kind, start, i
            expected = _AFTER
            i += 1
            continue
        elif c in (_OPEN_OBJECT, _OPEN_LIST):
            if depth == _DEEPEST:
                return False
            if depth == 1 and wanted >= 0:
                kinds[wanted] = _OTHER
            is_object = c == _OPEN_OBJECT
            depth += 1
            open_objects = (open_objects << np.uint64(1)) | np.uint64(is_object)
            expected = _FIRST_KEY if is_object else _FIRST_VALUE
            i += 1
            continue
        elif c != _CLOSE_LIST or expected != _FIRST_VALUE:
            start = i
            if c == _MINUS or _ZERO <= c <= _NINE:
                i, kind = _skip_number(data, i, end)
            else:
                i, kind = _skip_word(data, i, end)
            if i < 0:
                return False
            if depth == 1 and wanted >= 0:
                kinds[wanted], starts[wanted], ends[wanted] = kind, start, i
            expected = _AFTER
            continue
        # What was open last is closed here.
        i += 1
        depth -= 1
        open_objects >>= np.uint64(1)
        expected = _AFTER
        if depth == 0:
            return _skip_space(data, i, end) == end


@_compiled
def _is_visible(data: Array, i: int, end: int) -> tuple[bool, int]:
    """Whether the character at `i` is one that `str.strip` leaves, and how many bytes it has."""
    c = data[i]
    if c < 0x80:
        return c > _SPACE, 1
    length = 2 if c < 0xE0 else 3 if c < 0xF0 else 4
    second = data[i + 1] if i + 1 < end else 0
    third = data[i + 2] if i + 2 < end else 0
    if c == 0xC2:
        return second != 0x85 and second != 0xA0, length
    if c == 0xE1:
        return second != 0x9A or third != 0x80, length
    if c == 0xE2:
        if second == 0x80:
            return not (third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF), length
        return second != 0x81 or third != 0x9F, length
    if c == 0xE3:
        return second != 0x80 or third != 0x80, length
    return True, length


@_compiled
def _is_given(data: Array, k: int, kinds: Array, starts: Array, ends: Array) -> int:
    """1 where a value is neither null nor blank, 0 where it is, -1 where it takes a closer look."""
    kind = kinds[k]
    if kind in (_MISSING, _NULL):
        return 0
    if kind != _PLAIN and kind != _ESCAPED:
        return 1
    i, end = starts[k], ends[k]
    while i < end:
        if data[i] == _BACKSLASH:
            i += 6 if data[i + 1] == _U else 2
            continue
        is_visible, length = _is_visible(data, i, end)
        if is_visible:
            return 1
        i += length
    return 0 if kind == _PLAIN else _UNCLEAR


@_compiled
def _first_given(
    data: Array, first: int, second: int, kinds: Array, starts: Array, ends: Array
) -> int:
    """Which of two keys has a value; -1 for neither, -2 where it takes a closer look."""
    for k in (first, second):
        given = _is_given(data, k, kinds, starts, ends)
        if given == _UNCLEAR:
            return -2
        if given == 1:
            return k
    return -1


@_compiled
def _read_ticket(data: Array, kind: int, start: int, end: int) -> int:
    """A ticket's number, or one of the constants above; -3 where it takes a closer look."""
    if kind in (_MISSING, _NULL) or (kind == _PLAIN and start == end):
        return NO_TICKET
    if kind != _PLAIN and kind != _INTEGER:
        return -3
    is_number = _skip_digits(data, start, end) == end and end - start <= _MOST_DIGITS
    if not is_number or (data[start] == _ZERO and end - start > 1):
        return TICKET_IN_WORDS if kind == _PLAIN else -3
    number = 0
    for i in range(start, end):
        number = number * 10 + (data[i] - _ZERO)
    return number


@_compiled
def _read_rating(data: Array, kind: int, start: int, end: int) -> int:
    """A rating, 0 for none; -1 where it takes a closer look."""
    if kind != _PLAIN and kind != _INTEGER:
        return _UNCLEAR
    if end - start == 1 and _ONE <= data[start] <= _FIVE:
        return int(data[start]) - _ZERO
    # Other whole numbers are none.
    is_number = kind == _INTEGER or _skip_digits(data, start, end) == end
    return 0 if is_number else _UNCLEAR


@_compiled
def _read_other_survey(data: Array, kind: int, start: int, end: int, survey_id: Array) -> int:
    """1 for another survey than the configured one, 0 for it; -1 where it takes a closer look."""
    if len(survey_id) == 0:
        return 0
    if kind in (_MISSING, _NULL):
        return 1
    if kind != _PLAIN:
        return _UNCLEAR
    return 0 if _is_text(data, start, end, survey_id) else 1


@_compiled
def _read_trust(data: Array, kind: int, start: int, end: int) -> int:
    """How much a link weighs; -1 where it takes a closer look."""
    if kind == _ESCAPED:
        return _UNCLEAR
    if kind != _PLAIN:
        return 0
    if _is_text(data, start, end, _WORD_SIGNED):
        return 2
    return 1 if _is_text(data, start, end, _WORD_KNOWN) else 0


@_compiled
def scan(
    data: Array,
    offsets: Array,
    keys: Array,
    key_ends: Array,
    survey_id: Array,
    tickets: Array,
    ticket_at: Array,
    team_at: Array,
    small: Array,
) -> None:
    """What each text says as an answer.

    `data` and `offsets` are those of an Arrow array of texts, valid UTF-8; behind the last of them
    there must be one more quote in `data`. Fills `tickets` with
    numbers and the constants above, `ticket_at` and `team_at` with `(start, end)` of these texts
    (equal: none), and `small` with `(is clear, rating, trust, other survey, has comment)`. Where a
    row is not clear, nothing of it is to be used.
    """
    kinds = np.empty(KEYS, np.int8)
    starts = np.empty(KEYS, np.int64)
    ends = np.empty(KEYS, np.int64)
    for row in range(len(offsets) - 1):
        small[row, OUT_IS_CLEAR] = 0
        begin, end = offsets[row], offsets[row + 1]
        if not _scan_object(data, begin, end, keys, key_ends, kinds, starts, ends):
            continue
        t = TICKET
        ticket = _read_ticket(data, kinds[t], starts[t], ends[t])
        s = SURVEY_ID
        other_survey = _read_other_survey(data, kinds[s], starts[s], ends[s], survey_id)
        trust = _read_trust(data, kinds[TRUST], starts[TRUST], ends[TRUST])
        r = _first_given(data, RATING, RATING_INDEX, kinds, starts, ends)
        rating = 0 if r == -1 else _UNCLEAR
        if r >= 0:
            rating = _read_rating(data, kinds[r], starts[r], ends[r])
        team = _first_given(data, TEAM, TICKET_TEAM, kinds, starts, ends)
        comment = _first_given(data, COMMENT, COMMENT_INDEX, kinds, starts, ends)
        if ticket == -3 or other_survey < 0 or trust < 0 or rating < 0 or comment == -2:
            continue
        if team == -2 or (team >= 0 and kinds[team] != _PLAIN):
            continue
        tickets[row] = ticket
        ticket_at[row, 0] = starts[t] if ticket == TICKET_IN_WORDS else 0
        ticket_at[row, 1] = ends[t] if ticket == TICKET_IN_WORDS else 0
        team_at[row, 0] = starts[team] if team >= 0 else 0
        team_at[row, 1] = ends[team] if team >= 0 else 0
        small[row, OUT_IS_CLEAR] = 1
        small[row, OUT_RATING] = rating
        small[row, OUT_TRUST] = trust
        small[row, OUT_OTHER_SURVEY] = other_survey
        small[row, OUT_HAS_COMMENT] = comment >= 0


@_compiled
def gather(data: Array, at: Array, offsets: Array, out: Array) -> None:
    """Copy the texts at `(start, end)` one behind the other; fills `offsets` of an Arrow array."""
    n = 0
    for row in range(len(at)):
        offsets[row] = n
        for i in range(at[row, 0], at[row, 1]):
            out[n] = data[i]
            n += 1
    offsets[len(at)] = n


@_compiled
def read_uuids(data: Array, offsets: Array, high: Array, low: Array, is_clear: Array) -> None:
    """The number of each uuid in two halves; not clear where it is not written as uuids are."""
    for row in range(len(offsets) - 1):
        begin = offsets[row]
        is_clear[row] = offsets[row + 1] - begin == 36
        if not is_clear[row]:
            continue
        half, digits = np.uint64(0), 0
        for i in range(36):
            c = data[begin + i]
            if i == 8 or i == 13 or i == 18 or i == 23:
                is_clear[row] &= c == _MINUS
                continue
            # Capitals would have another place in the order of texts.
            is_digit, is_letter = _ZERO <= c <= _NINE, 97 <= c <= 102
            is_clear[row] &= is_digit or is_letter
            half = (half << np.uint64(4)) | np.uint64(c - _ZERO if is_digit else (c - 87) & 15)
            digits += 1
            if digits == 16:
                high[row] = half
                half = np.uint64(0)
        low[row] = half


@_compiled
def find_visible(data: Array, offsets: Array, is_visible: Array) -> None:
    """Which texts are more than blanks."""
    for row in range(len(offsets) - 1):
        is_visible[row] = False
        i, end = offsets[row], offsets[row + 1]
        while i < end and not is_visible[row]:
            is_visible[row], length = _is_visible(data, i, end)
            i += length
