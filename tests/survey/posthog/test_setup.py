"""PostHog set up as code: made once, put back when changed, and nothing of others touched."""

from datetime import UTC, datetime

import pytest

from demo.behaviour import Behaviour, How, accept_then_reset, answer, garbage, reset, truncate
from survey.differences import Sign
from survey.posthog.applying import NotDone, apply_plan
from survey.posthog.errors import PostHogError
from survey.posthog.planning import MoreThanOne, make_plan
from survey.posthog.reading import PAGE_SIZE, read_found
from survey.posthog.wanted import DASHBOARD_NAME, INSIGHTS, NO_SURVEY, Kind
from survey.posthog.wording import describe_change, describe_plan
from survey.settings import DEFAULT_COMMENT_QUESTION_ID, DEFAULT_RATING_QUESTION_ID
from tests.support.settings import make_settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTINGS = make_settings()
ALL_THINGS = {"surveys": 1, "insights": len(INSIGHTS), "dashboards": 1}


@pytest.fixture
def set_up(posthog_client, passing):
    """Apply the plan; what was done, in words."""

    def set_up(settings=SETTINGS):
        done = []
        plan = apply_plan(posthog_client, settings, NOW, done.append, sleep=passing.sleep)
        assert not plan.changes
        return [(change.kind.word, change.number is None, change.differences) for change in done]

    return set_up


def count(posthog):
    """How many things there are of each kind that are not deleted."""
    return {
        kind: sum(not each.get("deleted") for each in things)
        for kind, things in posthog.setup.things.items()
    }


def writes(posthog):
    return [each for each in posthog.setup.asked if not each.startswith("GET ")]


def board(posthog):
    (found,) = posthog.setup.things["dashboards"]
    return found


def tiles(posthog):
    return [each for each in board(posthog)["tiles"] if not each["deleted"]]


def insight(posthog, key):
    named = [each for each in posthog.setup.things["insights"] if key in each["description"]]
    return named[-1]


def test_a_fresh_project_gets_it_all(posthog, set_up):
    set_up()
    assert count(posthog) == ALL_THINGS
    (survey,) = posthog.setup.things["surveys"]
    assert survey["type"] == "api"
    assert survey["start_date"] == NOW.isoformat()
    assert [each["id"] for each in survey["questions"]] == [
        DEFAULT_RATING_QUESTION_ID,
        DEFAULT_COMMENT_QUESTION_ID,
    ]
    for each in posthog.setup.things["insights"]:
        assert f"'{survey['id']}'" in each["query"]["source"]["query"]
        assert each["id"] in [tile["insight"] for tile in tiles(posthog)]
    (note,) = [each for each in tiles(posthog) if each["text"]]
    assert "Where the report differs" in note["text"]["body"]
    places = [each["layouts"]["sm"] for each in tiles(posthog)]
    assert len(places) == len(INSIGHTS) + 1
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))  # no tile lies on another one
    assert max(x for x, _ in cells) == 11


def test_a_second_time_nothing_is_sent(posthog, set_up):
    set_up()
    before = len(writes(posthog))
    assert set_up() == []
    assert len(writes(posthog)) == before


def test_a_dry_run_changes_nothing(posthog, posthog_client):
    plan = make_plan(read_found(posthog_client), SETTINGS, NOW)
    assert len(plan.changes) == sum(ALL_THINGS.values())
    assert writes(posthog) == []
    assert NO_SURVEY in "\n".join(line.text for line in describe_plan(plan))


def test_an_insight_that_was_edited_by_hand_is_put_back_and_said(posthog, set_up, posthog_client):
    set_up()
    edited = insight(posthog, "csat-by-team")
    edited["query"]["source"]["query"] = "SELECT 1\x1b[31m"
    edited["query"]["version"] = 2  # PostHog adds such fields by itself
    plan = make_plan(read_found(posthog_client), SETTINGS, NOW)
    (change,) = plan.changes
    lines = describe_change(change, is_done=False)
    assert 'the insight "CSAT by team, this month" differs in query' in lines[0].text
    assert "would be put back" in lines[0].text
    (gone,) = [line for line in lines if line.sign is Sign.GONE]
    assert gone.text.strip() == "query: SELECT 1?[31m"
    assert set_up() == [("insight", False, ["query"])]
    assert "SELECT\n    team" in insight(posthog, "csat-by-team")["query"]["source"]["query"]
    assert set_up() == []


