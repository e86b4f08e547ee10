"""The values of Zendesk's JSON, as they are kept. Pure."""

import unicodedata
from datetime import UTC, datetime

from survey.vocabulary import LONGEST_VALUE


def read_text(value: str) -> str | None:
    """Return a text as it is kept: trimmed, without what cannot be stored, and cut to
    LONGEST_VALUE; None for a blank one."""
    if not value.isprintable():
        # Cc: control characters. Cs: halves of a surrogate pair, which no encoding can carry.
        kept = (each for each in value if unicodedata.category(each) not in ("Cc", "Cs"))
        value = "".join(kept)
    return value.strip()[:LONGEST_VALUE] or None


def read_identity(value: str) -> str | None:
    """Return who somebody is, trimmed. An identity that no link can carry is none: cut, it would be
    somebody else's."""
    text = read_text(value)
    return text if text == value.strip() else None


def read_time(value: str) -> datetime | None:
    """Return a time in UTC; None for a text that is none, or that has no offset."""
    try:
        time = datetime.fromisoformat(value.strip())
        return None if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
