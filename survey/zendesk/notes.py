"""The internal note that shows a customer's comment on the ticket. Pure.

The customer wrote it, so it is plain words in every program that shows the note: no markup, no
link, no placeholder that Zendesk would fill in.
"""

import re
from collections.abc import Sequence
from html import escape, unescape

from survey.messages.plain_text import BREAK, excerpt
from survey.vocabulary import Trust

_HEADING = "The customer's comment in the satisfaction survey:"
_WARNING = (
    "Nobody has checked who sent this: the link was not signed, and does not name the requester."
)
# `{{` begins a placeholder of Liquid, and `{%` a tag.
_LIQUID = re.compile(r"[{}%](?=[{}%])")


def compose_note(comment: str, trust: Trust) -> str | None:
    """Return the text of the note, line by line; None if nobody would see anything of the
    comment."""
    lines = [_LIQUID.sub(lambda found: found[0] + BREAK, _whole(line)) for line in _lines(comment)]
    if not any(lines):
        return None
    warning = [_WARNING] if trust is Trust.UNVERIFIED else []
    return "\n".join([_HEADING, *lines, *warning])


def format_note(text: str) -> str:
    """Return the text of a note as HTML."""
    return "<p>" + "<br>".join(escape(line) for line in text.splitlines()) + "</p>"


def is_noted(text: str, notes: Sequence[str]) -> bool:
    """Return whether the newest of these notes that shows a comment is this one; `notes` are those
    of the ticket, the newest first. The help desk may have laid them out anew."""
    ours = (note for note in map(_letters, notes) if note.startswith(_letters(_HEADING)))
    return next(ours, None) == _letters(text)


def _lines(comment: str) -> list[str]:
    return comment.strip().splitlines()


def _whole(line: str) -> str:
    return excerpt(line, longest=len(line))


def _letters(text: str) -> str:
    """Return what is left of a text without its layout."""
    return "".join(_whole(unescape(text)).replace(BREAK, "").split())
