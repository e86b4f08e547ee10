"""Which months the donation export lists."""

from datetime import UTC, datetime

import pytest

from pipeline.donations.listing import list_lines, read_line
from survey.months import Month
from tests.conftest import on_sqlite
from tests.support.donations import AUGUST, JULY, NOVEMBER_THIRD, OCTOBER, SEPTEMBER, Donations

pytestmark = on_sqlite
JUNE, NOVEMBER = Month(2026, 6), Month(2026, 11)


@pytest.fixture
def donations(database, settings):
    return Donations(database, settings)


@pytest.fixture
def listed(donations):
    """A function that lists the months, each with its status and hedgehogs."""

    def listed(now=NOVEMBER_THIRD):
        timezone = donations.settings.timezone
        with donations.database.reading() as connection:
            lines = list_lines(connection, donations.ledger, timezone, now)
        return [(line["month"], line["status"], line["hedgehogs"]) for line in lines]

    return listed


def test_an_empty_store_has_the_current_month(listed):
    assert listed() == [("2026-11", "open", 0)]


def test_the_current_month_is_that_of_the_time_zone(listed):
    assert listed(datetime(2026, 8, 31, 23, 30, tzinfo=UTC)) == [("2026-09", "open", 0)]


def test_before_the_first_close_months_with_responses_are_listed(donations, listed):
    donations.respond(AUGUST, 2)
    donations.respond(OCTOBER, 1)
    assert listed() == [
        ("2026-08", "open", 2),
        ("2026-10", "open", 1),
        ("2026-11", "open", 0),
    ]


def test_answers_from_the_future_are_listed_so_that_the_sum_ties(donations, listed):
    donations.respond(Month(2031, 5), 2)
    assert listed() == [("2026-11", "open", 0), ("2031-05", "open", 2)]


def test_after_it_come_opening_months_then_closed_ones_then_open_ones(donations, listed):
    donations.respond(Month(2025, 12), 3)
    donations.respond(JUNE, 5)
    donations.respond(JULY, 4)
    donations.respond(SEPTEMBER, 2)
    donations.close(JULY, without_amount=True)
    donations.close(AUGUST, without_amount=True)
    assert listed() == [
        ("2025-12", "opening", 3),
        ("2026-06", "opening", 5),
        ("2026-07", "closed", 4),
        ("2026-08", "closed", 0),
        ("2026-09", "open", 2),
        ("2026-10", "open", 0),
        ("2026-11", "open", 0),
    ]


def test_a_store_whose_last_month_is_closed_has_no_open_one(donations, listed):
    donations.respond(OCTOBER, 1)
    donations.close(OCTOBER, without_amount=True)
    assert listed(datetime(2026, 10, 31, tzinfo=UTC)) == [("2026-10", "closed", 1)]


def test_a_closed_month_keeps_its_line_and_an_open_one_follows_its_responses(donations):
    for month in (JULY, NOVEMBER):
        donations.respond(month, 2, day=2)
    donations.close(JULY, without_amount=True)
    donations.void("T-2026-07-1")
    donations.void("T-2026-11-1")
    with donations.database.reading() as connection:
        hedgehogs = [
            read_line(connection, donations.ledger, donations.settings.timezone, month)["hedgehogs"]
            for month in (JULY, NOVEMBER)
        ]
    assert hedgehogs == [2, 1]