def test_wording_layout_and_note_are_put_back(posthog, set_up):
    set_up()
    insight(posthog, "csat-by-month")["name"] = "Happiness"
    board(posthog)["name"] = "Happiness"
    first, *_, note = sorted(tiles(posthog), key=lambda each: each["text"] is not None)
    first["layouts"] = {"sm": {"x": 3, "y": 9, "w": 1, "h": 1, "minW": 2}}
    note["text"]["body"] = f"Ask Jane. {note['text']['body']}"
    assert set_up() == [
        ("insight", False, ["name"]),
        ("dashboard", False, ["name", "tiles", "note"]),
    ]
    assert board(posthog)["name"] == DASHBOARD_NAME
    assert len(tiles(posthog)) == len(INSIGHTS) + 1


def test_a_stopped_survey_runs_again_and_keeps_its_question_ids(posthog, set_up):
    set_up()
    (survey,) = posthog.setup.things["surveys"]
    survey |= {"end_date": NOW.isoformat(), "archived": True, "name": "Stopped"}
    survey["questions"][1] |= {"question": "Why?", "translations": {"de": {"question": "Warum?"}}}
    assert set_up() == [("survey", False, ["name", "questions", "is_running"])]
    assert (survey["end_date"], survey["archived"]) == (None, False)
    ids = [each["id"] for each in survey["questions"]]
    assert ids == [DEFAULT_RATING_QUESTION_ID, DEFAULT_COMMENT_QUESTION_ID]
    assert survey["questions"][1]["translations"] == {"de": {"question": "Warum?"}}


def test_whoever_changes_only_the_name_sends_question_ids_too(posthog, set_up, posthog_client):
    set_up()
    posthog.setup.things["surveys"][0]["name"] = "Another"
    (change,) = make_plan(read_found(posthog_client), SETTINGS, NOW).changes
    assert [each["id"] for each in change.body["questions"]] == [
        DEFAULT_RATING_QUESTION_ID,
        DEFAULT_COMMENT_QUESTION_ID,
    ]


@pytest.mark.parametrize("kind", ["surveys", "insights", "dashboards"])
def test_what_was_deleted_is_made_again(posthog, set_up, kind):
    set_up()
    if kind == "surveys":
        posthog.setup.things[kind].clear()  # PostHog does not keep these
    else:
        posthog.setup.things[kind][0]["deleted"] = True
    done = set_up()
    assert (kind[:-1], True) in [(word, is_new) for word, is_new, _ in done]
    assert count(posthog) == ALL_THINGS
    assert set_up() == []


def test_a_tile_that_was_taken_off_comes_back(posthog, set_up):
    set_up()
    taken = insight(posthog, "response-rate")
    own = next(each for each in tiles(posthog) if each["insight"] == taken["id"])
    own["deleted"] = True
    other = {**own, "id": 201, "deleted": False}
    theirs = {"id": 200, "name": "Theirs", "description": "", "deleted": False}
    posthog.setup.things["dashboards"].append({**theirs, "tiles": [other]})
    assert set_up() == [("insight", False, ["on_the_dashboard"])]
    # It stays on the dashboard of somebody else.
    assert (own["deleted"], other["deleted"]) == (False, False)


def test_a_posthog_that_knows_tiles_alone_takes_no_insight_off_a_dashboard(set_up, posthog_client):
    set_up()
    found = read_found(posthog_client)
    shown = dict(found.insights["response-rate"])
    shown["dashboard_tiles"] = [
        {"dashboard_id": 200},
        {"dashboard_id": 201, "deleted": True},
    ]
    del shown["dashboards"]
    (change,) = make_plan(found.with_insight("response-rate", shown), SETTINGS, NOW).changes
    assert change.body == {"dashboards": [200, found.dashboard["id"]]}


