"""The waits of customers, from events that may come in any pages, and again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from survey.store.tickets import ReplyInterval
from survey.vocabulary import TicketStatus
from survey.zendesk.export import ReplyEvent
from survey.zendesk.intervals import add_events, end_interval
from survey.zendesk.tickets import TicketUpdate, update_ticket
from tests.support.settings import make_settings

START = datetime(2026, 10, 14, tzinfo=UTC)
MINUTES = st.integers(0, 100).map(lambda minutes: START + timedelta(minutes=minutes))


@st.composite
def streams(draw):
    """Events of some tickets in the order of time, as Zendesk gives them; a wait is told of before
    its reply."""
    events = []
    for ticket in "12":
        for instance in (1, 2):
            begin = draw(MINUTES)
            events.append(ReplyEvent(ticket, instance, begin, is_reply=False))
            if draw(st.booleans()):
                reply = begin + timedelta(minutes=draw(st.integers(0, 50)))
                events.append(ReplyEvent(ticket, instance, reply, is_reply=True))
    return sorted(events, key=lambda event: (event.at, event.is_reply))


@given(streams(), st.lists(st.integers(0, 8)))
def test_pages_and_repeats_change_nothing(events, cuts):
    whole = add_events({}, events)
    known = {}
    for begin in sorted({0, *cuts}):
        # The last event of a page comes again with the next one.
        known = add_events(known, events[max(begin - 1, 0) : begin + 9])
    assert known == whole
    assert add_events(whole, events) == whole
    assert all(
        each.replied_at is None or each.replied_at >= each.activated_at for each in whole.values()
    )


def test_a_reply_to_a_wait_that_nobody_told_us_of_is_left_out():
    assert add_events({}, [ReplyEvent("1", 1, START, is_reply=True)]) == {}


def ticket(status, **changed):
    update = TicketUpdate(ticket_id="1", status=status, updated_at=START, team="surveys", **changed)
    return update_ticket(None, update, make_settings(), START)


def test_a_wait_ends_by_what_comes_first_to_hand():
    waiting = ReplyInterval("1", 1, START)
    later, earlier = START + timedelta(hours=1), START - timedelta(hours=1)
    solved = ticket(TicketStatus.SOLVED, solved_at=later)
    assert end_interval(waiting, None) == waiting
    assert end_interval(waiting, ticket(TicketStatus.OPEN)) == waiting
    assert end_interval(waiting, solved).ended_at == later
    assert end_interval(waiting, replace(solved, solved_at=earlier)) == waiting
    assert end_interval(waiting, ticket(TicketStatus.GONE)).ended_at == START
    replied = replace(waiting, replied_at=later)
    assert end_interval(replied, solved) == replied
    # Somebody restored a deleted ticket.
    gone = end_interval(waiting, ticket(TicketStatus.GONE))
    assert end_interval(gone, ticket(TicketStatus.OPEN)) == waiting


def test_a_merged_ticket_is_gone_and_not_open_again():
    settings = make_settings()
    solved = ticket(TicketStatus.SOLVED)
    merged = TicketUpdate(
        ticket_id="1",
        status=TicketStatus.CLOSED,
        updated_at=START,
        team="surveys",
        tags=frozenset({"closed_by_merge"}),
    )
    found = update_ticket(solved, merged, settings, START)
    assert (found.status, found.reopened_at) == (TicketStatus.GONE, None)
