"""What a report is asked for, as an address writes it."""

import pytest

from pipeline.query import BadQuery, ReportQuery
from survey.vocabulary import Trust


def test_filters_are_lists_in_any_order_and_spelling():
    query = ReportQuery.parse(
        "2026-10",
        {"team": "Surveys,web-analytics,,surveys", "rating": "5, 1", "trust": "signed", "x": "y"},
    )
    assert query.teams == ("surveys", "web_analytics")
    assert query.ratings == (1, 5)
    assert query.trusts == (Trust.SIGNED,)
    assert query.parameters() == {
        "team": "surveys,web_analytics",
        "rating": "1,5",
        "trust": "signed",
    }
    assert ReportQuery.parse("2026-10", query.parameters()) == query


def test_without_filters_everything_is_included():
    query = ReportQuery.parse("2026", {"team": "", "rating": " "})
    assert not query.is_filtered
    assert query.includes("any", 1, "unverified", None)


def test_a_response_must_pass_every_filter():
    query = ReportQuery.parse("2026-10", {"team": "surveys", "language": "de,unknown"})
    assert query.includes("surveys", 3, "known", "de")
    assert query.includes("surveys", 3, "known", None)
    assert not query.includes("surveys", 3, "known", "en")
    assert not query.includes("other", 3, "known", "de")


@pytest.mark.parametrize(
    ("period", "parameters", "problem"),
    [
        ("2026-13", {}, "'2026-13' is no period"),
        ("2026-10", {"rating": "0"}, "'0' is no rating"),
        ("2026-10", {"trust": "all"}, "'all' says no trust"),
        ("2026-10", {"team": "x" * 201}, "200 characters"),
        ("2026-10", {"language": ",".join(map(str, range(101)))}, "100 values"),
    ],
)
def test_what_cannot_be_read_is_named(period, parameters, problem):
    with pytest.raises(BadQuery, match=problem):
        ReportQuery.parse(period, parameters)
