"""Lines of plain text in mails. Pure."""

import textwrap

# Lines of text are shorter than 78 characters, as RFC 5322 asks for; an address is a line of its
# own, and is never broken.
TEXT_WIDTH = 76


def wrap(text: str, indent: str = "", first: str | None = None) -> str:
    """Return a text in lines that fit, each indented; the first line, if given, differently."""
    return textwrap.fill(
        " ".join(text.split()),
        TEXT_WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
