"""Receiving an answer: answer, response and outbox row in one transaction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from survey.events import Questions, build_event
from survey.links import Link
from survey.rules import Answer, Rules, decide
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import Source
from survey.store.outbox import enqueue
from survey.store.responses import add_answer, answers_of, find_void, save_response
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
    with database.writing() as connection:
        ticket_id = submission.link.ticket_id
        earlier = answers_of(connection, ticket_id)
        for answer in earlier:
            if answer.uuid == uuid:
                return answer
        answer = _answer(submission, uuid, earlier, now)
        void = find_void(connection, ticket_id) is not None
        decision = decide([*earlier, answer], rules_of(settings), void=void)
        add_answer(connection, answer, Source.SITE, submission.link.initial_target_area)
        response = decision.response
        if response is not None and decision.outcomes[uuid] in COUNTED:
            submission_id = save_response(connection, ticket_id, response, is_first=not earlier)
            event = build_event(
                answer,
                submission.link,
                submission.questions,
                team=response.first.team,
                submission_id=submission_id,
                settings=settings,
            )
            enqueue(connection, answer.uuid, ticket_id, _as_payload(event), now)
        return answer


def _answer_uuid(submission: Submission) -> str:
    """The same form with the same content has the same uuid, which the database holds unique."""
    submit_id = submission.submit_id or str(uuid4())
    link = submission.link
    content = [link.ticket_id, link.person, submit_id, submission.rating, submission.comment]
    return str(uuid5(NAMESPACE_URL, json.dumps(content)))


def _answer(submission: Submission, uuid: str, earlier: Sequence[Answer], now: datetime) -> Answer:
    """The answer, later than every answer the ticket has: a clock that was set back must not
    make somebody's latest answer their first."""
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


def _as_payload(event: Mapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
