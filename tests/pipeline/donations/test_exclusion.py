"""The month from which unverified answers alone do not count never changes a closed month."""

from dataclasses import replace

import pytest

from pipeline.donations.closing import CannotClose
from survey.counting_rules import CountingRules
from survey.ledger import EntryKind
from survey.rederive import apply_rules
from survey.vocabulary import Trust
from tests.conftest import on_sqlite
from tests.support.donations import AUGUST, JULY, OCTOBER, SEPTEMBER, Donations
from tests.support.given_answers import GivenAnswer, give
from tests.support.settings import make_settings

pytestmark = on_sqlite


@pytest.fixture
def donations(database, settings):
    """Three unverified responses in each month, and a signed one."""
    donations = Donations(database, settings)
    for month in (JULY, AUGUST, SEPTEMBER, OCTOBER):
        donations.respond(month, 3)
        at = month.opens_at(settings.timezone)
        give(database, settings, GivenAnswer(at=at, trust=Trust.SIGNED, ticket_id=f"S-{month}"))
    return donations


def exclude_from(donations, month):
    """The site starts again, with this month in the setting."""
    donations.settings = make_settings(
        database_url=str(donations.settings.database_url), unverified_excluded_from=month
    )
    apply_rules(donations.database, CountingRules.of(donations.settings))


def close(donations, *months):
    return [donations.close(each, without_amount=True).line.responses for each in months]


def test_a_close_counts_no_unverified_answers_alone_from_the_month_on(donations):
    exclude_from(donations, "2026-08")
    assert close(donations, JULY, AUGUST, SEPTEMBER) == [4, 1, 1]


def test_a_month_that_is_closed_is_refused_and_named(donations):
    close(donations, JULY, AUGUST)
    exclude_from(donations, "2026-08")
    with pytest.raises(CannotClose) as refused:
        close(donations, SEPTEMBER)
    assert str(refused.value) == (
        "2026-09 was not closed: CSAT_UNVERIFIED_EXCLUDED_FROM is 2026-08, which would give "
        "2026-08, a closed month, 3 responses less: set it to 2026-09 or later, or leave it out"
    )
    assert list(donations.ledger.closed) == [JULY, AUGUST]
    exclude_from(donations, "2026-09")
    assert close(donations, SEPTEMBER) == [1]
    assert donations.ledger.closed[SEPTEMBER].adjusted == 0


@pytest.mark.parametrize(("later", "is_now"), [("2026-09", "is 2026-09"), (None, "is not set")])
def test_answers_that_were_left_out_of_a_closed_month_are_not_let_back_in(donations, later, is_now):
    exclude_from(donations, "2026-07")
    close(donations, JULY, AUGUST)
    exclude_from(donations, later)
    with pytest.raises(CannotClose) as refused:
        close(donations, SEPTEMBER)
    assert str(refused.value) == (
        f"2026-09 was not closed: CSAT_UNVERIFIED_EXCLUDED_FROM {is_now}, which would give "
        "2026-07, a closed month, 3 responses more: set it back to 2026-07"
    )
    exclude_from(donations, "2026-07")
    assert close(donations, SEPTEMBER) == [1]


def test_a_closed_month_without_such_answers_may_be_named(donations):
    for ticket in donations.respond(JULY.shift(-1), 2):
        donations.void(ticket)
    close(donations, JULY.shift(-1))
    exclude_from(donations, "2026-06")
    assert close(donations, JULY, AUGUST) == [1, 1]


def test_months_before_the_first_close_may_change_since_nothing_is_owed_for_them(donations):
    for number in (1, 2, 3):
        donations.void(f"T-{AUGUST}-{number}")
    close(donations, AUGUST)
    exclude_from(donations, "2026-07")
    close(donations, SEPTEMBER)
    _, opening = donations.ledger.openings[JULY]
    assert (opening.hedgehogs, opening.reason) == (-3, "settings")


def test_other_changes_of_closed_months_are_posted_whatever_the_setting(donations):
    close(donations, JULY)
    exclude_from(donations, "2026-08")
    donations.void(f"T-{JULY}-1")
    give(
        donations.database,
        donations.settings,
        replace(LATE, at=JULY.opens_at(donations.settings.timezone)),
    )
    close(donations, AUGUST)
    adjustments = [
        (each.hedgehogs, each.reason)
        for each in donations.ledger.entries
        if each.kind is EntryKind.ADJUSTMENT
    ]
    assert adjustments == [(1, "late_answer"), (-1, "void")]


LATE = GivenAnswer(ticket_id="late")
