"""Who is asked: the reasons in their order, and samples that a repeat decides the same."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.invitations.deciding import CustomerState, decide, is_sampled_out
from survey.vocabulary import InvitationOutcome, Plan, TicketStatus
from survey.zendesk.tickets import Ticket, update_ticket
from tests.support.help_desk import AT, DELAY, ticket_update
from tests.support.settings import make_settings

SETTINGS = make_settings(
    invite_sample="free=0,paygo=50", invite_excluded_tags="spam", test_distinct_ids="tester"
)
DUE = AT + DELAY
LONG_AGO = AT - timedelta(days=15)


def make_ticket(**given) -> Ticket:
    return replace(update_ticket(None, ticket_update("1"), SETTINGS, AT), **given)


# What brings about each reason, in the order in which they are checked.
CAUSES = {
    "reopened": {"status": TicketStatus.OPEN},
    "asked": {"is_surveyed": True},
    "too_old": {"solved_at": LONG_AGO},
    "excluded": {"is_excluded": True},
    "sampled_out": {"plan": Plan.FREE},
    "unsubscribed": CustomerState(is_unsubscribed=True),
    "cooldown": CustomerState(last_asked_at=AT),
    "no_address": {"requester_email": None},
}


def merge(causes) -> tuple[Ticket, CustomerState]:
    given, state = {}, CustomerState()
    for cause in causes:
        if isinstance(cause, CustomerState):
            state = CustomerState(
                state.last_asked_at or cause.last_asked_at,
                state.is_unsubscribed or cause.is_unsubscribed,
            )
        else:
            given |= cause
    return make_ticket(**given), state


@pytest.mark.parametrize("reason", CAUSES)
def test_each_reason_applies(reason):
    ticket, state = merge([CAUSES[reason]])
    assert decide(ticket, SETTINGS, DUE, state) == reason


@given(st.sets(st.sampled_from(list(CAUSES)), min_size=1))
def test_the_first_reason_that_applies_is_the_outcome(reasons):
    ticket, state = merge(CAUSES[reason] for reason in reasons)
    first = next(reason for reason in CAUSES if reason in reasons)
    assert decide(ticket, SETTINGS, DUE, state) == first


def test_the_vocabulary_names_the_reasons_in_their_order():
    named = [outcome.value for outcome in InvitationOutcome]
    assert named[named.index("queued") + 1 :] == list(CAUSES)


def test_a_ticket_without_any_of_them_is_asked_about_when_it_is_due():
    ticket = make_ticket()
    moment = timedelta(microseconds=1)
    assert decide(ticket, SETTINGS, DUE - moment, CustomerState()) is None
    assert decide(ticket, SETTINGS, DUE, CustomerState()) == "queued"


@pytest.mark.parametrize(
    ("given", "decided"),
    [
        # Never solved, or open again before it was due.
        ({"solved_at": None, "status": TicketStatus.OPEN}, None),
        ({"status": TicketStatus.PENDING, "solved_at": DUE}, None),
        ({"status": TicketStatus.CLOSED}, "queued"),
        # The help desk did not wait for us.
        ({"is_surveyed": True, "solved_at": DUE}, "asked"),
        # Merged or deleted.
        ({"status": TicketStatus.GONE}, "excluded"),
        ({"status": TicketStatus.GONE, "is_surveyed": True}, "asked"),
        ({"requester_external_id": "tester"}, "excluded"),
        ({"requester_external_id": None}, "queued"),
        ({"requester_email": "  "}, "no_address"),
        ({"requester_email": "jane@example.com\nBcc: all@example.com"}, "no_address"),
        ({"requester_email": "jane"}, "no_address"),
        # An unknown plan has no share of its own.
        ({"plan": Plan.UNKNOWN}, "queued"),
        # It was seen before it was solved.
        ({"first_seen_at": LONG_AGO}, "queued"),
    ],
)
def test_what_is_special_about_a_ticket(given, decided):
    assert decide(make_ticket(**given), SETTINGS, DUE, CustomerState()) == decided


def test_a_ticket_is_too_old_if_it_was_first_seen_so_long_after_its_solution():
    fourteen_days = make_ticket(first_seen_at=AT + timedelta(days=14))
    longer = make_ticket(first_seen_at=AT + timedelta(days=14, seconds=1))
    assert decide(fourteen_days, SETTINGS, AT + timedelta(days=15), CustomerState()) == "queued"
    assert decide(longer, SETTINGS, AT + timedelta(days=15), CustomerState()) == "too_old"


def test_a_ticket_is_too_old_if_it_is_due_for_so_long():
    longest = DUE + SETTINGS.invite_max_age
    assert decide(make_ticket(), SETTINGS, longest, CustomerState()) == "queued"
    later = longest + timedelta(seconds=1)
    assert decide(make_ticket(), SETTINGS, later, CustomerState()) == "too_old"


def test_the_cooldown_ends():
    moment = timedelta(microseconds=1)
    asked = [DUE - SETTINGS.survey_cooldown, DUE - SETTINGS.survey_cooldown + moment]
    outcomes = [decide(make_ticket(), SETTINGS, DUE, CustomerState(each)) for each in asked]
    assert outcomes == ["queued", "cooldown"]


def test_a_customer_who_is_being_asked_waits():
    assert decide(make_ticket(), SETTINGS, DUE, CustomerState(is_being_asked=True)) is None


@given(st.text(min_size=1), st.integers(0, 100), st.integers(0, 100))
def test_a_greater_share_leaves_in_whom_a_smaller_one_has(ticket_id, one, other):
    ticket = make_ticket(ticket_id=ticket_id, plan=Plan.PAYGO)
    none, smaller, greater, every = (
        is_sampled_out(ticket, SETTINGS.model_copy(update={"invite_sample": {Plan.PAYGO: share}}))
        for share in (0, *sorted((one, other)), 100)
    )
    assert smaller or not greater
    assert (none, every) == (True, False)


def test_a_share_is_about_so_many_tickets():
    tickets = [make_ticket(ticket_id=str(number), plan=Plan.PAYGO) for number in range(2_000)]
    asked = [ticket for ticket in tickets if not is_sampled_out(ticket, SETTINGS)]
    assert 900 < len(asked) < 1_100
    assert asked == [ticket for ticket in tickets if not is_sampled_out(ticket, SETTINGS)]


def test_the_delay_is_that_of_the_settings():
    settings = make_settings(survey_delay="1h", invite_max_age="1h")
    soon = AT + timedelta(hours=1)
    assert decide(make_ticket(), settings, soon, CustomerState()) == "queued"
