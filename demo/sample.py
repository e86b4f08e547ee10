"""The sample: thirteen months of answers to some 5,000 tickets, the same in every run. Pure."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from demo.comments import HOSTILE, write_comment
from demo.predecessor import predecessor_events
from demo.sample_month import (
    PREDECESSOR_PLACE,
    Event,
    Ticket,
    first_number_of,
    month_random,
    month_tickets,
    random_customer,
    random_uuid,
)
from survey.events import RATING_QUESTION, Questions, build_event
from survey.links import Link
from survey.months import Month, months_up_to
from survey.rules import Answer
from survey.settings import Settings
from survey.vocabulary import Trust

MONTHS = 13
# In the last complete month and the current one, one team is clearly worse than before.
DROPPED_MONTHS = 2

HOSTILE_PER_MONTH = 3
_TRUSTS, _TRUST_WEIGHTS = (Trust.UNVERIFIED, Trust.KNOWN, Trust.SIGNED), (60, 30, 10)
_PERSONLESS_SHARE = 0.02
# The shares of tickets whose first answer is followed by an edit, another person or a late change.
_EDIT_SHARE, _OTHER_PERSON_SHARE, _LATE_CHANGE_SHARE = 0.04, 0.008, 0.005


@dataclass(frozen=True)
class Draft:
    """One answer to a ticket, before it becomes an event."""

    rating: int
    comment: str | None
    customer: str
    trust: Trust = Trust.UNVERIFIED
    delay: timedelta = timedelta(0)


def sample_events(until: datetime, settings: Settings) -> list[Event]:
    """Return the `survey sent` events of the 13 months up to the month of `until`, but no event
    later than `until`.

    Events are in the order of their time, in the form that `survey.copies.import_event` takes.
    Months are in `settings.timezone`, teams are `settings.teams`. A month's events do not depend
    on the day of `until`, so a demo shows the same events tomorrow as today.
    """
    last = Month.of(until, settings.timezone)
    events: list[Event] = []
    for month in months_up_to(last, MONTHS):
        dropped = month > last.shift(-DROPPED_MONTHS)
        events += _month_events(month, settings, dropped=dropped)
    past = [event for event in events if event["timestamp"] <= until]
    return sorted(past, key=lambda event: (event["timestamp"], event["uuid"]))


def _month_events(month: Month, settings: Settings, *, dropped: bool) -> Iterator[Event]:
    """Yield the events of the tickets first answered in a month. Some events may be later."""
    rng = month_random(month, "answers")
    tickets = month_tickets(month, settings.teams, settings.timezone, dropped=dropped)
    hostile = _hostile_comments(rng, month, len(tickets))
    for index, ticket in enumerate(tickets):
        yield from _ticket_events(rng, ticket, settings, hostile.get(index))
    yield from predecessor_events(month, settings, first_number_of(month) + PREDECESSOR_PLACE)


def _hostile_comments(rng: random.Random, month: Month, tickets: int) -> dict[int, str]:
    """Return some hostile comments by the index of their ticket. A few months together contain
    all hostile comments."""
    indexes = rng.sample(range(tickets), min(HOSTILE_PER_MONTH, tickets))
    begin = (month.year * 12 + month.number) * HOSTILE_PER_MONTH
    return {index: HOSTILE[(begin + n) % len(HOSTILE)] for n, index in enumerate(indexes)}


def _ticket_events(
    rng: random.Random, ticket: Ticket, settings: Settings, hostile: str | None
) -> Iterator[Event]:
    """Yield a ticket's first answer and the answers that sometimes follow: an edit, an answer by
    a stranger, a late change."""
    comment, language = write_comment(rng, ticket.rating, ticket.team.name)
    first = Draft(
        rating=ticket.rating,
        comment=hostile or comment,
        customer="" if rng.random() < _PERSONLESS_SHARE else ticket.customer,
        trust=rng.choices(_TRUSTS, _TRUST_WEIGHTS)[0],
    )
    drafts = [first]
    if rng.random() < _EDIT_SHARE:
        rating = min(5, max(1, ticket.rating + rng.choice((-1, 0, 0, 1, 1))))
        comment, _ = write_comment(rng, rating, ticket.team.name)
        delay = min(timedelta(minutes=rng.uniform(1, 6 * 24 * 60)), settings.edit_window)
        drafts.append(replace(first, rating=rating, comment=comment, delay=delay))
    if rng.random() < _OTHER_PERSON_SHARE:
        delay = timedelta(hours=rng.uniform(1, 72))
        # A guessed link proves nothing, so this answer does not replace the first one.
        drafts.append(Draft(rng.randint(1, 5), None, random_customer(rng), delay=delay))
    if rng.random() < _LATE_CHANGE_SHARE:
        delay = settings.edit_window + timedelta(days=rng.uniform(0.5, 10))
        drafts.append(replace(first, rating=rng.randint(1, 5), comment=None, delay=delay))
    submission_id = random_uuid(rng)
    for draft in drafts:
        yield _as_event(draft, ticket, random_uuid(rng), submission_id, language, settings)


def _as_event(
    draft: Draft,
    ticket: Ticket,
    uuid: str,
    submission_id: str,
    language: str,
    settings: Settings,
) -> Event:
    link = Link(draft.customer, ticket.number, ticket.written_team, ticket.number)
    answer = Answer(
        uuid=uuid,
        ticket_id=ticket.number,
        distinct_id=link.person,
        rating=draft.rating,
        comment=draft.comment,
        team=link.team,
        answered_at=ticket.answered_at + draft.delay,
        trust=draft.trust,
    )
    event = build_event(
        answer,
        Questions(RATING_QUESTION, language=language),
        team=link.team,
        submission_id=submission_id,
        settings=settings,
    )
    return {**event, "timestamp": answer.answered_at}
