"""Receives answers: stores answer, response and outbox rows in one transaction."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import NAMESPACE_URL, uuid4, uuid5

from sqlalchemy import Connection

from survey.answer_events import build_outbox_event, find_unsent
from survey.counting_rules import CountingRules
from survey.events import Questions
from survey.links import Link, judge_requester
from survey.messages.alert_rows import alert_rows, raises_alerts
from survey.messages.ticket_rows import rows_of_change, writes_back
from survey.prometheus import ANSWERS, counting
from survey.rules import Answer, Decision, Response, decide, time_of_receipt
from survey.scale import LOW
from survey.settings import Settings
from survey.store.database import Database
from survey.store.deciding import Arriving, answers_that_decide
from survey.store.messages import NewMessage, add_messages
from survey.store.models import Origin
from survey.store.outbox import enqueue
from survey.store.responses import (
    Asked,
    NewAnswer,
    add_answers,
    add_responses,
    save_response,
)
from survey.store.tickets import find_requesters
from survey.store.voids import void_among
from survey.vocabulary import Trust


@dataclass(frozen=True)
class Submission:
    """A submitted form, checked, with the link through which it was sent. `trust` is what the link
    alone proves; the ticket may prove more when the submission is received."""

    link: Link
    trust: Trust
    rating: int
    comment: str | None
    submit_id: str | None
    questions: Questions

    @cached_property
    def uuid(self) -> str:
        """The uuid of the form's answer. The same form with the same content has the same uuid,
        which is unique in the database."""
        submit_id = self.submit_id or str(uuid4())
        content = [self.link.ticket_id, self.link.person, submit_id, self.rating, self.comment]
        return str(uuid5(NAMESPACE_URL, json.dumps(content)))


@dataclass(frozen=True)
class Arrival:
    """A submission and the time of its receipt."""

    submission: Submission
    at: datetime

    @property
    def ticket_id(self) -> str:
        """The ticket of the submission."""
        return self.submission.link.ticket_id


def receive(
    database: Database, settings: Settings, submission: Submission, now: datetime
) -> Answer:
    """Durably store a submission and all that follows from it; return the stored answer.

    A form that was sent before (double click, retry, reload) is not stored again: return the
    answer that was stored the first time.
    """
    return receive_all(database, settings, [Arrival(submission, now)])[0]


def receive_all(
    database: Database, settings: Settings, arrivals: Sequence[Arrival]
) -> list[Answer]:
    """Store submissions in their order in one transaction; return the stored answer of each."""
    received: list[_Received] = []
    with database.writing() as connection:
        # All tickets are locked at once: locking some now and some later could cause a deadlock.
        database.lock_tickets(connection, sorted({arrival.ticket_id for arrival in arrivals}))
        for group in _without_ticket_twice(arrivals):
            received += _receive_group(connection, settings, group)
    _count(received)
    return [each.answer for each in received]


def _without_ticket_twice(arrivals: Sequence[Arrival]) -> Iterator[list[Arrival]]:
    """Yield the arrivals in groups, in each of which a ticket occurs once."""
    group: dict[str, Arrival] = {}
    for arrival in arrivals:
        if arrival.ticket_id in group:
            yield list(group.values())
            group = {}
        group[arrival.ticket_id] = arrival
    yield list(group.values())


def _receive_group(
    connection: Connection, settings: Settings, arrivals: Sequence[Arrival]
) -> "list[_Received]":
    """Store submissions for different tickets, most of them with one statement for each table."""
    tickets = [arrival.ticket_id for arrival in arrivals]
    arriving = [
        Arriving(each.ticket_id, each.submission.link.person, each.at, each.submission.uuid)
        for each in arrivals
    ]
    rules = CountingRules.of(settings, void_among(connection, tickets))
    earlier = answers_that_decide(connection, rules, arriving)
    requesters = find_requesters(
        connection,
        [each.ticket_id for each in arrivals if each.submission.trust is Trust.UNVERIFIED],
    )
    received = [
        _judge(each, earlier[each.ticket_id], rules, requesters.get(each.ticket_id))
        for each in arrivals
    ]
    new = [each for each in received if each.is_new]
    add_answers(connection, [NewAnswer(each.answer, Origin.SITE, each.asked) for each in new])
    changed = [each for each in new if each.changes_response]
    submission_ids = add_responses(
        connection,
        {each.ticket_id: each.response for each in changed if not each.earlier},
    )
    for each in changed:
        if each.earlier:
            submission_ids[each.ticket_id] = save_response(
                connection, each.ticket_id, each.response
            )
    events = [
        build_outbox_event(answer, asked, each.response, submission_ids[each.ticket_id], settings)
        for each in changed
        for answer, asked in (
            *find_unsent(connection, each.earlier, each.before, each.after),
            (each.answer, each.asked),
        )
    ]
    now = max(arrival.at for arrival in arrivals)
    if events:
        enqueue(connection, events, now)
    if raises_alerts(settings):
        add_messages(connection, _find_alerts(changed, submission_ids, settings), now)
    if writes_back(settings):
        add_messages(connection, _find_ticket_rows(changed, settings), now)
    return received


@dataclass(frozen=True)
class _Received:
    """A submission and its answer. `answer` is an earlier answer if the form was sent before;
    `earlier` are the ticket's answers, or if there are very many, those that decide."""

    answer: Answer
    asked: Asked
    earlier: Sequence[Answer]
    before: Decision
    after: Decision

    @property
    def ticket_id(self) -> str:
        assert self.answer.ticket_id is not None  # every link has a ticket
        return self.answer.ticket_id

    @property
    def is_new(self) -> bool:
        return self.answer not in self.earlier

    @property
    def changes_response(self) -> bool:
        return self.after.response is not None and self.after.response != self.before.response

    @property
    def outcome(self) -> str:
        return self.after.outcomes[self.answer.uuid] if self.is_new else "repeat"

    @property
    def response(self) -> Response:
        assert self.after.response is not None
        return self.after.response


