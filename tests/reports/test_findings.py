"""The first sentence of a report says what clearly moved, and no more than that."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.findings import MOST_NAMED, Part, Stage, find_lead
from reports.shown_teams import show_teams
from survey.teams import DEFAULT_TEAMS, parse_teams
from tests.support.report_numbers import make_numbers

TEAMS = parse_teams(DEFAULT_TEAMS)
WELL, BADLY, EMPTY = (2, 3, 5, 30, 60), (10, 10, 10, 30, 40), (0, 0, 0, 0, 0)


def lead(now, before=None, verdicts=None, stage=Stage.FINAL, **changes):
    teams = show_teams(make_numbers(now, before, verdicts), TEAMS)
    return find_lead(teams, "October 2026", "September 2026", stage, **changes)


def test_one_team_that_fell_is_named_first():
    finding = lead(
        {"surveys": WELL, "product_analytics": BADLY},
        {"surveys": WELL, "product_analytics": WELL},
        {"product_analytics": "down"},
    )
    assert finding.text == "Product analytics fell 20.0 points; nothing else clearly moved."
    assert finding.teams == ("product_analytics",)


def test_several_teams_stand_in_the_order_of_how_far_they_moved():
    finding = lead(
        {"surveys": BADLY, "experiments": (0, 0, 0, 40, 60), "web_analytics": WELL},
        {"surveys": WELL, "experiments": (5, 0, 0, 35, 60), "web_analytics": WELL},
        {"surveys": "down", "experiments": "up"},
    )
    assert finding.text == (
        "Surveys fell 20.0 points and Experiments rose 5.0 points; nothing else clearly moved."
    )


def test_of_many_teams_the_first_three_are_named():
    names = ("surveys", "experiments", "web_analytics", "sales_cs", "feature_flags")
    finding = lead(dict.fromkeys(names, BADLY), dict.fromkeys(names, WELL),
                   dict.fromkeys(names, "down"))  # fmt: skip
    assert finding.text == (
        "Experiments fell 20.0 points, Feature flags fell 20.0 points, Sales & CS fell 20.0 points"
        " and 2 more teams clearly moved; nothing else clearly moved."
    )
    assert len(finding.teams) == MOST_NAMED


def test_all_teams_together_are_named_after_the_teams():
    finding = lead({"surveys": BADLY}, {"surveys": WELL}, {"surveys": "down", "all": "down"})
    assert finding.text == (
        "Surveys fell 20.0 points and all teams together fell 20.0 points;"
        " nothing else clearly moved."
    )


def test_only_all_teams_together_moved():
    finding = lead({"surveys": BADLY}, {"surveys": WELL}, {"all": "down"})
    assert finding.text == "All teams together fell 20.0 points; no single team clearly moved."


@pytest.mark.parametrize(
    ("now", "before", "verdict", "words"),
    [
        (BADLY, WELL, "down", "Surveys fell 20.0 points."),
        (WELL, BADLY, "up", "Surveys rose 20.0 points."),
        (WELL, WELL, "no", "Surveys did not clearly move against September 2026: "
         "90.0% satisfied of 100 responses."),
        ((0, 0, 1, 3, 5), WELL, None, "Surveys has too few responses to compare October 2026 with "
         "September 2026."),
        (WELL, EMPTY, None, "Surveys: 90.0% satisfied of 100 responses in October 2026; "
         "September 2026 has no responses to compare with."),
        (EMPTY, WELL, None, "Surveys has no responses in October 2026."),
    ],
)  # fmt: skip
def test_a_team_that_is_looked_at_alone_is_the_subject(now, before, verdict, words):
    only = Part("Surveys", "surveys")
    verdicts = {"surveys": verdict, "all": verdict}
    finding = lead({"surveys": now}, {"surveys": before}, verdicts, only_team=only)
    assert finding.text == words
    assert finding.teams == ("surveys",)


def test_nothing_moved():
    assert lead({"surveys": WELL}).text == (
        "Nothing clearly moved against September 2026: 90.0% satisfied of 100 responses."
    )


@pytest.mark.parametrize("now, before", [((0, 0, 1, 3, 5), WELL), (WELL, (0, 0, 1, 3, 5))])
def test_too_few_responses(now, before):
    assert lead({"surveys": now}, {"surveys": before}).text == (
        "Too few responses to compare October 2026 with September 2026."
    )


def test_the_first_month_ever_has_nothing_to_compare_with():
    assert lead({"surveys": WELL}, {"surveys": EMPTY}).text == (
        "90.0% satisfied of 100 responses in October 2026; "
        "September 2026 has no responses to compare with."
    )


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (Stage.FINAL, "No responses in October 2026."),
        (Stage.RUNNING, "No responses in October 2026 yet."),
    ],
)
def test_no_responses(stage, words):
    assert lead({"surveys": EMPTY}, {"surveys": WELL}, stage=stage).text == words


@pytest.mark.parametrize(
    ("stage", "begins"),
    [
        (Stage.RUNNING, "So far: Surveys fell"),
        (Stage.SETTLING, "Provisionally: Surveys fell"),
        (Stage.FINAL, "Surveys fell"),
    ],
)
def test_what_may_still_change_is_said_to(stage, begins):
    finding = lead({"surveys": BADLY}, {"surveys": WELL}, {"surveys": "down"}, stage)
    assert finding.text.startswith(begins)


def test_chosen_ratings_alone_tell_nothing_of_shares():
    finding = lead({"surveys": (7, 3, 0, 0, 0)}, by_rating=True)
    assert finding.text == "10 responses with the chosen ratings in October 2026."


def test_a_clear_change_that_does_not_show_is_less_than_a_tenth():
    now, before = (9_999, 0, 0, 0, 90_001), (10_001, 0, 0, 0, 89_999)
    finding = lead({"surveys": now}, {"surveys": before}, {"surveys": "up"})
    assert finding.text.startswith("Surveys rose by less than 0.1 points;")


def test_a_team_of_under_ten_responses_is_never_named():
    finding = lead(
        {"surveys": (5, 0, 0, 0, 0), "experiments": WELL},
        {"surveys": WELL, "experiments": WELL},
        {"surveys": "down"},
    )
    assert finding.teams == ()


ratings = st.tuples(*[st.integers(0, 60)] * 5)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from([team.slug for team in TEAMS]),
                    st.tuples(ratings, ratings, st.sampled_from(["up", "down", "no"])),
                    min_size=1),
    st.sampled_from(Stage),
)  # fmt: skip
def test_whatever_the_numbers_it_is_one_sentence_that_names_what_moved(teams, stage):
    finding = lead(
        {slug: now for slug, (now, _, _) in teams.items()},
        {slug: before for slug, (_, before, _) in teams.items()},
        {slug: verdict for slug, (_, _, verdict) in teams.items()},
        stage,
    )
    moved = {
        slug
        for slug, (now, before, verdict) in teams.items()
        if verdict != "no" and min(sum(now), sum(before)) >= 10
    }
    assert finding.text[:1].isalnum()
    assert finding.text.endswith(".")
    assert set(finding.teams) <= moved
    assert len(finding.teams) == min(len(moved), MOST_NAMED)
