"""Which teams a page shows, in which order, and how their numbers are rounded."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.query import ReportQuery
from reports.shown_drivers import show_drivers
from reports.shown_teams import OTHER_TEAMS, REST, show_teams
from survey.teams import DEFAULT_TEAMS, Team, parse_teams
from tests.support.report_numbers import (
    OCTOBER,
    RATINGS,
    frame_of,
    make_numbers,
    percent,
    team_row,
)

TEAMS = parse_teams(DEFAULT_TEAMS)


def show(*arguments, **changes):
    return show_teams(make_numbers(*arguments, **changes), TEAMS)


def test_teams_stand_in_the_order_of_their_intervals_lower_end():
    shown = show(
        {
            "surveys": (0, 0, 1, 0, 9),
            "experiments": (2, 3, 5, 30, 60),
            "web_analytics": (20, 30, 50, 300, 600),
        }
    )
    assert [team.slug for team in shown.ranked] == ["web_analytics", "experiments", "surveys"]


def test_teams_of_under_ten_responses_stand_apart_by_name_and_are_not_compared():
    shown = show(
        {"surveys": (0, 0, 0, 0, 9), "experiments": (0, 0, 0, 0, 1), "sales_cs": RATINGS},
        dict.fromkeys(("surveys", "experiments", "sales_cs"), RATINGS),
    )
    assert [team.slug for team in shown.ranked] == ["sales_cs"]
    assert [team.slug for team in shown.small] == ["experiments", "surveys"]
    assert [team.before.verdict for team in shown.small] == [None, None]


def test_teams_without_responses_are_named_apart():
    shown = show({"surveys": RATINGS, "experiments": (0,) * 5})
    assert [team.name for team in shown.silent] == ["Experiments"]


def test_a_likely_misspelling_names_the_team_that_was_meant():
    meant = Team("session_replay", "Session replay")
    shown = show({"sesion_replay": RATINGS}, misspellings={"sesion_replay": meant})
    assert shown.ranked[0].likely == "Session replay"


def test_more_teams_than_are_shown_share_a_row_of_pooled_counts():
    others = {f"other_{n:02}": (0, 0, 0, 100 - n, 0) for n in range(OTHER_TEAMS)}
    shown = show(others | {"small": (1, 0, 0, 0, 1), "tiny": (0, 0, 0, 0, 1), "surveys": RATINGS})
    rest = shown.rest
    assert rest is not None
    assert (rest.slug, rest.name, rest.responses) == (REST, "2 more teams", 3)
    assert rest.share == Decimal("66.7")
    assert not rest.is_compared
    assert len(shown.ranked) == OTHER_TEAMS + 1
    assert show(others).rest is None


def test_under_a_filter_by_rating_there_are_counts_and_no_shares():
    blank = dict.fromkeys(
        ("csat_pct", "csat_low", "csat_high", "mean_rating", "previous_csat_pct", "change_pp")
    )
    rows = [team_row(each, (7, 5, 0, 0, 0), **blank, verdict=None) for each in ("surveys", "all")]
    query = ReportQuery(OCTOBER, ratings=(1, 2))
    shown = show_teams(make_numbers(rows=rows, query=query, trend=frame_of(rows, rows[0])), TEAMS)
    (team,) = shown.ranked
    assert (team.responses, team.share, team.before.share) == (12, None, None)
    assert [(part.rating, part.responses) for part in team.segments] == [(1, 7), (2, 5)]


def test_the_segments_of_a_bar_fill_it():
    (team,) = show({"surveys": RATINGS}).ranked
    assert [part.rating for part in team.segments] == [1, 2, 3, 4, 5]
    assert [part.begins for part in team.segments] == [0, 2, 5, 10, 40]
    assert team.segments[-1].begins + team.segments[-1].width == 100


def test_a_share_is_rounded_once_and_not_by_way_of_two_decimals():
    # 86.2493 % is 86.2 %; by way of 86.25 % it would be 86.3 % in one report and 86.2 % in another.
    now, before = (0, 0, 96, 602, 0), (0, 0, 2_412, 15_128, 0)
    assert percent(before) == Decimal("86.25")
    shown = show({"surveys": now}, {"surveys": before})
    assert shown.ranked[0].before.share == percent(before, 1) == Decimal("86.2")


def test_the_year_before_comes_from_its_own_comparison():
    numbers = make_numbers()
    against = numbers.teams.assign(previous_csat_pct=Decimal("80.06"), change_significant="up")
    shown = show_teams(replace(numbers, against_year=against), TEAMS)
    comparison = shown.together.year_before
    assert (comparison.share, comparison.change) == (Decimal("80.1"), Decimal("9.9"))
    assert comparison.verdict == "up"


ratings = st.tuples(*[st.integers(0, 40)] * 5)
slugs = st.sampled_from([*(team.slug for team in TEAMS), "made_up", "another"])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(slugs, st.tuples(ratings, ratings), min_size=1))
def test_a_shown_change_is_the_difference_of_shown_shares_and_what_moved_it_adds_up(teams):
    now = {slug: of_now for slug, (of_now, _) in teams.items()}
    before = {slug: of_before for slug, (_, of_before) in teams.items()}
    numbers = make_numbers(now, before, drivers=frame_of([{"team": "all"}], ["team"]))
    shown = show_teams(numbers, TEAMS)
    change = shown.together.before.change
    drivers = show_drivers(numbers, shown)
    if change is None:
        assert drivers is None
        return
    assert change == shown.together.share - shown.together.before.share
    assert drivers is not None
    assert drivers.together.points.total == change
    assert sum(driver.points.within for driver in drivers.teams) == drivers.together.points.within
    assert sum(driver.points.mix for driver in drivers.teams) == drivers.together.points.mix
    bars = [bar for driver in drivers.teams for bar in (driver.within_bar, driver.mix_bar)]
    assert all(bar.begins >= 0 and bar.begins + bar.width <= 100 for bar in bars)


def test_what_moved_the_total_is_one_sentence():
    numbers = make_numbers(
        {"surveys": (10, 10, 10, 30, 40), "experiments": RATINGS},
        {"surveys": RATINGS, "experiments": RATINGS},
        drivers=frame_of([{"team": "all"}], ["team"]),
    )
    drivers = show_drivers(numbers, show_teams(numbers, TEAMS))
    assert drivers is not None
    assert drivers.sentence == (
        "Of the −10.0 points, −10.0 come from the teams’ own scores and 0.0 from the mix of teams."
    )
    assert [driver.name for driver in drivers.teams] == ["Surveys", "1 more team"]
