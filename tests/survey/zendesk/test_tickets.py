"""What is kept of a ticket, from what the help desk says of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from survey.vocabulary import TicketStatus
from survey.zendesk.tickets import TicketUpdate, longest_wait, update_ticket
from tests.support.settings import make_settings

NOW = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)
SETTINGS = make_settings()


def solved(ago, status=TicketStatus.SOLVED, known=None):
    update = TicketUpdate(
        ticket_id="1",
        status=status,
        updated_at=NOW - ago,
        solved_at=NOW - ago,
        requester_email="jane@example.com",
        team="surveys",
    )
    return update_ticket(known, update, SETTINGS, NOW)


@pytest.mark.parametrize("status", [TicketStatus.SOLVED, TicketStatus.CLOSED])
def test_an_import_of_years_keeps_no_address_that_nobody_is_asked_at(status):
    limit = longest_wait(SETTINGS)
    assert solved(limit, status).requester_email == "jane@example.com"
    old = solved(limit + timedelta(seconds=1), status)
    assert old.requester_email is None
    assert old.customer == solved(limit).customer  # who unsubscribed is known all the same


def test_the_address_of_an_open_ticket_is_kept_however_old_it_is():
    assert solved(timedelta(days=99), TicketStatus.OPEN).requester_email == "jane@example.com"


def test_a_solution_that_is_told_again_to_the_second_keeps_its_time():
    by_webhook = solved(timedelta(hours=80))
    by_import = solved(timedelta(hours=80) - timedelta(seconds=42), known=by_webhook)
    assert by_import.solved_at == by_webhook.solved_at
    opened = solved(timedelta(hours=79), TicketStatus.OPEN, by_import)
    again = solved(timedelta(hours=79) - timedelta(seconds=5), known=opened)
    assert again.solved_at == NOW - timedelta(hours=79) + timedelta(seconds=5)


def test_a_forgotten_address_comes_back_with_another_solution_alone():
    decided = replace(solved(timedelta(hours=80)), requester_email=None)
    # The same solution, told by an import to the second.
    told_again = timedelta(hours=80) - timedelta(seconds=59)
    assert solved(told_again, TicketStatus.CLOSED, decided).requester_email is None
    solved_again = solved(timedelta(hours=2), known=decided)
    assert solved_again.requester_email == "jane@example.com"
    opened = solved(timedelta(hours=2), TicketStatus.OPEN, decided)
    assert opened.requester_email == "jane@example.com"
    assert solved(timedelta(hours=1), known=opened).requester_email == "jane@example.com"
