"""Storing the sample's tickets, and asking their customers, as if it had happened then."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from demo.links import link_tickets
from demo.zendesk_sample import DAY, SampleTicket, own_begin, sample_tickets
from survey.invitations.inviting import decide_due
from survey.invitations.sending import record_sent
from survey.messages.outgoing import LEASE
from survey.messages.ticket_rows import rows_of_tag
from survey.settings import Settings
from survey.store.database import Database
from survey.store.inviting import save_unsubscribed
from survey.store.messages import add_messages, claim_messages, mark_sent
from survey.store.models import Channel, InvitationRow, ResponseRow, TicketRow
from survey.store.tickets import save_intervals, save_updates, set_plan
from survey.vocabulary import Plan, Trust
from survey.zendesk.tickets import SURVEYED_TAG, TicketUpdate, hash_customer

# The answers of these last days have not come back to their tickets yet.
_WRITTEN_BACK_DAYS = 2
# Some customers have paid for more since; Zendesk does not know it yet.
_PLANS_BY_HAND = 5
# More invitations than a day has.
_MANY = 10_000


def load_tickets(database: Database, settings: Settings, until: datetime) -> None:
    """Store the sample's tickets, each as it was heard of, and ask their customers with the clock
    of then; nothing is mailed. Leave a store that has tickets as it is, but for the tickets of
    today's survey links."""
    with database.reading() as connection:
        is_loaded = connection.scalar(select(TicketRow.ticket_id).limit(1)) is not None
    if not is_loaded:
        _load(database, settings, until)
    with database.writing() as connection:
        save_updates(database, connection, link_tickets(settings, until), settings, until)


def _load(database: Database, settings: Settings, until: datetime) -> None:
    begin = own_begin(until, settings)
    tickets = sample_tickets(until, settings)
    imported = [ticket for ticket in tickets if ticket.heard[0][0] <= begin]
    own = [ticket for ticket in tickets if ticket.heard[0][0] > begin]
    _live_through(database, settings, own, begin, until)
    # Those of the months before come last, because each day would search them again.
    _hear(database, settings, [_newest(ticket) for ticket in imported], begin)
    _decide(database, settings, until)
    _ask_by_automation(database, settings, own, until)
    with database.writing() as connection:
        save_intervals(connection, [wait for ticket in tickets for wait in ticket.waits])
        for ticket in tickets[-_PLANS_BY_HAND:]:
            set_plan(connection, ticket.ticket_id, Plan.ENTERPRISE)
    _write_back(database, settings, until)


def _live_through(
    database: Database,
    settings: Settings,
    tickets: Sequence[SampleTicket],
    begin: datetime,
    until: datetime,
) -> None:
    """Hear of tickets, and decide about them, once a day."""
    heard = sorted((each for ticket in tickets for each in ticket.heard), key=lambda each: each[0])
    unsubscribed = {ticket.ticket_id for ticket in tickets if ticket.unsubscribes}
    place = 0
    for at in _days(begin, until):
        first = place
        while place < len(heard) and heard[place][0] <= at:
            place += 1
        updates = [update for _, update in heard[first:place]]
        _hear(database, settings, updates, at, unsubscribed)
        _decide(database, settings, at)


def _days(begin: datetime, until: datetime) -> Iterator[datetime]:
    at = begin + DAY
    while at < until:
        yield at
        at += DAY
    yield until


def _hear(
    database: Database,
    settings: Settings,
    updates: Sequence[TicketUpdate],
    at: datetime,
    unsubscribed: frozenset[str] | set[str] = frozenset(),
) -> None:
    with database.writing() as connection:
        save_updates(database, connection, updates, settings, at)
        for update in updates:
            if update.ticket_id in unsubscribed:
                key = settings.require_secret_key()
                customer = hash_customer(update.requester_external_id, None, key)
                assert customer is not None
                save_unsubscribed(connection, customer, at)


def _decide(database: Database, settings: Settings, at: datetime) -> None:
    """Decide whom to ask, and record that they were asked: nothing is mailed."""
    if not decide_due(database, settings, at).outcomes:
        return
    with database.writing() as connection:
        claims = claim_messages(
            connection,
            Channel.INVITATION,
            now=at,
            lease=LEASE,
            longest_hold=LEASE,
            max_messages=_MANY,
        )
        mark_sent(connection, [claim.id for claim in claims], at)
        for claim in claims:
            record_sent(claim.ticket_id, settings.invite, connection, at)


def _ask_by_automation(
    database: Database, settings: Settings, tickets: Sequence[SampleTicket], until: datetime
) -> None:
    """Let the automation ask about those tickets that the survey left out, and that the sample has
    answers to."""
    answered = (
        select(InvitationRow.ticket_id)
        .join(ResponseRow, ResponseRow.ticket_id == InvitationRow.ticket_id)
        .where(InvitationRow.asked_at.is_(None))
    )
    with database.reading() as connection:
        missing = set(connection.scalars(answered))
    asked = [ticket for ticket in tickets if ticket.ticket_id in missing]
    _hear(database, settings, [_newest(ticket, SURVEYED_TAG) for ticket in asked], until)
    _decide(database, settings, until)


def _newest(ticket: SampleTicket, *tags: str) -> TicketUpdate:
    update = ticket.heard[-1][1]
    return replace(update, tags=update.tags.union(tags))


def _write_back(database: Database, settings: Settings, until: datetime) -> None:
    """Put the ratings of the last days into the outbox: the site brings them to their tickets."""
    recent = (
        select(ResponseRow.ticket_id, ResponseRow.link_trust)
        .join(TicketRow, TicketRow.ticket_id == ResponseRow.ticket_id)
        .where(ResponseRow.changed_at >= until - _WRITTEN_BACK_DAYS * DAY)
    )
    with database.writing() as connection:
        rows = [
            row
            for ticket_id, trust in connection.execute(recent)
            for row in rows_of_tag(ticket_id, Trust(trust), settings, until)
        ]
        add_messages(connection, rows, until)
