"""How the answers received became responses, for a page. Pure."""

from dataclasses import dataclass

import pandas as pd

from reports.rows import list_rows

# Every reason of the rules, in their order, as a lead would put it.
REASONS = {
    "duplicate": "The same answer, received once more",
    "other_survey": "An answer to another survey",
    "no_ticket": "No ticket named",
    "invalid_rating": "No rating from 1 to 5",
    "test": "Test traffic",
    "void": "A voided ticket, its reason on record",
    "unverified": "A ticket without any answer by a verified link",
    "other_person": "Somebody other than the ticket’s customer",
    "late_change": "A change after the time for changes was over",
}


@dataclass(frozen=True)
class Reason:
    """Why answers are not counted, and how many."""

    key: str
    words: str
    answers: int


@dataclass(frozen=True)
class ShownQuality:
    """What became of the answers of a period."""

    received: int
    responses: int
    edits: int
    reasons: tuple[Reason, ...]

    @property
    def left_out(self) -> int:
        """How many answers are counted neither as responses nor as edits."""
        return sum(reason.answers for reason in self.reasons)

    @property
    def ties(self) -> bool:
        """Whether every answer that was received is accounted for."""
        return self.received == self.responses + self.edits + self.left_out


def show_quality(quality: pd.DataFrame) -> ShownQuality:
    """Return the rows of `quality.csv` as the page tells them."""
    answers = {row["reason"]: int(row["answers"]) for row in list_rows(quality)}
    received, responses, edits = (answers.pop(key, 0) for key in ("received", "response", "edit"))
    reasons = (Reason(key, REASONS.get(key, key), count) for key, count in answers.items())
    return ShownQuality(received, responses, edits, tuple(reasons))
