"""The limits of a p-chart: signal beyond them, noise within."""

from fractions import Fraction

import pandas as pd
import pytest

from pipeline.control_limits import tabulate_limits
from pipeline.metrics import tabulate_trend
from pipeline.proportions import control_limits, judge_by_limits
from survey.periods import Period
from survey.teams import Team

OCTOBER = Period.parse("2026-10")
NO_COMMENTS = pd.DataFrame({"month": [], "team": [], "comments": []}).astype(
    {"month": "str", "team": "str", "comments": "int64"}
)

# Satisfied of all, the oldest month first.
Shares = list[tuple[int, int]]


def trend(**teams: Shares) -> pd.DataFrame:
    """The 13 months up to October; shares fill the last of them."""
    rows = [
        (str(month), team, rating, number)
        for team, shares in teams.items()
        for month, (satisfied, responses) in zip(OCTOBER.up_to(len(shares)), shares, strict=True)
        for rating, number in ((5, satisfied), (1, responses - satisfied))
        if number
    ]
    counts = pd.DataFrame(rows, columns=["month", "team", "rating", "responses"]).astype(
        {"month": "str", "team": "str", "rating": "int64", "responses": "int64"}
    )
    return tabulate_trend(counts, NO_COMMENTS, OCTOBER, [Team("a", "A")])


def limits(team: str = "a", **teams: Shares) -> dict[str, list[str | None]]:
    """Centre, limits and signal of each month of a team."""
    table = tabulate_limits(trend(**teams))
    return {
        row["month"]: [None if cell is None else str(cell) for cell in list(row.values())[2:]]
        for row in table[table["team"] == team].to_dict("records")
    }


def test_worked_by_hand():
    # 12 months with 80 of 100: the centre is 0.8, and three standard deviations of 100 responses
    # are 3 × √(0.8 × 0.2 / 100) = 0.12; of 64 responses 3 × 0.4 / 8 = 0.15.
    found = limits(a=[*[(80, 100)] * 12, (32, 64)])
    assert found["2026-09"] == ["80.00", "68.00", "92.00", None]
    assert found["2026-10"] == ["80.00", "65.00", "95.00", "below"]


@pytest.mark.parametrize(
    ("satisfied", "signal"), [(67, "below"), (68, None), (92, None), (93, "above")]
)
def test_on_a_limit_is_within_it(satisfied, signal):
    found = limits(a=[*[(80, 100)] * 12, (satisfied, 100)])
    assert found["2026-10"] == ["80.00", "68.00", "92.00", signal]


def test_the_month_judged_does_not_judge_itself():
    # With the last month the centre would be 76.9, and its own limits would hold 60 of 100.
    assert limits(a=[*[(80, 100)] * 7, (50, 100)])["2026-10"][0] == "80.00"


def test_a_month_before_the_last_one_is_judged_by_the_same_centre():
    found = limits(a=[(20, 100), *[(85, 100)] * 11, (85, 100)])
    assert found["2025-10"][3] == "below"
    assert {cells[0] for cells in found.values()} == {"79.58"}


def test_the_centre_is_pooled_not_averaged():
    found = limits(a=[(10, 10), *[(500, 1000)] * 7, (500, 1000)])
    assert found["2026-10"][0] == "50.07"


def test_limits_are_cut_off_at_0_and_100():
    found = limits(a=[*[(19, 20)] * 8, (19, 20)])
    assert found["2026-10"][:3] == ["95.00", "80.38", "100.00"]
    found = limits(a=[*[(1, 20)] * 8, (1, 20)])
    assert found["2026-10"][:3] == ["5.00", "0.00", "19.62"]


def test_under_10_responses_there_are_no_limits():
    found = limits(a=[*[(80, 100)] * 11, (0, 9), (5, 10)])
    # Its responses belong to the centre all the same: 880 of 1,109.
    assert found["2026-09"] == ["79.35", None, None, None]
    # 79.35 − 3 × √(79.35 × 20.65 / 10) = 40.95
    assert found["2026-10"] == ["79.35", "40.95", "100.00", None]


def test_under_8_months_with_responses_there_is_a_centre_but_no_limits():
    seven, eight = [(80, 100)] * 6, [(80, 100)] * 7
    assert limits(a=[*seven, (0, 100)])["2026-10"] == ["80.00", None, None, None]
    assert limits(a=[*eight, (0, 100)])["2026-10"] == ["80.00", "68.00", "92.00", "below"]


def test_with_under_3_months_before_the_centre_is_that_of_all():
    assert limits(a=[(80, 100), (80, 100), (20, 100)])["2026-10"][0] == "60.00"
    assert limits(a=[(80, 100), (80, 100), (80, 100), (20, 100)])["2026-10"][0] == "80.00"


def test_where_all_or_none_were_satisfied_the_chart_has_no_width_and_no_limits():
    for share in ((100, 100), (0, 100)):
        found = limits(a=[*[share] * 12, (99, 100)])
        assert found["2026-10"][1:] == [None, None, None]


def test_a_team_without_responses_has_nothing():
    assert limits(b=[(1, 2)])["2026-10"] == [None, None, None, None]


def test_a_row_for_each_of_the_trend_in_its_order_and_for_all_together():
    table = trend(a=[(80, 100)] * 13, b=[(40, 50)] * 2)
    found = tabulate_limits(table)
    assert list(zip(found["month"], found["team"], strict=True)) == list(
        zip(table["month"], table["team"], strict=True)
    )
    assert str(found.iloc[-1]["centre_pct"]) == "80.00"


def test_no_trend_no_limits():
    assert tabulate_limits(trend(a=[(1, 2)]).head(0)).empty


def test_limits_by_the_formula_of_the_textbook():
    # 0.2313 ± 3 √(0.2313 × 0.7687 / 50): Montgomery's example of juice cans.
    assert control_limits(Fraction(2313, 10_000), 50) == pytest.approx((0.0524, 0.4102), abs=1e-4)


@pytest.mark.parametrize("k", range(1, 60))
def test_on_a_limit_is_within_it_to_the_last_response(k):
    # Of 36 k² responses around one half, three standard deviations are exactly 9 k of them.
    centre, trials, middle = Fraction(1, 2), 36 * k * k, 18 * k * k
    assert judge_by_limits(middle + 9 * k, trials, centre) is None
    assert judge_by_limits(middle - 9 * k, trials, centre) is None
    assert judge_by_limits(middle + 9 * k + 1, trials, centre) == "above"
    assert judge_by_limits(middle - 9 * k - 1, trials, centre) == "below"
