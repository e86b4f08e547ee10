"""Likely misspellings of a listed team, and names that are none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.misspellings import find_misspellings
from survey.teams import DEFAULT_TEAMS, Team, parse_teams

TEAMS = parse_teams(DEFAULT_TEAMS)
SLUGS = [team.slug for team in TEAMS]


def meant(slug: str, teams: tuple[Team, ...] = TEAMS) -> str | None:
    found = find_misspellings([slug], teams)
    return found[slug].slug if slug in found else None


@pytest.mark.parametrize(
    ("slug", "team"),
    [
        # a letter missing, doubled, wrong, or swapped with its neighbour
        ("sesion_replay", "session_replay"),
        ("web_analytic", "web_analytics"),
        ("survey", "surveys"),
        ("experiment", "experiments"),
        ("feature_flag", "feature_flags"),
        ("feature_falgs", "feature_flags"),
        ("prodcut_analytics", "product_analytics"),
        ("batch_exprots", "batch_exports"),
        ("data_wharehouse", "data_warehouse"),
        ("sale_cs", "sales_cs"),
        # words in another order
        ("replay_session", "session_replay"),
        ("cs_sales", "sales_cs"),
        ("flag_features", "feature_flags"),
        # words run together or apart
        ("webanalytics", "web_analytics"),
        ("featureflag", "feature_flags"),
        ("data_ware_house", "data_warehouse"),
        # words that a name may have or lack
        ("surveys_team", "surveys"),
        ("team_session_replay", "session_replay"),
        ("sales_and_cs", "sales_cs"),
    ],
)
def test_a_misspelling_is_named(slug, team):
    assert meant(slug) == team


@pytest.mark.parametrize(
    "slug",
    [
        *("product", "web", "sales", "session", "replay", "feature", "team"),
        *("billing", "servers", "surveyors", "experience", "experimentation", "data_lake"),
        *("mobile_replay", "product_analyst", "sales_ops", "sales_sc", "web_analytics_eu"),
        # other words of almost the same letters
        *("batch_imports", "batch_reports", "feature_tags"),
        # another number is another team
        *("surveys_2", "surveys2"),
        *("unassigned", "all", "all_team"),
        *("", "日本", "🦔", "a" * 200, "_".join("a" * 100)),
    ],
)
def test_another_name_is_not(slug):
    assert meant(slug) is None


def test_teams_of_the_list_mean_themselves():
    near = parse_teams(["survey", "surveys"])
    assert find_misspellings(["survey", "surveys"], near) == {}
    assert find_misspellings(SLUGS, TEAMS) == {}


def test_as_near_to_two_teams_is_neither():
    teams = parse_teams(["exporter", "exported"])
    assert meant("exporten", teams) is None
    assert meant("exportter", teams) == "exporter"


def test_the_nearer_of_two_teams_is_meant():
    teams = parse_teams(["importers", "exporters"])
    assert meant("xporters", teams) == "exporters"


def test_part_of_a_name_is_not():
    teams = parse_teams(["support_us", "support_uk"])
    assert meant("support", teams) is None
    assert meant("suport_us", teams) == "support_us"


def test_numbers_are_never_misspelled():
    teams = parse_teams(["first_level_1", "first_level_2"])
    assert meant("first_level_3", teams) is None
    assert meant("frist_level_2", teams) == "first_level_2"


def test_the_name_that_people_read_is_a_spelling_too():
    teams = (Team("pa", "Product analytics"), Team("cs", "Sales & CS"))
    assert meant("product_analytics", teams) == "pa"
    assert meant("sales_cs", teams) == "cs"
    assert meant("a_p", teams) is None


def test_every_script():
    assert meant("поддежка", parse_teams(["Поддержка"])) == "поддержка"


@given(slugs=st.lists(st.sampled_from([*SLUGS, "survey", "replay_session", "web"]), unique=True))
def test_the_order_of_slugs_and_teams_does_not_matter(slugs):
    found = find_misspellings(slugs, TEAMS)
    assert find_misspellings(reversed(slugs), TEAMS[::-1]) == found
    assert set(found) == set(slugs) & {"survey", "replay_session"}


@given(slug=st.sampled_from(SLUGS), place=st.integers(1, 30), letter=st.sampled_from("qxz"))
def test_a_letter_too_many_in_a_long_word_never_means_another_team(slug, place, letter):
    place %= len(slug)
    assert meant(slug[:place] + letter + slug[place:]) in (slug, None)


def test_thousands_of_made_up_teams_take_no_time():
    made_up = [f"data_warehouse{letter}{n:x}" for letter in "abcdefgh" for n in range(500)]
    made_up += ["_".join([word] * 40) for word in SLUGS] + ["x" * 200 + str(n) for n in range(500)]
    start = time.process_time()
    find_misspellings(made_up, TEAMS)
    assert time.process_time() - start < 2
