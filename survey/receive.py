"""Receives answers: stores answer, response and outbox rows in one transaction."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from uuid import NAMESPACE_URL, uuid4, uuid5

from sqlalchemy import Connection

from survey.answer_events import build_outbox_event, find_unsent
from survey.counting_rules import CountingRules
from survey.events import Questions
from survey.growth import Growth, day_of, rest_of_day
from survey.links import Link, judge_requester
from survey.messages.alert_rows import alert_rows, raises_alerts
from survey.messages.ticket_rows import rows_of_change, writes_back
from survey.prometheus import ANSWERS, counting
from survey.refusals import Refused
from survey.rules import Answer, Decision, Response, decide, time_of_receipt
from survey.scale import LOW
from survey.settings import Settings
from survey.store.database import Database
from survey.store.deciding import Arriving, answers_that_decide
from survey.store.messages import NewMessage, add_messages
from survey.store.models import Origin
from survey.store.network_days import add_network_days
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
from survey.strangers import is_one_too_many
from survey.vocabulary import DailyFigure, Trust


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
    """A submission and the time of its receipt. `network` is the keyed hash of the client's network
    on that day (`survey.clients`); None if nobody knows the client."""

    submission: Submission
    at: datetime
    network: str | None = None

    @property
    def ticket_id(self) -> str:
        """The ticket of the submission."""
        return self.submission.link.ticket_id


def receive(
    database: Database, settings: Settings, submission: Submission, now: datetime
) -> Answer:
    """Durably store a submission and all that follows from it; return the stored answer.

    A form that was sent before (double click, retry, reload) is not stored again: return the
    answer that was stored the first time. Raise Refused if nothing may be stored.
    """
    received = receive_all(database, settings, [Arrival(submission, now)])[0]
    if isinstance(received, Refused):
        raise received
    return received


def receive_all(
    database: Database, settings: Settings, arrivals: Sequence[Arrival]
) -> list[Answer | Refused]:
    """Store submissions in their order in one transaction; return for each the stored answer, or
    why it was not stored."""
    received: list[_Received] = []
    with database.writing() as connection:
        # All tickets are locked at once: locking some now and some later could cause a deadlock.
        database.lock_tickets(connection, sorted({arrival.ticket_id for arrival in arrivals}))
        growth = Growth(connection, settings.unverified_tickets_per_day)
        for group in _without_ticket_twice(arrivals):
            received += _receive_group(connection, settings, group, growth)
        # All transactions write to these tables last, and once: so no two wait for each other.
        growth.save()
        add_network_days(connection, _count_networks(received))
    _count(received)
    return [each.refused or each.answer for each in received]


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
    connection: Connection, settings: Settings, arrivals: Sequence[Arrival], growth: Growth
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
    judged = [
        _judge(each, earlier[each.ticket_id], rules, requesters.get(each.ticket_id))
        for each in arrivals
    ]
    received = [
        replace(each, refused=refused) if refused else each
        for each in judged
        for refused in [
            _find_refusal(
                connection, settings, rules, each, growth, is_known=each.ticket_id in requesters
            )
        ]
    ]
    new = [each for each in received if each.is_new and each.refused is None]
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
    `earlier` are the ticket's answers, or if there are very many, those that decide. `refused` says
    why the answer is not stored."""

    arrival: Arrival
    answer: Answer
    asked: Asked
    earlier: Sequence[Answer]
    before: Decision
    after: Decision
    refused: Refused | None = None

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
            if each.refused is None:
                ANSWERS.labels(each.outcome, each.answer.trust).inc()


def _find_refusal(
    connection: Connection,
    settings: Settings,
    rules: CountingRules,
    received: _Received,
    growth: Growth,
    *,
    is_known: bool,
) -> Refused | None:
    """Return why an answer is not stored; None if it is, or was before. No limit refuses an answer
    that is trusted more than others, or one of the ticket's customer. A ticket that the help desk
    knows, `is_known`, is not made up."""
    answer, earlier = received.answer, received.earlier
    if answer.trust is not Trust.UNVERIFIED or not received.is_new:
        return None
    if not earlier:
        if is_known:
            return None
        at = received.arrival.at
        return None if growth.take(at) else Refused(DailyFigure.REFUSED_DAY, rest_of_day(at))
    most = settings.stranger_answers_per_ticket
    if is_one_too_many(connection, answer, earlier, rules, most):
        return Refused(DailyFigure.REFUSED_STRANGER, None)
    return None


def _count_networks(received: Sequence[_Received]) -> Counter[tuple[date, str, str]]:
    """Count the unverified answers that were stored by day, team and network."""
    return Counter(
        (day_of(each.arrival.at), each.answer.team, each.arrival.network)
        for each in received
        if each.arrival.network is not None
        and each.is_new
        and each.refused is None
        and each.answer.trust is Trust.UNVERIFIED
    )


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
    trust = judge_requester(submission.link, submission.trust, requester, rules.secrets)
    answer = known or _answer(submission, trust, time_of_receipt(earlier, arrival.at))
    return _Received(
        arrival=arrival,
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
