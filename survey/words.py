"""Words that people write into forms and commands. Pure."""


def parse_words(text: str, longest: int) -> str:
    """Return words without blanks at the ends. Raise ValueError for no words, for more characters
    than `longest`, and for characters that cannot be printed."""
    words = text.strip()
    if not words:
        raise ValueError("the words are missing")
    if len(words) > longest:
        raise ValueError(f"{len(words)} characters are too many; write at most {longest}")
    if bad := next((letter for letter in words if not letter.isprintable()), None):
        raise ValueError(f"the character U+{ord(bad):04X} cannot be printed; leave it out")
    return words
