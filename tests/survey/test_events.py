"""The `survey sent` event: what is sent, and that it reads back as the answer it was."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.counting_rules import CountingRules
from survey.event_values import PropertyKeys, read_answer
from survey.events import Questions, build_event
from survey.links import Link, parse_link
from survey.rules import Answer
from survey.settings import DEFAULT_COMMENT_QUESTION_ID, DEFAULT_RATING_QUESTION_ID
from survey.vocabulary import Trust
from tests.support.events import NOON, Event, make_event
from tests.support.settings import make_settings


def read_event(event: Event, rules: CountingRules) -> Answer:
    values = (event[name] for name in ("uuid", "distinct_id", "timestamp", "properties"))
    return read_answer(*values, PropertyKeys.of(rules))


SETTINGS = make_settings(survey_id="survey-1", rating_question_id="R", comment_question_id="C")
LINK = {
    "distinct_id": "jane",
    "ticketId": "42.0",
    "team": "Web analytics",
    "initialTargetArea": "billing",
}
QUESTIONS = Questions(rating="Zufrieden?", comment="Warum?", language="de")


def an_answer(link: Link, **changes) -> Answer:
    given = {
        "uuid": "0192f1a4-0000-7000-8000-000000000001",
        "ticket_id": link.ticket_id,
        "distinct_id": link.person,
        "rating": 4,
        "comment": "Quick and kind.",
        "team": link.team,
        "answered_at": NOON,
        "trust": Trust.SIGNED,
        **changes,
    }
    return Answer(**given)


def build(answer: Answer, link: Link, settings=SETTINGS, team: str = "web_analytics"):
    return build_event(
        answer,
        QUESTIONS,
        initial_target_area=link.initial_target_area,
        team=team,
        submission_id="submission-1",
        settings=settings,
    )


def test_the_event_has_exactly_these_properties():
    link = parse_link(LINK)
    event = build(an_answer(link), link)
    properties = event.pop("properties")
    assert event == {
        "event": "survey sent",
        "distinct_id": "jane",
        "uuid": "0192f1a4-0000-7000-8000-000000000001",
        "timestamp": "2026-10-14T12:00:00.123456+00:00",
    }
    assert properties == {
        "$survey_id": "survey-1",
        "$survey_name": "Customer satisfaction score (CSAT)",
        "$survey_questions": [
            {"id": "R", "question": "Zufrieden?", "response": "4"},
            {"id": "C", "question": "Warum?", "response": "Quick and kind."},
        ],
        "$survey_response_R": "4",
        "$survey_response": "4",
        "$survey_response_C": "Quick and kind.",
        "$survey_response_1": "Quick and kind.",
        "$survey_submission_id": "submission-1",
        "$survey_completed": True,
        "$survey_language": "de",
        "$survey_question": "Zufrieden?",
        "ticketId": "42",
        "userId": "jane",
        "team": "web_analytics",
        "ticketTeam": "web_analytics",
        "initialTargetArea": "billing",
        "rating": 4,
        "link_trust": "signed",
        # HMAC-SHA256 under the first secret, as openssl computes it of the array in docs/rules.md.
        "link_proof": "fbd4b59ce7651fb9fa01c6d154b3557b5520e90e600f6ec8c0466c406b73bc7b",
        "$ignore_sent_at": True,
        "$geoip_disable": True,
        "$lib": "csat",
    }


def test_no_link_sets_anything_on_a_person():
    link = parse_link(LINK)
    assert not {"$set", "$set_once"} & build(an_answer(link), link)["properties"].keys()


def test_without_a_distinct_id_the_event_is_personless():
    link = parse_link({"ticketId": "42"})
    event = build(an_answer(link), link)
    assert event["distinct_id"] == "ticket:42"
    assert event["properties"]["$process_person_profile"] is False
    assert event["properties"]["userId"] is None


def test_without_a_comment_its_properties_are_empty_texts():
    link = parse_link(LINK)
    properties = build(an_answer(link, comment=None), link)["properties"]
    assert (properties["$survey_response_C"], properties["$survey_response_1"]) == ("", "")
    assert properties["$survey_questions"][1]["response"] == ""


def test_the_team_is_the_responses_also_where_the_answers_link_says_another():
    link = parse_link({**LINK, "team": "surveys"})
    properties = build(an_answer(link), link, team="web_analytics")["properties"]
    assert (properties["team"], properties["ticketTeam"]) == ("web_analytics", "web_analytics")


def test_the_time_is_in_utc_with_microseconds_even_at_a_full_second():
    link = parse_link(LINK)
    at = datetime(2026, 10, 14, 13, 0, 0, 0, timezone(timedelta(hours=1)))
    assert build(an_answer(link, answered_at=at), link)["timestamp"] == (
        "2026-10-14T12:00:00.000000+00:00"
    )


def test_without_settings_the_ids_are_the_projects_constants():
    link = parse_link(LINK)
    settings = make_settings()
    properties = build(an_answer(link), link, settings)["properties"]
    assert properties["$survey_id"] == settings.event_survey_id
    assert f"$survey_response_{DEFAULT_RATING_QUESTION_ID}" in properties
    assert f"$survey_response_{DEFAULT_COMMENT_QUESTION_ID}" in properties


# What a customer can type: no control characters (the form drops them), and not only blanks.
typed = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30)


@given(
    parameters=st.fixed_dictionaries(
        {"ticketId": typed.filter(str.strip)},
        optional={"distinct_id": typed, "team": typed, "initialTargetArea": typed},
    ),
    rating=st.integers(1, 5),
    comment=st.none() | typed.filter(str.strip) | st.just("two\nlines"),
    trust=st.sampled_from(Trust),
    at=st.datetimes(timezones=st.just(UTC)),
    survey_id=st.none() | st.just("survey-1"),
)
def test_an_answer_sent_reads_back_as_itself(parameters, rating, comment, trust, at, survey_id):
    settings = make_settings(survey_id=survey_id)
    link = parse_link(parameters)
    answer = an_answer(link, rating=rating, comment=comment, trust=trust, answered_at=at)
    sent = json.loads(json.dumps(build(answer, link, settings, team=link.team)))
    sent["timestamp"] = datetime.fromisoformat(sent["timestamp"])
    event = {
        "survey_id": settings.event_survey_id,
        "language": sent["properties"]["$survey_language"],
    }
    expected = Answer(**{**vars(answer), **event})
    assert read_event(sent, CountingRules.of(settings)) == expected


class TestReadingOldEvents:
    def test_an_event_of_the_predecessor(self):
        event = make_event(
            properties={
                "ticketId": 42,
                "userId": "jane",
                "ticketTeam": "Web analytics",
                "initialTargetArea": None,
                "$survey_id": "survey-1",
                "$survey_response": 5,
                "$survey_response_1": "",
            }
        )
        assert read_event(event, CountingRules.of(SETTINGS)) == Answer(
            uuid="u1",
            ticket_id="42",
            distinct_id="jane",
            rating=5,
            comment=None,
            team="web_analytics",
            answered_at=NOON,
            trust=Trust.UNVERIFIED,
            survey_id="survey-1",
        )

    @pytest.mark.parametrize(
        ("properties", "rating"),
        [
            ({"$survey_response_R": "2", "$survey_response": "5"}, 2),
            ({"$survey_response_R": None, "$survey_response": "5"}, 5),
            ({"$survey_response_R": " ", "$survey_response": "5"}, 5),
            # Present and neither null nor blank: it is the rating, though a bad one.
            ({"$survey_response_R": 0, "$survey_response": "5"}, None),
            ({"$survey_response_R": False, "$survey_response": "5"}, None),
            ({"$survey_response_other": "3"}, None),
            ({"rating": 4}, None),
        ],
    )
    def test_the_rating_is_under_the_questions_id_or_else_the_plain_key(self, properties, rating):
        assert (
            read_event(make_event(properties=properties), CountingRules.of(SETTINGS)).rating
            == rating
        )

    @pytest.mark.parametrize(
        ("properties", "comment"),
        [
            ({"$survey_response_C": " a ", "$survey_response_1": "b"}, " a "),
            ({"$survey_response_C": "\n ", "$survey_response_1": "b"}, "b"),
            ({"$survey_response_C": None, "$survey_response_1": " "}, None),
            ({"$survey_response_1": "half \ud83e"}, "half ?"),
            ({}, None),
        ],
    )
    def test_the_comment_likewise(self, properties, comment):
        assert (
            read_event(make_event(properties=properties), CountingRules.of(SETTINGS)).comment
            == comment
        )

    @pytest.mark.parametrize(
        ("properties", "team"),
        [
            ({"team": "Surveys", "ticketTeam": "x"}, "surveys"),
            ({"team": " ", "ticketTeam": "Sales & CS"}, "sales_cs"),
            ({"team": None, "ticketTeam": ""}, "unassigned"),
            ({}, "unassigned"),
        ],
    )
    def test_the_team_is_team_or_ticket_team_or_unassigned(self, properties, team):
        assert (
            read_event(make_event(properties=properties), CountingRules.of(SETTINGS)).team == team
        )

    @pytest.mark.parametrize(
        ("written", "ticket"),
        [
            *((42, "42"), (42.0, "42"), ("42", "42"), (" 42.0 ", "42"), (42.5, "42.5"), (0, "0")),
            *(("", None), (" ", None), (None, None), (True, None), ([42], None), ({}, None)),
            *((float("nan"), None), (float("inf"), None), (2**70, str(2**70))),
            *(("nan", "nan"), ("None", "None"), ("ZD-1", "ZD-1")),
        ],
    )
    def test_a_ticket_is_a_number_or_text(self, written, ticket):
        event = make_event(properties={"ticketId": written})
        assert read_event(event, CountingRules.of(SETTINGS)).ticket_id == ticket

    @pytest.mark.parametrize("missing", [None, "", "  "])
    def test_a_missing_distinct_id_reads_as_the_ticket(self, missing):
        assert (
            read_event(make_event(distinct_id=missing), CountingRules.of(SETTINGS)).distinct_id
            == "ticket:42"
        )

    @pytest.mark.parametrize("word", [None, "", "SIGNED", "trusted", 1, ["signed"], {}])
    def test_a_trust_that_is_not_one_of_ours_is_unverified(self, word):
        assert (
            read_event(make_event(link_trust=word), CountingRules.of(SETTINGS)).trust
            is Trust.UNVERIFIED
        )
