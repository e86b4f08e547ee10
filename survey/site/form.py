"""The form's fields as a browser sends them, and the problems in them. Pure."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from survey.refusals import Refused
from survey.scale import parse_rating

MAX_COMMENT_LENGTH = 5_000
MAX_SUBMIT_ID_LENGTH = 100


@dataclass(frozen=True)
class Form:
    """The form's fields, as a browser sent them or as a page must show them."""

    rating: int | None = None
    comment: str = ""
    submit_id: str | None = None


@dataclass(frozen=True)
class Problems:
    """The reasons why a form is not an answer; false if there are none. The page words them."""

    no_rating: bool = False
    excess_characters: int = 0
    not_saved: bool = False
    refused: Refused | None = None

    def __bool__(self) -> bool:
        return self != Problems()


def read_form(fields: Mapping[str, str]) -> tuple[Form, Problems]:
    """Return the form as sent, and its problems."""
    submit_id = fields.get("submit_id", "").strip()[:MAX_SUBMIT_ID_LENGTH]
    form = Form(
        rating=parse_rating(fields.get("rating", "")),
        comment=clean_comment(fields.get("comment", "")),
        submit_id=submit_id or None,
    )
    problems = Problems(
        no_rating=form.rating is None,
        excess_characters=max(0, len(form.comment) - MAX_COMMENT_LENGTH),
    )
    return form, problems


def clean_comment(text: str) -> str:
    """Return a comment as we store it: as typed, with `\\n` at line ends, and without control
    characters (a database cannot hold all of them). Return "" for a blank comment."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return kept if kept.strip() else ""
