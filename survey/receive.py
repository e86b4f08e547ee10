"""Receiving an answer: answer, response and outbox row in one transaction."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid4, uuid5

from sqlalchemy.orm import Session

from survey.events import Questions, build_event
from survey.links import Link
from survey.rules import Answer, Rules
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import Source
from survey.store.outbox import enqueue
from survey.store.responses import (
    add_answer,
    answers_of,
    derive_response,
    find_answer,
    find_response,
)
from survey.store.vocabulary import COUNTED, Trust


@dataclass(frozen=True)
class Submission:
    """One form as it was sent, checked, with the link it was sent through."""

    link: Link
    trust: Trust
    rating: int
    comment: str | None
    submit_id: str | None
    questions: Questions


def rules_of(settings: Settings) -> Rules:
    """The rules as they apply to answers in our own store, which all belong to our survey."""
    return Rules(settings.edit_window, settings.test_distinct_ids)


def receive(
    database: Database, settings: Settings, submission: Submission, now: datetime
) -> Answer:
    """Store a submission, durably, with all that follows from it; the stored answer.

    A form that was sent before (double click, retry, reload) is not received again: what
    comes back is the answer that it made the first time.
    """
    uuid = _answer_uuid(submission)
    with database.writing() as session:
        known = find_answer(session, uuid)
        if known is not None:
            return known
        answer = _answer(session, submission, uuid, now)
        add_answer(session, answer, Source.SITE, submission.link.initial_target_area)
        decision = derive_response(session, submission.link.ticket_id, rules_of(settings))
        if decision.outcomes[uuid] in COUNTED:
            _enqueue_event(session, settings, submission, answer, now)
        return answer


def _answer_uuid(submission: Submission) -> str:
    """The same form with the same content has the same uuid, which the database holds unique."""
    submit_id = submission.submit_id or str(uuid4())
    link = submission.link
    content = [link.ticket_id, link.person, submit_id, submission.rating, submission.comment]
    return str(uuid5(NAMESPACE_URL, json.dumps(content)))


def _answer(session: Session, submission: Submission, uuid: str, now: datetime) -> Answer:
    """The answer, later than every answer the ticket has: a clock that was set back must not
    make somebody's latest answer their first."""
    earlier = answers_of(session, submission.link.ticket_id)
    received_at = now
    if earlier and earlier[-1].answered_at >= now:
        received_at = earlier[-1].answered_at + timedelta(microseconds=1)
    return Answer(
        uuid=uuid,
        ticket_id=submission.link.ticket_id,
        distinct_id=submission.link.person,
        rating=submission.rating,
        comment=submission.comment,
        team=submission.link.team,
        answered_at=received_at,
        trust=submission.trust,
    )


def _enqueue_event(
    session: Session, settings: Settings, submission: Submission, answer: Answer, now: datetime
) -> None:
    response = find_response(session, submission.link.ticket_id)
    assert response is not None  # a counted answer has made or changed one
    event = build_event(
        answer,
        submission.link,
        submission.questions,
        team=response.team,
        submission_id=response.submission_id,
        settings=settings,
    )
    payload = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    enqueue(session, answer.uuid, submission.link.ticket_id, payload, now)
