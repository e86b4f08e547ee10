"""Answers to fill a store with, each with all that a report looks at."""

from dataclasses import dataclass
from datetime import UTC, datetime

from survey.events import Questions
from survey.links import parse_link
from survey.receive import Arrival, Submission, receive_all
from survey.settings import Settings
from survey.store.database import Database
from survey.vocabulary import Trust

NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)


@dataclass(frozen=True)
class GivenAnswer:
    """An answer of somebody of their own, to a ticket of its own unless it names one."""

    rating: int = 5
    comment: str | None = None
    team: str = "surveys"
    trust: Trust = Trust.UNVERIFIED
    language: str = "en"
    at: datetime = NOON
    ticket_id: str | None = None


def give(database: Database, settings: Settings, *answers: GivenAnswer) -> None:
    """Receive answers as the site does."""
    with database.reading() as connection:
        begun = connection.exec_driver_sql("SELECT count(*) FROM answers").scalar_one()
    receive_all(
        database,
        settings,
        [_arrive(answer, f"T-{begun + number}") for number, answer in enumerate(answers)],
    )


def _arrive(answer: GivenAnswer, ticket_id: str) -> Arrival:
    ticket = answer.ticket_id or ticket_id
    parameters = {"ticketId": ticket, "distinct_id": f"customer of {ticket}", "team": answer.team}
    questions = Questions("How was it?", "Why?", answer.language)
    submission = Submission(
        parse_link(parameters), answer.trust, answer.rating, answer.comment, None, questions
    )
    return Arrival(submission, answer.at)
