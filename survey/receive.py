"""Receiving an answer: answer, response and outbox row in one transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid4, uuid5

from sqlalchemy import Connection

from survey.events import Questions, build_event
from survey.links import Link
from survey.rules import Answer, Decision, Rules, decide
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import Source
from survey.store.outbox import enqueue, is_enqueued
from survey.store.responses import (
    Asked,
    add_answer,
    answers_of,
    find_asked,
    find_void,
    save_response,
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


def time_of_receipt(earlier: Sequence[Answer], now: datetime) -> datetime:
    """When an answer counts as received: now, but later than every answer the ticket has, which
    are given in order. A clock that was set back must not make somebody's latest their first."""
    if not earlier:
        return now
    return max(now, earlier[-1].answered_at + timedelta(microseconds=1))


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
        answer = _answer(submission, uuid, time_of_receipt(earlier, now))
        asked = Asked(submission.questions, submission.link.initial_target_area)
        add_answer(connection, answer, Source.SITE, asked)

        void = find_void(connection, ticket_id) is not None
        before = decide(earlier, rules_of(settings), void=void)
        after = decide([*earlier, answer], rules_of(settings), void=void)
        response = after.response
        if response is not None and response != before.response:
            submission_id = save_response(connection, ticket_id, response, is_first=not earlier)
            events = _Events(connection, settings, response.first.team, submission_id, now)
            for other in earlier:
                if _begins_to_count(other, before, after):
                    events.enqueue_late(other)
            # Also one that comes too late to count, but decides by its trust whose ticket it is:
            # without it nobody could derive the response from what PostHog has.
            events.enqueue(answer, asked)
        return answer


def _begins_to_count(answer: Answer, before: Decision, after: Decision) -> bool:
    """Whether an earlier answer counts from now on.

    A stranger's answer counts nowhere; but when the same person comes back by a link that is
    trusted more, the ticket is theirs, and their first answer begins the response.
    """
    counted, counts = (each.outcomes[answer.uuid] in COUNTED for each in (before, after))
    return counts and not counted


@dataclass(frozen=True)
class _Events:
    """Puts events of one response into the outbox."""

    connection: Connection
    settings: Settings
    team: str
    submission_id: str
    now: datetime

    def enqueue(self, answer: Answer, asked: Asked) -> None:
        event = build_event(
            answer,
            asked.questions,
            initial_target_area=asked.initial_target_area,
            team=self.team,
            submission_id=self.submission_id,
            settings=self.settings,
        )
        payload = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        enqueue(self.connection, answer.uuid, answer.ticket_id or "", payload, self.now)

    def enqueue_late(self, answer: Answer) -> None:
        """The event of an earlier answer, unless it was sent then, or came by an import."""
        asked = find_asked(self.connection, answer.uuid)
        if asked is not None and not is_enqueued(self.connection, answer.uuid):
            self.enqueue(answer, asked)


def _answer_uuid(submission: Submission) -> str:
    """The same form with the same content has the same uuid, which the database holds unique."""
    submit_id = submission.submit_id or str(uuid4())
    link = submission.link
    content = [link.ticket_id, link.person, submit_id, submission.rating, submission.comment]
    return str(uuid5(NAMESPACE_URL, json.dumps(content)))


def _answer(submission: Submission, uuid: str, received_at: datetime) -> Answer:
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