@pytest.mark.parametrize("failure", [accept_then_reset(), truncate()], ids=["reset", "truncate"])
@pytest.mark.parametrize("place", range(sum(ALL_THINGS.values()) + 1))
def test_nothing_is_made_twice_if_an_answer_is_lost(posthog, set_up, passing, failure, place):
    method, before = ("POST", place) if place < sum(ALL_THINGS.values()) else ("PATCH", 3)
    if before:
        posthog.setup.behave(method, Behaviour(accepts=True), before)
    posthog.setup.behave(method, failure, 1)
    set_up()
    assert count(posthog) == ALL_THINGS
    assert len([each for each in tiles(posthog) if each["text"]]) == 1
    assert any(seconds >= 5 for seconds in passing.sleeps)  # PostHog may still be at it
    assert set_up() == []


def test_what_never_arrived_is_sent_again(posthog, set_up):
    posthog.setup.behave("POST", reset(), 1)
    posthog.setup.behave("POST", answer(502), 1)
    set_up()
    assert count(posthog) == ALL_THINGS


def test_whoever_is_asked_to_wait_waits(posthog, set_up, passing):
    posthog.setup.behave("POST", answer(429, headers={"Retry-After": "42"}), 1)
    posthog.setup.behave("GET", answer(429, headers={"Retry-After": "7"}), 1)
    set_up()
    assert {42.0, 7.0} <= set(passing.sleeps)
    assert count(posthog) == ALL_THINGS


def test_a_wait_without_bound_ends_with_an_error(posthog, set_up, passing):
    posthog.setup.behave("POST", answer(429, headers={"Retry-After": "4000"}))
    with pytest.raises(PostHogError, match="come back in 4000 s"):
        set_up()
    assert passing.sleeps == []
    posthog.setup.behave("POST", answer(500))
    with pytest.raises(PostHogError, match="500"):
        set_up()
    assert sum(count(posthog).values()) == 0


@pytest.mark.parametrize("lacking", ["survey", "insight", "dashboard"])
def test_scopes_that_are_missing_are_named_before_anything_is_made(posthog, set_up, lacking):
    every = {"survey:write", "insight:write", "dashboard:write"}
    posthog.access.scopes["phx_standin"] = frozenset(every - {f"{lacking}:write"})
    with pytest.raises(PostHogError, match=f"{lacking}:read"):
        set_up()
    reading = {"survey:read", "insight:read", "dashboard:read"}
    posthog.access.scopes["phx_standin"] = frozenset(every - {f"{lacking}:write"} | reading)
    with pytest.raises(NotDone, match=f"lacks the scope {lacking}:write"):
        set_up()
    posthog.access.scopes["phx_standin"] = frozenset(reading)
    with pytest.raises(NotDone, match="survey:write, insight:write, dashboard:write"):
        set_up()
    assert sum(count(posthog).values()) == 0


def other_survey(posthog, **given):
    survey = {"id": "theirs", "name": SETTINGS.survey_name, "description": "", "questions": []}
    posthog.setup.things["surveys"].append({**survey, "start_date": "2025-01-01", **given})


def test_a_name_that_is_taken_is_explained_and_nothing_is_made(posthog, set_up):
    other_survey(posthog)
    with pytest.raises(NotDone) as raised:
        set_up()
    assert "CSAT_SURVEY_ID=theirs" in str(raised.value)
    assert "CSAT_SURVEY_NAME" in str(raised.value)
    assert count(posthog) == {"surveys": 1, "insights": 0, "dashboards": 0}


def test_a_name_that_is_taken_in_this_moment_is_explained_too(posthog, set_up):
    posthog.setup.behave("POST", answer(400, {"code": "unique"}), 1)
    with pytest.raises(NotDone, match="CSAT_SURVEY_NAME"):
        set_up()


def test_a_survey_of_somebody_else_can_be_used_and_is_left_alone(posthog, set_up, posthog_client):
    other_survey(posthog)
    (theirs,) = posthog.setup.things["surveys"]
    before = dict(theirs)
    settings = make_settings(survey_id="theirs")
    set_up(settings)
    assert posthog.setup.things["surveys"] == [before]
    assert "'theirs'" in insight(posthog, "csat-by-month")["query"]["source"]["query"]
    (remark,) = make_plan(read_found(posthog_client), settings, NOW).remarks
    assert "CSAT_RATING_QUESTION_ID" in remark


