"""Makes what strangers wrote harmless in a message to a team. Pure.

Every program that shows such a message has its own ideas of what a text may do: an address becomes
a link, `@channel` wakes everybody, some characters turn the rest of the line around.
"""

import re
import unicodedata

# How much of a comment a message shows.
LONGEST_EXCERPT = 500

# Categories of Unicode: control characters, characters that only format, halves of surrogate pairs.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})
# These format, too, but emoji and words of some scripts need them, and they turn nothing around.
_JOINERS = frozenset("\u200c\u200d")
# Nobody sees this character, and no program finds an address or a name across it.
BREAK = "\u200b"
_PARTS_OF_ADDRESSES = re.compile(r"[.:@](?=\S)")


def excerpt(text: str, longest: int = LONGEST_EXCERPT) -> str:
    """Return the beginning of a text in one line, without characters that nobody sees, and without
    anything that a program takes for an address, a person to notify or an emoji code."""
    line = " ".join(text.split())
    visible = "".join(each for each in line if _is_visible(each))
    short = visible if len(visible) <= longest else visible[: longest - 1].rstrip() + "…"
    return _PARTS_OF_ADDRESSES.sub(lambda found: found[0] + BREAK, short)


def escape_for_chat(text: str) -> str:
    """Return a text for a message in the format of Slack, in which it is no markup: no mention, no
    link, no code. Programs that read Slack's format read some Markdown, too."""
    return _escape_signs(text).replace("`", "'").replace("](", f"]{BREAK}(")


def link_for_chat(address: str, text: str) -> str:
    """Return a link in the format of Slack, to an address of our own."""
    return f"<{_escape_signs(address.replace('|', '%7C'))}|{escape_for_chat(text)}>"


def _escape_signs(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE or character in _JOINERS
