"""Answers that come in by the front door, but not by HTTP."""

from collections.abc import Sequence
from datetime import datetime

from survey.events import Questions
from survey.links import parse_link
from survey.receive import Arrival, Submission, receive_all
from survey.settings import Settings
from survey.store.database import Database
from survey.vocabulary import Trust
from tests.support.customers import Answer

# Answers to one transaction.
AT_ONCE = 250


def take(database: Database, settings: Settings, answers: Sequence[Answer], at: datetime) -> None:
    """Receive answers at a time, in their order."""
    arrivals = [Arrival(_submission(answer), at) for answer in answers]
    for begin in range(0, len(arrivals), AT_ONCE):
        receive_all(database, settings, arrivals[begin : begin + AT_ONCE])


def _submission(answer: Answer) -> Submission:
    link = parse_link({"ticketId": answer.ticket_id, "distinct_id": f"customer-{answer.ticket_id}"})
    return Submission(
        link,
        Trust.UNVERIFIED,
        answer.rating,
        answer.comment,
        answer.submit_id,
        Questions("How satisfied are you?"),
    )
