"""Sample events as the predecessor sent them, with every defect found in its history. Pure."""

import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from demo.comments import write_comment
from demo.sample_month import (
    Event,
    Ticket,
    month_random,
    random_customer,
    random_moment,
    random_uuid,
)
from survey.event_values import SURVEY_SENT
from survey.events import RATING_QUESTION
from survey.months import Month
from survey.settings import Settings

UNLISTED_TEAM = "Billing"


def predecessor_events(month: Month, settings: Settings, first_number: int) -> list[Event]:
    """Return the month's events from links that still led to the old page, each defect once.

    Every month has such events, so that each month's report shows all defects.
    """
    rng = month_random(month, "predecessor")
    events: list[Event] = []
    for index, defect in enumerate(DEFECTS):
        ticket = _draw_ticket(rng, month, settings, first_number + index)
        events += defect(_plain_event(rng, ticket, settings), rng)
    return events


def late_events(month: Month, settings: Settings, first_number: int, how_many: int) -> list[Event]:
    """Return further events of the month, which nobody knew of until a later export had them."""
    rng = month_random(month, "late")
    return [
        _plain_event(rng, _draw_ticket(rng, month, settings, first_number + index), settings)
        for index in range(how_many)
    ]


def is_predecessor(event: Mapping[str, Any]) -> bool:
    """Return whether an event comes from the predecessor, which gave no submission id."""
    return "$survey_submission_id" not in event["properties"]


def _draw_ticket(rng: random.Random, month: Month, settings: Settings, number: int) -> Ticket:
    return Ticket(
        number=str(number),
        team=rng.choice(settings.teams),
        customer=random_customer(rng),
        rating=rng.choice((3, 4, 4, 5, 5, 5)),
        answered_at=random_moment(rng, month, settings.timezone),
    )


def _plain_event(rng: random.Random, ticket: Ticket, settings: Settings) -> Event:
    """Return the event that the old page sent when nothing went wrong."""
    comment, _ = write_comment(rng, ticket.rating, ticket.team.name)
    return {
        "uuid": random_uuid(rng),
        "event": SURVEY_SENT,
        "distinct_id": ticket.customer,
        "timestamp": ticket.answered_at,
        "properties": {
            "$survey_id": settings.event_survey_id,
            "$survey_name": settings.survey_name,
            "$survey_question": RATING_QUESTION,
            "$survey_response": ticket.rating,
            "$survey_response_1": comment or "",
            "ticketId": ticket.number,
            "userId": ticket.customer,
            "ticketTeam": ticket.written_team,
            "initialTargetArea": None,
        },
    }


def _changed(event: Event, **properties: Any) -> Event:
    return {**event, "properties": {**event["properties"], **properties}}


def _rated(value: object) -> Callable[[Event, random.Random], list[Event]]:
    return lambda event, _rng: [_changed(event, **{"$survey_response": value})]


def _of_team(text: str | None) -> Callable[[Event, random.Random], list[Event]]:
    return lambda event, _rng: [_changed(event, ticketTeam=text)]


def _plain(event: Event, _rng: random.Random) -> list[Event]:
    return [event]


def _rating_as_text(event: Event, _rng: random.Random) -> list[Event]:
    rating = event["properties"]["$survey_response"]
    return [_changed(event, **{"$survey_response": f" {rating}.0"})]


def _ticket_as_number(event: Event, _rng: random.Random) -> list[Event]:
    return [_changed(event, ticketId=float(event["properties"]["ticketId"]))]


def _without_ticket(event: Event, _rng: random.Random) -> list[Event]:
    return [_changed(event, ticketId=None)]


def _without_team(event: Event, _rng: random.Random) -> list[Event]:
    properties = {k: v for k, v in event["properties"].items() if k != "ticketTeam"}
    return [{**event, "properties": properties}]


def _misspelled_team(event: Event, _rng: random.Random) -> list[Event]:
    name = event["properties"]["ticketTeam"]
    return [_changed(event, ticketTeam=name + name[-1])]


def _reloaded(event: Event, rng: random.Random) -> list[Event]:
    """Return an answer and a repeat of it with another uuid, as a reloaded page sends it."""
    later = event["timestamp"] + timedelta(seconds=rng.randint(2, 40))
    return [event, {**event, "uuid": random_uuid(rng), "timestamp": later}]


def _delivered_twice(event: Event, _rng: random.Random) -> list[Event]:
    return [event, dict(event)]


DEFECTS = (
    _plain,
    _rated(0),
    _rated(6),
    _rated(None),
    _rating_as_text,
    _ticket_as_number,
    _without_ticket,
    _without_team,
    _of_team("  "),
    _of_team(UNLISTED_TEAM),
    _misspelled_team,
    _reloaded,
    _delivered_twice,
)
