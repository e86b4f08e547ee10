"""What a provider says of somebody: their role, and what to call them. Pure."""

from collections.abc import Mapping

from reports.user_names import find_name
from survey.vocabulary import ROLE_ORDER, Role

# Where a provider says what somebody is called, the best first.
_NAMES = ("preferred_username", "email", "sub")
# The length that OpenID Connect gives a subject.
_LONGEST_SUBJECT = 255


def read_role(claims: Mapping[str, object], claim: str) -> Role | None:
    """Return the highest role that a claim gives, as one text or a list; None if it gives none."""
    value = claims.get(claim)
    given = value if isinstance(value, list) else [value]
    return next((role for role in reversed(ROLE_ORDER) if role in given), None)


def read_names(claims: Mapping[str, object]) -> list[str]:
    """Return the names that somebody can have here, the best first."""
    found = (find_name(claims.get(key)) for key in _NAMES)
    return [name for name in found if name] or ["OpenID user"]


def read_subject(claims: Mapping[str, object], issuer: str) -> str | None:
    """Return what identifies somebody, whichever provider is asked later; None without a usable
    subject."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.isprintable():
        return None
    return f"{issuer} {subject}" if 0 < len(subject) <= _LONGEST_SUBJECT else None
