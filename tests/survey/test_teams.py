"""Team names: one slug for every spelling, names for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.teams import (
    DEFAULT_TEAMS,
    Team,
    display_team,
    parse_team,
    parse_teams,
    slugify_team,
)


@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("Web analytics", "web_analytics"),
        ("web-analytics", "web_analytics"),
        ("WEB__ANALYTICS", "web_analytics"),
        ("  web / analytics!  ", "web_analytics"),
        ("Sales & CS", "sales_cs"),
        ("team-2", "team_2"),
        ("_surveys_", "surveys"),
        ("Ελληνική Ομάδα", "ελληνική_ομάδα"),
        ("Команда Ёлка", "команда_ёлка"),
        ("サポート・チーム", "サポート_チーム"),
        ("فريق الدعم", "فريق_الدعم"),
        ("Équipe Nº٣", "équipe_nº٣"),
        ("a\x00b\ud800c\u2028d", "a_b_c_d"),
    ],
)
def test_a_slug_is_lower_case_with_one_underscore_for_all_else(written, slug):
    assert slugify_team(written) == slug


@pytest.mark.parametrize("nothing", [None, "", "   ", "&", "___", "🦔", "\t\n"])
def test_a_team_without_a_letter_or_digit_is_unassigned(nothing):
    assert slugify_team(nothing) == "unassigned"


@given(st.text())
def test_a_slug_stays_the_same_slug(text):
    slug = slugify_team(text)
    assert slugify_team(slug) == slug
    assert slug and "__" not in slug and slug == slug.strip("_")


def test_the_default_list_is_the_first_level_support_teams():
    assert [team.slug for team in parse_teams(DEFAULT_TEAMS)] == [
        "product_analytics",
        "web_analytics",
        "session_replay",
        "feature_flags",
        "experiments",
        "surveys",
        "data_warehouse",
        "batch_exports",
        "sales_cs",
    ]


@pytest.mark.parametrize(
    ("entry", "team"),
    [
        ("web_analytics", Team("web_analytics", "Web analytics")),
        ("Sales & CS", Team("sales_cs", "Sales & CS")),
        ("sales_cs=Sales & CS", Team("sales_cs", "Sales & CS")),
        (" Sales-CS = Sales & CS ", Team("sales_cs", "Sales & CS")),
        ("surveys=", Team("surveys", "Surveys")),
        ("a=b=c", Team("a", "b=c")),
    ],
)
def test_an_entry_of_the_list_gives_slug_and_name(entry, team):
    assert parse_team(entry) == team


@pytest.mark.parametrize("entry", ["", "&", "=Name", "unassigned"])
def test_an_entry_that_is_no_team_is_refused(entry):
    with pytest.raises(ValueError, match="is not a team name"):
        parse_team(entry)


def test_a_team_stands_in_the_list_once_however_it_is_spelt():
    with pytest.raises(ValueError, match="'web_analytics' stands in the list more than once"):
        parse_teams(["Web analytics", "surveys", "web-analytics"])


@pytest.mark.parametrize(
    ("slug", "name"),
    [("sales_cs", "Sales & CS"), ("web_analitics", "Web analitics"), ("unassigned", "Unassigned")],
)
def test_a_slug_is_shown_by_its_name_or_made_readable(slug, name):
    assert display_team(slug, [Team("sales_cs", "Sales & CS")]) == name
