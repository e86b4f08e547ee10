"""The HogQL of the insights reads events as the rules do."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from demo.standin_sql import evaluate
from survey.counting_rules import CountingRules
from survey.event_values import PropertyKeys, read_answer
from survey.posthog.hogql import csat_by_month, csat_by_team, latest_comments, response_rate
from tests.support.examples import examples
from tests.support.settings import make_settings

SETTINGS = make_settings(survey_id="ours")
KEYS = PropertyKeys.of(CountingRules.of(SETTINGS))
AT = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)

ratings = st.sampled_from(
    [1, 5, 4.0, 0, 6, 4.5, -1, True, None, "", " ", "3", " 2.00 ", "4.5", "5 stars", "0", [4], {}]
)
teams = st.sampled_from(
    [
        None,
        "",
        " ",
        "surveys",
        "Sales & CS",
        "Web-analytics ",
        "__",
        "Équipe Ü",
        "日本",
        "a'b\\c",
        7,
    ]
)


def event(number, at=AT, name="survey sent", distinct_id="ann", **properties):
    given_properties = {"$survey_id": "ours", "ticketId": str(number), **properties}
    uuid = f"00000000-0000-0000-0000-{number:012d}"
    named = {"event": name, "distinct_id": distinct_id, "timestamp": at, "uuid": uuid}
    return {**named, "properties": given_properties}


def rows_of(query, events, now=AT):
    (found,) = evaluate([query(SETTINGS, "ours")], events, now)
    return found["result"]


def is_number(value):
    return value not in (None, "") and not isinstance(value, str)


@given(st.lists(st.tuples(ratings, ratings, teams, teams), min_size=1, max_size=20))
@hypothesis_settings(max_examples=examples(6), deadline=None)
def test_ratings_and_teams_are_read_as_by_the_rules(given_values):
    events = [
        event(
            number,
            team=team,
            ticketTeam=older,
            # Of a number under the id, getSurveyResponse may know nothing: then it stands under
            # the index, too, as PostHog's own pages send it.
            **{KEYS.rating: by_id, KEYS.rating_by_index: by_id if is_number(by_id) else by_index},
        )
        for number, (by_id, by_index, team, older) in enumerate(given_values)
    ]
    read = [read_answer(e["uuid"], "ann", AT, e["properties"], KEYS) for e in events]
    valid = [each for each in read if each.rating is not None]
    expected = {}
    for each in valid:
        expected.setdefault(each.team, []).append(each.rating)
    found = {row[0]: row[1:3] for row in rows_of(csat_by_team, events)}
    assert found == {
        team: [len(given), sum(rating >= 4 for rating in given)] for team, given in expected.items()
    }


def test_events_of_others_and_without_a_ticket_count_nowhere():
    good = event(1, **{KEYS.rating_by_index: 5})
    events = [
        good,
        event(2, **{KEYS.rating_by_index: 5, "$survey_id": "theirs"}),
        event(3, **{KEYS.rating_by_index: 5, "ticketId": " "}),
        event(4, name="survey dismissed", **{KEYS.rating_by_index: 5}),
    ]
    assert rows_of(csat_by_month, events) == [["2026-10", 1, 100.0, None]]


def test_what_the_predecessor_sent_for_a_ticket_is_one_response():
    first = event(1, **{KEYS.rating_by_index: 2, "ticketTeam": "Surveys", "ticketId": 42})
    second = event(2, AT + timedelta(days=1), **{KEYS.rating_by_index: 5, "ticketId": "42"})
    assert rows_of(csat_by_month, [second, first]) == [["2026-10", 1, 100.0, None]]


def test_the_month_before_is_the_one_of_the_calendar():
    at = [datetime(2026, month, 14, tzinfo=UTC) for month in (7, 8, 10)]
    events = [
        event(number, when, **{KEYS.rating_by_index: 4 + number % 2 - 1})
        for number, when in enumerate(at)
    ]
    assert rows_of(csat_by_month, events) == [
        ["2026-07", 1, 0.0, None],
        ["2026-08", 1, 100.0, 0.0],
        ["2026-10", 1, 0.0, None],
    ]


def test_a_comment_that_was_taken_back_is_not_listed():
    common = {"$survey_submission_id": "s", KEYS.rating: "3"}
    first = event(1, **common, **{KEYS.comment: "slow"})
    events = [first, event(1, AT + timedelta(hours=1), **common, **{KEYS.comment: ""})]
    events[1]["uuid"] = "00000000-0000-0000-0000-00000000000f"
    assert rows_of(latest_comments, events[:1]) == [
        ["2026-10-14 10:30", "1", "unassigned", 3, "slow"]
    ]
    assert rows_of(latest_comments, events) == []


def test_the_response_rate_counts_tickets_once():
    shown = [event(n, name="survey shown", at=AT + timedelta(days=n)) for n in (1, 1, 2, 3)]
    sent = [event(1, **{KEYS.rating: "4"}, at=AT + timedelta(days=40)), event(3)]
    assert rows_of(response_rate, [*shown, *sent]) == [["2026-10", 3, 1, 33.33]]