def _count(received: Sequence[_Received]) -> None:
    with counting():
        for each in received:
            ANSWERS.labels(each.outcome, each.answer.trust).inc()


def _find_alerts(
    changed: Sequence[_Received], submission_ids: Mapping[str, str], settings: Settings
) -> list[NewMessage]:
    """Return the alerts about those changed responses that have a low rating now."""
    return [
        alert
        for each in changed
        if each.response.latest.rating in LOW
        for alert in alert_rows(
            ticket_id=each.ticket_id,
            submission_id=submission_ids[each.ticket_id],
            team=each.response.first.team,
            settings=settings,
            at=each.answer.answered_at,
        )
    ]


def _find_ticket_rows(changed: Sequence[_Received], settings: Settings) -> list[NewMessage]:
    """Return the rows by which these changed responses go to their tickets."""
    return [
        row
        for each in changed
        for row in rows_of_change(
            each.ticket_id,
            each.before.response,
            each.response,
            settings,
            each.answer.answered_at + settings.settling_delay,
        )
    ]


def _judge(
    arrival: Arrival, earlier: Sequence[Answer], rules: CountingRules, requester: str | None
) -> _Received:
    """Decide over a submission. Its trust is fixed now: a ticket that the help desk tells us of
    later changes nothing."""
    submission = arrival.submission
    known = next((answer for answer in earlier if answer.uuid == submission.uuid), None)
    trust = judge_requester(submission.link, submission.trust, requester)
    answer = known or _answer(submission, trust, time_of_receipt(earlier, arrival.at))
    return _Received(
        answer=answer,
        asked=Asked(submission.questions, submission.link.initial_target_area),
        earlier=earlier,
        before=decide(earlier, rules),
        after=decide([*earlier, answer], rules),
    )


def _answer(submission: Submission, trust: Trust, received_at: datetime) -> Answer:
    return Answer(
        uuid=submission.uuid,
        ticket_id=submission.link.ticket_id,
        distinct_id=submission.link.person,
        rating=submission.rating,
        comment=submission.comment,
        team=submission.link.team,
        answered_at=received_at,
        trust=trust,
        language=submission.questions.language,
        is_from_site=True,
    )
