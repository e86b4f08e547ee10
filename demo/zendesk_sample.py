"""The sample's tickets: those of the answers, and the many that nobody answered. Pure.

For the first months an automation of Zendesk has asked. Since the last complete month the survey
asks by itself, and the automation asks about some whom it leaves out. What was before, Zendesk did
not tell.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from demo.sample import DROPPED_MONTHS
from demo.sample_month import Ticket, first_number_of, month_random, month_tickets, random_uuid
from survey.months import Month, months_up_to
from survey.settings import Settings
from survey.store.tickets import ReplyInterval
from survey.vocabulary import Plan, TicketStatus
from survey.zendesk.tickets import SURVEYED_TAG, TicketUpdate

MONTHS, OWN_MONTHS = 6, 2
EXCLUDED_TAG, ESCALATED_TAG = "spam", "escalated"
# Zendesk closes a solved ticket after this time.
CLOSED_AFTER = timedelta(hours=96)
# The sample's invitations are decided once a day, so an answered ticket was solved a day earlier.
DAY = timedelta(days=1)
# The tickets of a month that nobody answered begin here, behind those of its answers.
_UNANSWERED_PLACE = 2_000
_OPEN_TICKETS = 60

_PRIORITIES = {
    Plan.PAYGO: "low",
    Plan.BOOST: "normal",
    Plan.SCALE: "high",
    Plan.ENTERPRISE: "urgent",
    Plan.UNKNOWN: None,
}
_PLANS, _PLAN_WEIGHTS = tuple(_PRIORITIES), (34, 28, 22, 12, 4)
# How many of the customers who are asked answer, and how long they wait for a reply at most.
_RESPONSE_RATES = {
    Plan.PAYGO: 0.33,
    Plan.BOOST: 0.41,
    Plan.SCALE: 0.47,
    Plan.ENTERPRISE: 0.55,
    Plan.UNKNOWN: 0.3,
}
_USUAL_HOURS = {Plan.PAYGO: 72, Plan.BOOST: 48, Plan.SCALE: 24, Plan.ENTERPRISE: 8}
_LANGUAGES = ("en", "de", "fr", "es", "pt-BR", "ja", "ar")
_LANGUAGE_WEIGHTS = (62, 12, 8, 7, 5, 4, 2)
_SEVERITIES, _SEVERITY_WEIGHTS = ("low", "medium", "high", "critical"), (30, 45, 20, 5)
_CHANNELS, _CHANNEL_WEIGHTS = ("email", "web", "chat"), (6, 3, 1)
# What becomes of the tickets that nobody answered.
_FATES = ("asked", "reopened", "too_old", "excluded", "unsubscribed", "cooldown", "no_address")
_FATE_WEIGHTS = (82, 2, 2, 4, 3, 5, 2)


@dataclass(frozen=True)
class SampleTicket:
    """A ticket of the sample: what the help desk tells of it, and when it is heard; and the times
    for which its customer waited. `unsubscribes` says that the customer wants no invitation."""

    heard: tuple[tuple[datetime, TicketUpdate], ...]
    waits: tuple[ReplyInterval, ...]
    unsubscribes: bool = False

    @property
    def ticket_id(self) -> str:
        """The number of the ticket."""
        return self.heard[0][1].ticket_id


def own_begin(until: datetime, settings: Settings) -> datetime:
    """Return from when on the survey asks by itself."""
    last = Month.of(until, settings.timezone)
    return last.shift(1 - OWN_MONTHS).opens_at(settings.timezone)


def sample_tickets(until: datetime, settings: Settings) -> list[SampleTicket]:
    """Return the tickets of the sample's answers up to `until` and those beside them, in the order
    in which they were solved, then those that are open now."""
    last = Month.of(until, settings.timezone)
    begin = own_begin(until, settings)
    drafts = [
        draft
        for month in months_up_to(last, MONTHS)
        for draft in _month_drafts(
            month, settings, begin, dropped=month > last.shift(-DROPPED_MONTHS)
        )
        # What is solved later would be asked about now, all at once.
        if draft.solved_at < until - settings.survey_delay - DAY
    ]
    drafts.sort(key=lambda draft: (draft.solved_at, draft.update.ticket_id))
    tickets = [_tell(draft, until, begin) for draft in drafts]
    return [*tickets, *_open_tickets(last, settings, until)]


def address_of(customer: str) -> str:
    """Return a mail address for a customer; the ids of the sample's are long."""
    return f"{customer[:8] if len(customer) > 20 else customer}@example.com"


@dataclass(frozen=True)
class _Draft:
    """A solved ticket, before it is told: the update of its solution, and what becomes of it."""

    update: TicketUpdate
    solved_at: datetime
    waits: tuple[ReplyInterval, ...]
    fate: str = "asked"


def _month_drafts(
    month: Month, settings: Settings, begin: datetime, *, dropped: bool
) -> Iterator[_Draft]:
    rng = month_random(month, "zendesk")
    answered = month_tickets(month, settings.teams, settings.timezone, dropped=dropped)
    number = first_number_of(month) + _UNANSWERED_PLACE
    for ticket in answered:
        plan = rng.choices(_PLANS, _PLAN_WEIGHTS)[0]
        asked_at = ticket.answered_at - timedelta(hours=rng.uniform(0.2, 30))
        solved_at = asked_at - settings.survey_delay
        if solved_at - DAY >= begin:
            solved_at -= DAY
        is_worse = dropped and ticket.team == settings.teams[0]
        late = 0.4 if ticket.rating <= 2 or is_worse else 0.1
        yield _draft(rng, ticket, plan, solved_at, late)
        for _ in range(int(1 / _RESPONSE_RATES[plan] - 1 + rng.random())):
            fate = rng.choices(_FATES, _FATE_WEIGHTS)[0] if solved_at >= begin else "asked"
            customer = ticket.customer if fate == "cooldown" else random_uuid(rng)
            beside = replace(ticket, number=str(number), customer=customer)
            later = solved_at + timedelta(hours=rng.uniform(1, 160))
            yield _draft(rng, beside, plan, later, late, fate)
            number += 1


