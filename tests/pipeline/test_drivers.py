"""What moved the total: mix and change within teams, adding up exactly."""

from decimal import Decimal
from fractions import Fraction

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.drivers import find_drivers, round_drivers, tabulate_drivers
from pipeline.metrics import tabulate_period
from pipeline.schemas import DRIVERS
from survey.periods import Period
from survey.teams import Team

OCTOBER, SEPTEMBER = Period.parse("2026-10"), Period.parse("2026-09")
NO_COMMENTS = pd.DataFrame({"month": [], "team": [], "comments": []}).astype(
    {"month": "str", "team": "str", "comments": "int64"}
)
LISTED = (Team("quiet", "Quiet"),)

# Satisfied and not satisfied, by team.
Answers = dict[str, tuple[int, int]]


def both(before: Answers, now: Answers) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of October and September."""
    rows = [
        (str(month), team, rating, number)
        for month, answers in ((OCTOBER, now), (SEPTEMBER, before))
        for team, (satisfied, others) in answers.items()
        for rating, number in ((5, satisfied), (1, others))
        if number
    ]
    counts = pd.DataFrame(rows, columns=["month", "team", "rating", "responses"]).astype(
        {"month": "str", "team": "str", "rating": "int64", "responses": "int64"}
    )
    october, september = (
        tabulate_period(counts, NO_COMMENTS, month, LISTED) for month in (OCTOBER, SEPTEMBER)
    )
    return october, september


def texts(drivers: pd.DataFrame, *names: str) -> list[list[str]]:
    return [[str(row[name]) for name in names] for row in drivers.to_dict("records")]


POINTS = ("team", "mix_pp", "within_pp", "total_pp")


def test_worked_by_hand():
    # a: 60 of 100 → 45 of 50; b: 90 of 100 → 120 of 150; all: 75 % → 82.5 %, R̄ = 78.75 %.
    # a: mix −0.25 × (75 − 78.75) = 0.9375, within 30 × 0.375 = 11.25.
    # b: mix 0.25 × (85 − 78.75) = 1.5625, within −10 × 0.625 = −6.25.
    # The hundredth that 0.93 and 1.56 lack to 2.50 goes to 0.9375.
    drivers = tabulate_drivers(
        *both({"a": (60, 40), "b": (90, 10)}, {"a": (45, 5), "b": (120, 30)})
    )
    assert list(drivers.columns) == list(DRIVERS.columns)
    assert texts(drivers, *drivers.columns) == [
        ["2026-10", "a", "100", "50", "60.00", "90.00", "0.94", "11.25", "12.19"],
        ["2026-10", "b", "100", "150", "90.00", "80.00", "1.56", "-6.25", "-4.69"],
        ["2026-10", "all", "200", "200", "75.00", "82.50", "2.50", "5.00", "7.50"],
    ]


def test_a_team_that_comes_or_goes_changes_the_mix_alone():
    # old: 10 of 10, then none; new: none, then 0 of 10; stays: 5 of 10 twice.
    # R: 75 % → 25 %, R̄ = 50 %. old: −0.5 × (100 − 50) = −25; new: 0.5 × (0 − 50) = −25.
    drivers = tabulate_drivers(
        *both({"old": (10, 0), "stays": (5, 5)}, {"new": (0, 10), "stays": (5, 5)})
    )
    assert texts(drivers, *POINTS, "previous_csat_pct", "csat_pct") == [
        ["new", "-25.00", "0.00", "-25.00", "None", "0.00"],
        ["old", "-25.00", "0.00", "-25.00", "100.00", "None"],
        ["stays", "0.00", "0.00", "0.00", "50.00", "50.00"],
        ["all", "-50.00", "0.00", "-50.00", "75.00", "25.00"],
    ]


def test_every_team_can_rise_while_the_total_falls():
    # Simpson's paradox: a rises 90 → 95 %, b 50 → 55 %, but most responses are now b's.
    drivers = tabulate_drivers(
        *both({"a": (90, 10), "b": (10, 10)}, {"a": (19, 1), "b": (55, 45)})
    ).set_index("team")
    assert (drivers.loc[["a", "b"], "within_pp"] == 5 * Decimal("0.5")).all()
    assert drivers.loc["all", "within_pp"] == 5
    assert drivers.loc["all", "total_pp"] < 0 < -drivers.loc["all", "mix_pp"]


def test_a_listed_team_without_responses_in_either_month_has_no_row():
    drivers = tabulate_drivers(*both({"a": (1, 0)}, {"a": (0, 1)}))
    assert list(drivers["team"]) == ["a", "all"]


def test_header_only_if_either_month_has_no_responses():
    for before, now in (({}, {"a": (1, 0)}), ({"a": (1, 0)}, {}), ({}, {})):
        drivers = tabulate_drivers(*both(before, now))
        assert list(drivers.columns) == list(DRIVERS.columns)
        assert drivers.empty


def test_header_only_if_the_change_is_not_known():
    drivers = find_drivers(*both({"a": (1, 0)}, {"a": (0, 1)}))
    assert round_drivers(drivers, 1, None).empty


def test_ties_go_to_the_first_team_by_name():
    one, none = (1, 0), (0, 1)
    drivers = tabulate_drivers(
        *both({"b": one, "a": one, "c": one, "d": one}, {"b": none, "a": none, "c": none})
    )
    # Within of a, b and c is −100 × (1/4 + 1/3) / 2 = −29.1666… each, and −87.50 together.
    assert texts(drivers, "team", "within_pp")[:3] == [
        *(["a", "-29.16"], ["b", "-29.17"], ["c", "-29.17"])
    ]


def test_one_decimal_for_pages_from_the_exact_values_to_the_change_shown():
    drivers = find_drivers(*both({"a": (60, 40), "b": (90, 10)}, {"a": (45, 5), "b": (120, 30)}))
    shown = round_drivers(drivers, 1, Decimal("7.5"))
    assert texts(shown, *POINTS) == [
        ["a", "0.9", "11.3", "12.2"],
        ["b", "1.6", "-6.3", "-4.7"],
        ["all", "2.5", "5.0", "7.5"],
    ]
    # Were the shares shown as 75.0 and 82.6, the page would still add up.
    off = round_drivers(drivers, 1, Decimal("7.6")).set_index("team")
    assert off.loc["all", "total_pp"] == Decimal("7.6")
    assert off.loc[["a", "b"], "total_pp"].sum() == Decimal("7.6")


counts = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "quiet"]),
    st.tuples(st.integers(0, 40), st.integers(0, 40)).filter(any),
    min_size=1,
)


@settings(max_examples=20, deadline=None)
@given(before=counts, now=counts)
def test_everything_adds_up(before, now):
    teams, previous = both(before, now)
    exact = find_drivers(teams, previous)
    change = 100 * (share_of_all(now) - share_of_all(before))
    assert sum(each.mix + each.within for each in exact.teams) == change

    for decimals in (1, 2):
        shown = [round(share_of_all(each) * 100 * 10**decimals) for each in (now, before)]
        difference = Decimal(shown[0] - shown[1]).scaleb(-decimals)
        of_total = teams["change_pp"].iloc[-1] if decimals == 2 else difference
        table = round_drivers(exact, decimals, of_total)
        rows, together = table.iloc[:-1], table.iloc[-1]
        assert together["total_pp"] == of_total
        for name in ("mix_pp", "within_pp", "total_pp", "responses", "previous_responses"):
            assert rows[name].sum() == together[name]
        assert (table["mix_pp"] + table["within_pp"] == table["total_pp"]).all()
        unit = Fraction(1, 10**decimals)
        for row, driver in zip(rows.to_dict("records"), exact.teams, strict=True):
            assert abs(Fraction(row["mix_pp"]) - driver.mix) <= unit
            assert abs(Fraction(row["within_pp"]) - driver.within) <= unit


def share_of_all(answers: Answers) -> Fraction:
    satisfied = sum(pair[0] for pair in answers.values())
    return Fraction(satisfied, sum(sum(pair) for pair in answers.values()))
