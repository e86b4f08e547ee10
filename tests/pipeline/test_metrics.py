"""Percentages, intervals and changes: exact, and careful about what is news."""

from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest

from pipeline.metrics import (
    TEAM_COLUMNS,
    Tally,
    change_p_value,
    judge_changes,
    round_exactly,
    tabulate_period,
    tabulate_trend,
    wilson_interval_pct,
)
from survey.periods import Period
from survey.teams import parse_teams

OCTOBER = Period.parse("2026-10")
NOBODY: tuple[int, ...] = (0, 0, 0, 0, 0)


def tally(satisfied: int, responses: int) -> Tally:
    return Tally((responses - satisfied, 0, 0, 0, satisfied))


def frames(**of_months: dict[str, tuple[int, ...]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts, and comments (one for every response rated 1), of `m2026_10={team: (n1 … n5)}`."""
    rows = [
        (month[1:].replace("_", "-"), team, rating, n)
        for month, teams in of_months.items()
        for team, by_rating in teams.items()
        for rating, n in enumerate(by_rating, start=1)
        if n
    ]
    counts = pd.DataFrame(rows, columns=["month", "team", "rating", "responses"])
    comments = counts[counts["rating"] == 1].rename(columns={"responses": "comments"})
    return counts, comments[["month", "team", "comments"]]


def table(teams=("surveys",), month: Period = OCTOBER, **of_months) -> pd.DataFrame:
    return tabulate_period(*frames(**of_months), month, parse_teams(teams)).set_index("team")


def values(row: pd.Series, *names: str) -> list[str | None]:
    return [None if row[name] is None else str(row[name]) for name in names]


class TestWilson:
    @pytest.mark.parametrize(
        ("satisfied", "responses", "low", "high"),
        [
            (2, 2, "34.24", "100.00"),
            (5, 5, "56.55", "100.00"),
            (9, 10, "59.58", "98.21"),
            (27, 30, "74.38", "96.54"),
            (90, 100, "82.56", "94.48"),
            (0, 2, "0.00", "65.76"),
            (0, 7777, "0.00", "0.05"),
        ],
    )
    def test_the_values_of_the_method_page(self, satisfied, responses, low, high):
        assert [f"{bound:.2f}" for bound in wilson_interval_pct(satisfied, responses)] == [
            low,
            high,
        ]
        row = table(m2026_10={"surveys": (responses - satisfied, 0, 0, 0, satisfied)}).loc["all"]
        assert values(row, "csat_low", "csat_high") == [low, high]

    def test_no_bound_is_a_negative_zero_or_over_100(self):
        for n in range(1, 400):
            assert str(table_bound(0, n)[0]) == "0.00"
            assert str(table_bound(n, n)[1]) == "100.00"


def table_bound(satisfied: int, responses: int) -> list[Decimal]:
    return [Decimal(f"{bound:.2f}") for bound in wilson_interval_pct(satisfied, responses)]


class TestRounding:
    @pytest.mark.parametrize(
        ("value", "decimals", "rounded"),
        [
            # Exactly between two: to the even one. As floats some of these fall to either side.
            (Fraction(1, 8), 2, "0.12"),
            (Fraction(3, 8), 2, "0.38"),
            (Fraction(1005, 1000), 2, "1.00"),
            (Fraction(1015, 1000), 2, "1.02"),
            (Fraction(2675, 1000), 2, "2.68"),
            (Fraction(-1, 8), 2, "-0.12"),
            (Fraction(-1, 1000), 2, "0.00"),
            (Fraction(100, 3), 2, "33.33"),
            (Fraction(0), 2, "0.00"),
            (Fraction(100), 2, "100.00"),
            (Fraction(45, 10), 3, "4.500"),
            (Fraction(25125, 10000), 3, "2.512"),
        ],
    )
    def test_half_to_even_on_the_exact_value(self, value, decimals, rounded):
        assert str(round_exactly(value, decimals)) == rounded

    def test_nothing_stays_nothing(self):
        assert round_exactly(None, 2) is None

    @pytest.mark.parametrize(
        ("satisfied", "pct"), [(1, "0.12"), (3, "0.38"), (5, "0.62"), (7, "0.88"), (797, "99.62")]
    )
    def test_shares_of_800_lie_exactly_between_two_decimals(self, satisfied, pct):
        row = table(m2026_10={"surveys": (800 - satisfied, 0, 0, 0, satisfied)}).loc["surveys"]
        assert str(row["csat_pct"]) == pct

    def test_the_mean_is_exact(self):
        # (8 × 1 + 3 × 2 + 2 × 3 + 2 × 4 + 1 × 5) / 16 = 2.0625
        row = table(m2026_10={"surveys": (8, 3, 2, 2, 1)}).loc["surveys"]
        assert str(row["mean_rating"]) == "2.062"

    def test_the_change_is_of_the_exact_shares_not_of_the_rounded_ones(self):
        # 2/3 − 1/3 = 33.333…; 66.67 − 33.33 would be 33.34.
        row = table(m2026_10={"surveys": (1, 0, 0, 0, 2)}, m2026_09={"surveys": (2, 0, 0, 0, 1)})
        assert values(row.loc["all"], "csat_pct", "previous_csat_pct", "change_pp") == [
            "66.67",
            "33.33",
            "33.33",
        ]

    def test_a_change_below_the_last_decimal_is_0_without_a_sign(self):
        now, before = (50_001, 0, 0, 0, 49_999), (1, 0, 0, 0, 1)
        row = table(m2026_10={"surveys": now}, m2026_09={"surveys": before}).loc["all"]
        assert str(row["change_pp"]) == "0.00"


class TestChanges:
    def test_the_p_value_of_a_pooled_two_sided_z_test(self):
        # 45/50 against 35/50, by hand: pooled 0.8, z = 0.2 / √(0.8 × 0.2 × 2/50) = 2.5,
        # P(|Z| > 2.5) = 0.012419330651552318 (normal table).
        assert change_p_value(tally(45, 50), tally(35, 50)) == pytest.approx(0.012419330651552318)

    @pytest.mark.parametrize("satisfied", [0, 50, 100])
    def test_equal_shares_are_no_change(self, satisfied):
        now, before = tally(satisfied, 100), tally(satisfied // 10, 10)
        assert change_p_value(now, before) == 1.0
        assert judge_changes({"a": (now, before)}) == {"a": "no"}

    def test_everybody_and_nobody_is_a_clear_change(self):
        assert judge_changes({"a": (tally(10, 10), tally(0, 10))}) == {"a": "up"}
        assert judge_changes({"a": (tally(0, 10), tally(10, 10))}) == {"a": "down"}

    def test_holm_over_the_teams_that_are_tested(self):
        # p = 0.0003, 0.0124, 0.0235, 0.7988 against 0.05/4, 0.05/3, 0.05/2, 0.05/1.
        pairs = {
            "fourth": (tally(41, 50), tally(40, 50)),
            "first": (tally(48, 50), tally(34, 50)),
            "third": (tally(60, 100), tally(75, 100)),
            "second": (tally(45, 50), tally(35, 50)),
            "untested": (tally(9, 9), tally(0, 1000)),
        }
        p_values = {name: change_p_value(*pair) for name, pair in pairs.items()}
        assert p_values["first"] < 0.05 / 4
        assert p_values["second"] < 0.05 / 3
        assert 0.05 / 3 < p_values["third"] < 0.05 / 2
        assert p_values["fourth"] > 0.05
        assert judge_changes(pairs) == {
            "fourth": "no",
            "first": "up",
            "third": "down",
            "second": "up",
            "untested": None,
        }

    def test_holm_stops_at_the_first_that_fails(self):
        # p = 0.0271 is over 0.05/2; p = 0.0325 would do for the last, but its turn never comes.
        first, second = (tally(44, 50), tally(35, 50)), (tally(43, 50), tally(34, 50))
        assert 0.05 / 2 < change_p_value(*first) < change_p_value(*second) < 0.05
        assert judge_changes({"a": first, "b": second}) == {"a": "no", "b": "no"}
        assert judge_changes({"a": first}) == judge_changes({"a": second}) == {"a": "up"}

    @pytest.mark.parametrize(
        ("now", "before", "verdict"), [(10, 10, "up"), (9, 10, None), (10, 9, None), (0, 50, None)]
    )
    def test_under_10_responses_in_either_month_nothing_is_said(self, now, before, verdict):
        assert judge_changes({"a": (tally(now, now), tally(0, before))}) == {"a": verdict}

    def test_all_is_tested_alone(self):
        # p = 0.0253 for each of two teams, which Holm with two refuses, and less for both together.
        now, before = (6, 0, 0, 0, 44), (15, 0, 0, 0, 35)
        rows = table(("a", "b"), m2026_10={"a": now, "b": now}, m2026_09={"a": before, "b": before})
        assert list(rows["change_significant"]) == ["no", "no", "up"]


class TestRows:
    def test_a_row_per_team_by_name_then_all(self):
        rows = table(
            ("Surveys", "experiments"),
            m2026_10={"zebra": (0, 0, 0, 0, 1), "unassigned": (0, 1, 0, 0, 0)},
            m2026_09={"gone": (0, 0, 0, 0, 5)},
        )
        assert list(rows.index) == ["experiments", "surveys", "unassigned", "zebra", "all"]
        assert [*rows.columns] == [name for name in TEAM_COLUMNS if name != "team"]

    def test_all_is_pooled_from_counts_not_averaged(self):
        rows = table(
            ("a", "b"), m2026_10={"a": (90, 0, 0, 0, 0), "b": (0, 0, 0, 4, 6), "c": (1, 2, 3, 4, 5)}
        )
        row = rows.loc["all"]
        assert (row["responses"], row["satisfied"], row["comments"]) == (115, 19, 91)
        assert [row[f"rating_{n}"] for n in range(1, 6)] == [91, 2, 3, 8, 11]
        assert str(row["csat_pct"]) == "16.52"
        assert str(row["mean_rating"]) == str(round_exactly(Fraction(91 + 4 + 9 + 32 + 55, 115), 3))

    def test_3_is_not_satisfied(self):
        row = table(m2026_10={"surveys": (0, 0, 1, 1, 0)}).loc["surveys"]
        assert (row["satisfied"], str(row["csat_pct"])) == (1, "50.00")

    def test_where_nothing_can_be_said_cells_are_blank_and_counts_are_0(self):
        row = table(m2026_09={"surveys": (0, 0, 0, 0, 20)}).loc["surveys"]
        assert (row["responses"], row["satisfied"], row["comments"], row["rating_5"]) == (0,) * 4
        blank = ("csat_pct", "csat_low", "csat_high", "mean_rating", "change_pp")
        unknown = ("invitations", "response_rate_pct", "change_significant")
        assert values(row, *blank, *unknown) == [None] * 8
        assert str(row["previous_csat_pct"]) == "100.00"

    def test_a_month_without_any_response_has_every_listed_team(self):
        rows = table(("a", "b"), month=Period.parse("2030-01"), m2026_10={"c": (1, 0, 0, 0, 0)})
        assert list(rows.index) == ["a", "b", "all"]
        assert list(rows["responses"]) == [0, 0, 0]

    def test_a_team_that_calls_itself_all_is_not_the_sum(self):
        rows = table(("all",), m2026_10={"all": (0, 0, 0, 0, 2), "b": (1, 0, 0, 0, 0)})
        assert list(rows.index) == ["all_team", "b", "all"]
        assert list(rows["responses"]) == [2, 1, 3]
        assert list(rows["comments"]) == [0, 1, 1]

    def test_everybody_satisfied_in_both_months(self):
        everybody = {"surveys": (0, 0, 0, 0, 30)}
        row = table(m2026_10=everybody, m2026_09=everybody).loc["surveys"]
        assert values(row, "csat_pct", "csat_high", "change_pp", "change_significant") == [
            "100.00",
            "100.00",
            "0.00",
            "no",
        ]

    def test_january_is_compared_with_december(self):
        rows = table(
            month=Period.parse("2027-01"),
            m2027_01={"surveys": (0, 0, 0, 0, 1)},
            m2026_12={"surveys": (1, 0, 0, 0, 1)},
        )
        assert str(rows.loc["all", "change_pp"]) == "50.00"


class TestTrend:
    def test_thirteen_months_each_as_its_own_table(self):
        counts, comments = frames(
            m2025_09={"old": (0, 0, 0, 0, 12)},
            m2025_10={"old": (12, 0, 0, 0, 0)},
            m2026_10={"new": (0, 0, 0, 0, 1)},
        )
        trend = tabulate_trend(counts, comments, OCTOBER, parse_teams(["surveys"]))
        months = list(dict.fromkeys(trend["month"]))
        assert (months[0], months[-1], len(months)) == ("2025-10", "2026-10", 13)
        for month in months:
            expected = tabulate_period(
                counts, comments, Period.parse(month), parse_teams(["surveys"])
            )
            own = trend[trend["month"] == month].reset_index(drop=True)
            pd.testing.assert_frame_equal(own, expected)
        oldest = trend[(trend["month"] == "2025-10") & (trend["team"] == "old")].iloc[0]
        assert (str(oldest["change_pp"]), oldest["change_significant"]) == ("-100.00", "down")
