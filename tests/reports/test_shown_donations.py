"""What finance's pages show of the ledger, and its chart."""

from dataclasses import replace
from decimal import Decimal

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.donations.ledger import Status
from reports.charts import style
from reports.charts.hedgehogs import draw_hedgehogs, list_grid
from reports.shown_donation_month import show_history, show_sum
from reports.shown_donations import ShownMonth, show_due, show_paid, show_rates
from survey.months import Month, months_up_to
from tests.support.donations import AUGUST, JULY, NOVEMBER_THIRD, OCTOBER, SEPTEMBER, Donations
from tests.support.html_reader import Reader


@pytest.fixture
def database_url(tmp_path):
    """Only SQLite: nothing here asks the store."""
    return f"sqlite:///{tmp_path}/csat.db"


@pytest.fixture
def donations(database, settings):
    return Donations(database, settings)


def plain(text):
    return text.replace("\u00a0", " ")


def test_many_months_that_are_due_are_told_as_a_range(donations):
    donations.set_rate(JULY)
    for month in (JULY, AUGUST, SEPTEMBER, OCTOBER):
        donations.respond(month, 1)
        donations.close(month)
    (due,) = show_due(donations.ledger)
    assert (due.currency, due.amount) == ("GBP", "2.00")
    assert due.months == "4 months, July 2026 to October 2026"


def test_what_was_paid_counts_in_the_year_of_the_payment(donations):
    donations.respond(OCTOBER, 3)
    donations.set_rate(OCTOBER)
    donations.close(OCTOBER)
    donations.pay(OCTOBER, Decimal("0.50"))
    donations.now = NOVEMBER_THIRD.replace(year=2027)
    donations.pay(OCTOBER, paid_on=donations.now.date())
    donations.correct(OCTOBER)
    donations.pay(OCTOBER, paid_on=donations.now.date())
    assert [plain(each) for each in show_paid(donations.ledger, 2026)] == ["GBP 0.50"]
    assert [plain(each) for each in show_paid(donations.ledger, 2027)] == ["GBP 1.00"]


def test_one_rate_is_in_force_and_the_others_say_why_not(donations):
    for month in (AUGUST, OCTOBER, OCTOBER, Month(2027, 1)):
        donations.set_rate(month)
    shown = show_rates(donations.ledger, Month(2026, 11))
    assert [(each.first, each.state) for each in shown] == [
        ("January 2027", "to come"),
        ("October 2026", "in force"),
        ("October 2026", "replaced"),
        ("August 2026", "earlier"),
    ]


def test_a_sum_says_where_it_was_rounded(donations):
    donations.respond(OCTOBER, 3)
    close = donations.set_rate(OCTOBER)
    entry = replace(close, hedgehogs=3, unit_amount=Decimal("0.125"), amount=Decimal("0.38"))
    shown = show_sum(entry, [])
    assert plain(shown.exact or "") == "GBP 0.375"
    assert plain(shown.amount or "") == "GBP 0.38"
    assert show_sum(replace(entry, amount=Decimal("0.375")), []).exact is None


def test_adjustments_are_one_line_of_the_history(donations):
    donations.set_rate(SEPTEMBER)
    donations.respond(SEPTEMBER, 2)
    donations.close(SEPTEMBER)
    donations.respond(OCTOBER, 4)
    for ticket in ("T-2026-09-1", "T-2026-09-2"):
        donations.void(ticket)
    donations.close(OCTOBER)
    history = show_history(donations.ledger.entries_of(OCTOBER))
    assert [(each.numbers, each.words.split(":")[0]) for each in history] == [
        ("3 to 4", "2 adjustments of earlier months"),
        ("5", "Closed"),
    ]
    assert history[0].hash == donations.ledger.entries[3].hash


def shown_month(month, status, hedgehogs=40):
    due = "GBP 1.00" if status in (Status.CLOSED, Status.PARTLY_PAID) else None
    return ShownMonth(
        month, status, status.value, hedgehogs, 0, hedgehogs, "GBP 1.00", due, None, ()
    )


def test_a_bar_says_one_hedgehog_and_many():
    words = [shown_month(OCTOBER, Status.PAID, hedgehogs).words for hedgehogs in (1, 1204)]
    assert words == ["October 2026: 1 hedgehog, paid", "October 2026: 1,204 hedgehogs, paid"]


def test_no_two_kinds_of_months_look_the_same_without_colours(monkeypatch):
    months = tuple(
        shown_month(month, status)
        for month, status in zip(months_up_to(OCTOBER, 5), Status, strict=True)
    )
    drawn = []
    draw = style.vl_convert.vegalite_to_svg

    def note(specification, **options):
        drawn.append(specification)
        return draw(specification, **options)

    monkeypatch.setattr(style.vl_convert, "vegalite_to_svg", note)
    svg = draw_hedgehogs(months, tuple(f"/{each.month}" for each in months))
    looks = {(b["fill"], b["stroke"], tuple(b["dash"])) for b in drawn[0]["datasets"]["bars"]}
    assert len(looks) == 5
    assert len({fill for fill, *_ in looks}) == 4
    alt.Chart.from_dict(drawn[0]).to_dict(validate=True)
    reader = Reader(svg)
    assert reader.all_of("href") == [f"/{each.month}" for each in months]
    assert reader.all_of("aria-label")[1:] == [each.words for each in months]


@given(st.integers(0, 10**9))
def test_the_grid_has_few_round_lines_from_nothing_on(most):
    lines = list_grid(most)
    assert lines[0] == 0
    assert 2 <= len(lines) <= 5
    step = lines[1]
    assert lines == list(range(0, lines[-1] + 1, step))
    assert str(step).rstrip("0") in ("1", "2", "5")
    assert lines[-1] <= max(most, 1) < lines[-1] + step or most == 0