def _draft(
    rng: random.Random,
    ticket: Ticket,
    plan: Plan,
    solved_at: datetime,
    late: float,
    fate: str = "asked",
) -> _Draft:
    waits, created_at = _draw_waits(rng, ticket.number, plan, solved_at, late)
    update = _update(rng, ticket, plan, created_at, TicketStatus.SOLVED, solved_at)
    update = replace(update, solved_at=solved_at)
    if fate == "no_address":
        update = replace(update, requester_email=None)
    if fate == "excluded":
        update = replace(update, tags=update.tags | {EXCLUDED_TAG})
    return _Draft(update, solved_at, waits, fate)


def _update(
    rng: random.Random,
    ticket: Ticket,
    plan: Plan,
    created_at: datetime,
    status: TicketStatus,
    updated_at: datetime,
) -> TicketUpdate:
    return TicketUpdate(
        ticket_id=ticket.number,
        status=status,
        updated_at=updated_at,
        requester_external_id=ticket.customer,
        requester_email=address_of(ticket.customer),
        team=ticket.team.slug,
        priority=_PRIORITIES[plan],
        severity=rng.choices(_SEVERITIES, _SEVERITY_WEIGHTS)[0],
        language=rng.choices(_LANGUAGES, _LANGUAGE_WEIGHTS)[0],
        channel=rng.choices(_CHANNELS, _CHANNEL_WEIGHTS)[0],
        tags=frozenset({ESCALATED_TAG} if rng.random() < 0.06 else ()),
        created_at=created_at,
    )


def _draw_waits(
    rng: random.Random, number: str, plan: Plan, solved_at: datetime, late: float
) -> tuple[tuple[ReplyInterval, ...], datetime]:
    """Return the waits of a ticket's customer, and when the ticket was created. The last reply
    solves it; a few are solved without one."""
    usual = timedelta(hours=_USUAL_HOURS.get(plan, 40))
    waits: list[ReplyInterval] = []
    replied_at = solved_at
    for instance in (2, 1) if rng.random() < 0.4 else (1,):
        share = rng.uniform(1.1, 2.4) if rng.random() < late else rng.uniform(0.03, 0.8)
        activated_at = replied_at - usual * share
        waits.append(ReplyInterval(number, instance, activated_at, replied_at))
        replied_at = activated_at - timedelta(hours=rng.uniform(0.5, 20))
    if rng.random() < 0.04:
        waits[0] = replace(waits[0], replied_at=None, ended_at=solved_at)
    return tuple(waits), waits[-1].activated_at


def _tell(draft: _Draft, until: datetime, begin: datetime) -> SampleTicket:
    """Return a ticket as the help desk tells of it."""
    solved, solved_at = draft.update, draft.solved_at
    closed_at = solved_at + CLOSED_AFTER
    closed = replace(solved, status=TicketStatus.CLOSED, updated_at=closed_at)
    if solved_at < begin:
        # An import has brought it, long after the automation asked.
        asked = replace(closed, tags=closed.tags | {SURVEYED_TAG})
        return SampleTicket(((begin, asked),), draft.waits)
    if draft.fate == "reopened":
        written_at = solved_at + timedelta(hours=50)
        opened = replace(solved, status=TicketStatus.PENDING, updated_at=written_at)
        return SampleTicket(((solved_at, solved), (written_at, opened)), draft.waits)
    heard_at = solved_at + timedelta(days=16 if draft.fate == "too_old" else 0)
    heard = [(heard_at, solved), (max(closed_at, heard_at), closed)]
    past = tuple(each for each in heard if each[0] <= until)
    # What is not heard of yet is heard of now: it would else be missing in every count.
    return SampleTicket(past or ((until, solved),), draft.waits, draft.fate == "unsubscribed")


def _open_tickets(month: Month, settings: Settings, until: datetime) -> Iterator[SampleTicket]:
    """Yield tickets that are open at `until`; many of their customers wait for a reply, some for
    longer than their plan says."""
    rng = month_random(month, "open tickets")
    for index in range(_OPEN_TICKETS):
        plan = rng.choices(_PLANS, _PLAN_WEIGHTS)[0]
        team = rng.choice(settings.teams)
        number = str(first_number_of(month) + 2 * _UNANSWERED_PLACE + index)
        created_at = until - timedelta(hours=min(rng.expovariate(1 / 60), 240))
        ticket = Ticket(number, team, random_uuid(rng), 0, until)
        is_replied = rng.random() < 0.45
        replied_at = created_at + (until - created_at) * rng.uniform(0.1, 0.6)
        status = TicketStatus.PENDING if is_replied else TicketStatus.OPEN
        updated_at = replied_at if is_replied else created_at
        update = _update(rng, ticket, plan, created_at, status, updated_at)
        wait = ReplyInterval(number, 1, created_at, replied_at if is_replied else None)
        yield SampleTicket(((updated_at, update),), (wait,))
