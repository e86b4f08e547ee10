"""What a user's name may be. Pure."""

import unicodedata

LONGEST_NAME = 100


def parse_name(text: str) -> str:
    """Return a user's name, without spaces at its ends; raise ValueError that says what is wrong
    with it."""
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise ValueError("the name is blank")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"the name has more than {LONGEST_NAME} characters")
    if not name.isprintable():
        raise ValueError("the name has a character that cannot be printed")
    return name


def find_name(text: object) -> str | None:
    """Return the name that somebody typed or a provider says; None if no user can have it."""
    try:
        return parse_name(text) if isinstance(text, str) else None
    except ValueError:
        return None
