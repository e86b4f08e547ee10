"""Who was asked, who answered, and why others were not asked: what the database counts."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from survey.months import Month
from survey.store.invitations import (
    count_invited,
    count_not_asked,
    count_solved,
    first_invitation_at,
)
from survey.vocabulary import InvitationOutcome, Plan
from tests.support.given_answers import GivenAnswer, give
from tests.support.invitations import NOON, GivenInvitation, invite, keep_ticket, not_asked

OCTOBER = Month(2026, 10).bounds(ZoneInfo("Europe/London"))
FIRST, END = OCTOBER


@pytest.fixture
def count(database):
    """A function that returns what another counts of October, in order."""

    def count(function):
        with database.reading() as connection:
            return sorted(function(connection, *OCTOBER), key=repr)

    return count


def test_an_invitation_counts_in_the_month_in_which_it_was_sent(database, count):
    bounds = [FIRST - timedelta(microseconds=1), FIRST, END - timedelta(microseconds=1), END]
    invite(database, *(GivenInvitation(str(n), at) for n, at in enumerate(bounds)))
    assert count(count_invited) == [("surveys", "scale", "en", 2, 0)]
    with database.reading() as connection:
        assert first_invitation_at(connection) == bounds[0]


def test_an_invitation_has_a_response_whenever_it_came(database, settings, count):
    invite(database, *(GivenInvitation(ticket) for ticket in "123"))
    early, late = NOON - timedelta(days=30), NOON + timedelta(days=90)
    given = [GivenAnswer(ticket_id="1", at=early), GivenAnswer(ticket_id="2", at=late)]
    give(database, settings, *given, GivenAnswer(ticket_id="nobody was asked"))
    assert count(count_invited) == [("surveys", "scale", "en", 3, 2)]


def test_team_plan_and_language_are_those_of_the_invitation(database, settings, count):
    invite(
        database,
        GivenInvitation("1", team="experiments", plan=Plan.PAYGO, language=None),
        GivenInvitation("2", outcome=InvitationOutcome.ASKED),
    )
    give(database, settings, GivenAnswer(ticket_id="1", team="surveys", language="de"))
    assert count(count_invited) == [
        ("experiments", "paygo", None, 1, 1),
        ("surveys", "scale", "en", 1, 0),
    ]


def test_who_was_not_asked_counts_when_that_was_decided(database, count):
    invite(
        database,
        GivenInvitation("1"),
        not_asked("2", InvitationOutcome.COOLDOWN),
        not_asked("3", InvitationOutcome.COOLDOWN),
        not_asked("4", InvitationOutcome.QUEUED),
        not_asked("5", InvitationOutcome.REOPENED, decided_at=END),
    )
    assert count(count_not_asked) == [
        ("cooldown", "surveys", "scale", "en", 2),
        ("queued", "surveys", "scale", "en", 1),
    ]


def test_solved_tickets_have_a_priority_where_it_stands_for_no_plan(database, count):
    keep_ticket(database, "1")
    keep_ticket(database, "2", plan=Plan.UNKNOWN.value, priority="blocker")
    keep_ticket(database, "3", plan=Plan.UNKNOWN.value, priority=None)
    keep_ticket(database, "4", solved_at=None)
    assert count(count_solved) == [
        ("surveys", "scale", None, None, 1),
        ("surveys", "unknown", "blocker", None, 1),
        ("surveys", "unknown", None, None, 1),
    ]


def test_nobody_was_asked(database, count):
    for function in (count_invited, count_not_asked, count_solved):
        assert count(function) == []
    with database.reading() as connection:
        assert first_invitation_at(connection) is None