def test_things_of_others_with_our_names_are_left_alone(posthog, set_up):
    theirs = {"id": 7, "name": "CSAT by month", "description": "mine", "deleted": False}
    posthog.setup.things["insights"].append({**theirs, "query": {}, "dashboards": []})
    posthog.setup.things["dashboards"].append({**theirs, "name": DASHBOARD_NAME, "tiles": []})
    before = [dict(posthog.setup.things[kind][0]) for kind in ("insights", "dashboards")]
    set_up()
    assert [posthog.setup.things[kind][0] for kind in ("insights", "dashboards")] == before
    tile = {"id": 9, "insight": None, "text": {"id": 8, "body": "theirs"}, "layouts": {}}
    posthog.setup.things["dashboards"][1]["tiles"].append({**tile, "deleted": False})
    assert set_up() == []


def test_our_things_are_found_on_whatever_page_they_stand(posthog, set_up):
    set_up()
    posthog.setup.things["insights"][:0] = [
        {"id": 1000 + n, "name": "x", "description": None, "deleted": False}
        for n in range(PAGE_SIZE + 50)
    ]
    assert set_up() == []


def test_two_things_with_one_marker_are_for_people_to_sort_out(posthog, set_up):
    set_up()
    copy = {**insight(posthog, "csat-by-month"), "id": 999}
    posthog.setup.things["insights"].append(copy)
    with pytest.raises(MoreThanOne, match="999"):
        set_up()


def test_a_posthog_that_does_not_keep_what_it_is_sent_is_told_of(posthog, set_up):
    set_up()
    insight(posthog, "csat-by-month")["name"] = "X"
    frozen = insight(posthog, "csat-by-month")
    posthog.setup.behave("PATCH", answer(200, dict(frozen)))
    # The scopes are asked for by a PATCH, too, and seem to be there.
    with pytest.raises(NotDone, match="did not keep name"):
        set_up()


@pytest.mark.parametrize("body", [garbage(), answer(200, {"results": 1}), answer(200, {})])
def test_what_is_no_posthog_is_told_of(posthog, set_up, body):
    posthog.setup.behave("GET", body)
    with pytest.raises(PostHogError, match="not as PostHog does"):
        set_up()


def test_settings_decide_what_is_set_up(posthog, set_up):
    settings = make_settings(
        survey_name="Wie war's?",
        rating_question="How was it?|de=Wie war es?",
        rating_question_id="it's \\ 1",
        timezone="Pacific/Auckland",
    )
    set_up(settings)
    (survey,) = posthog.setup.things["surveys"]
    assert (survey["name"], survey["questions"][0]["question"]) == ("Wie war's?", "How was it?")
    query = insight(posthog, "csat-by-month")["query"]["source"]["query"]
    assert "'Pacific/Auckland'" in query
    assert "getSurveyResponse(0, 'it\\'s \\\\ 1')" in query
    assert len(posthog.setup.evaluate(posthog.setup.things["insights"])) == len(INSIGHTS)


def test_a_survey_id_that_posthog_does_not_have_is_said(posthog, set_up, posthog_client):
    settings = make_settings(survey_id="gone")
    set_up(settings)
    own = posthog.setup.things["surveys"][0]["id"]
    (remark,) = make_plan(read_found(posthog_client), settings, NOW).remarks
    assert f"CSAT_SURVEY_ID={own}" in remark
    assert "'gone'" in insight(posthog, "csat-by-month")["query"]["source"]["query"]


def test_kinds_know_their_scopes():
    assert [each.write_scope for each in Kind] == [
        "survey:write",
        "insight:write",
        "dashboard:write",
    ]


def test_a_hang_is_no_second_thing(posthog, set_up, posthog_client, monkeypatch):
    monkeypatch.setattr(posthog_client._session, "_deadline", 0.3)
    posthog.setup.behave("POST", Behaviour(How.HANG, accepts=True), 1)
    set_up()
    assert count(posthog) == ALL_THINGS
