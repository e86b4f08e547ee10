"""The stand-in's surveys, insights and dashboards behave as PostHog's sources say."""

import requests

from demo.standin_access import PERSONAL_KEY, PROJECT_ID

QUERY = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "SELECT 1"}}


def ask(posthog, method, path, body=None, key=PERSONAL_KEY):
    return requests.request(
        method,
        f"{posthog.url}/api/projects/{PROJECT_ID}/{path}",
        json=body,
        headers={"Authorization": f"Bearer {key}"},
        timeout=5,
    )


def make(posthog, path, **body):
    done = ask(posthog, "POST", path, body)
    assert done.status_code == 201, done.text
    return done.json()


def change(posthog, path, **body):
    done = ask(posthog, "PATCH", path, body)
    assert done.status_code == 200, done.text
    return done.json()


def test_names_of_surveys_are_unique(posthog):
    make(posthog, "surveys/", name="CSAT")
    refused = ask(posthog, "POST", "surveys/", {"name": "CSAT"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unique")
    other = make(posthog, "surveys/", name="Other")
    assert ask(posthog, "PATCH", f"surveys/{other['id']}/", {"name": "CSAT"}).status_code == 400
    # Nothing else has such a rule.
    for _ in range(2):
        make(posthog, "insights/", name="CSAT")
        make(posthog, "dashboards/", name="CSAT")


def test_question_ids_are_kept_and_minted_anew_where_they_are_missing(posthog):
    survey = make(posthog, "surveys/", name="CSAT", questions=[{"id": "r", "question": "?"}])
    assert survey["questions"][0]["id"] == "r"
    path = f"surveys/{survey['id']}/"
    assert change(posthog, path, description="x")["questions"][0]["id"] == "r"
    assert change(posthog, path, questions=[{"question": "?"}])["questions"][0]["id"] != "r"


def test_tags_vanish_without_a_word(posthog):
    assert make(posthog, "insights/", name="x", tags=["csat"])["tags"] == []


def test_tiles_come_by_the_insight_and_not_with_the_dashboard(posthog):
    board = make(posthog, "dashboards/", name="x", tiles=[{"text": {"body": "no"}}])
    assert board["tiles"] == []
    insight = make(posthog, "insights/", name="x", query=QUERY, dashboards=[board["id"]])
    assert insight["dashboards"] == [board["id"]]
    path = f"dashboards/{board['id']}/"
    (tile,) = ask(posthog, "GET", path).json()["tiles"]
    assert tile["insight"]["id"] == insight["id"]
    place = {"sm": {"x": 1, "y": 2, "w": 3, "h": 4}}
    (moved,) = change(posthog, path, tiles=[{"id": tile["id"], "layouts": place}])["tiles"]
    assert moved["layouts"] == place
    # A tile that there is not is skipped without a word.
    assert len(change(posthog, path, tiles=[{"id": 1, "layouts": place}])["tiles"]) == 1
    change(posthog, f"insights/{insight['id']}/", dashboards=[])
    assert ask(posthog, "GET", path).json()["tiles"] == []
    refused = ask(posthog, "PATCH", f"insights/{insight['id']}/", {"dashboards": [1]})
    assert refused.status_code == 400


def test_a_text_tile_without_ids_is_made_anew_each_time(posthog):
    board = make(posthog, "dashboards/", name="x")
    path = f"dashboards/{board['id']}/"
    for _ in range(2):
        found = change(posthog, path, tiles=[{"text": {"body": "note"}}])
    assert len(found["tiles"]) == 2
    tile = found["tiles"][0]
    text = {"id": tile["text"]["id"], "body": "other"}
    found = change(posthog, path, tiles=[{"id": tile["id"], "text": text}])
    assert [each["text"]["body"] for each in found["tiles"]] == ["other", "note"]


def test_lists_come_in_pages_without_what_was_deleted(posthog):
    numbers = [make(posthog, "insights/", name=str(n))["id"] for n in range(5)]
    change(posthog, f"insights/{numbers[0]}/", deleted=True)
    first = ask(posthog, "GET", "insights/?limit=3").json()
    assert [each["id"] for each in first["results"]] == numbers[1:4]
    second = requests.get(
        first["next"], headers={"Authorization": f"Bearer {PERSONAL_KEY}"}, timeout=5
    ).json()
    assert ([each["id"] for each in second["results"]], second["next"]) == (numbers[4:], None)
    assert ask(posthog, "GET", f"insights/{numbers[0]}/").status_code == 404


def test_each_kind_has_its_scopes_and_writing_includes_reading(posthog):
    posthog.access.scopes["phx_some"] = {"survey:write", "insight:read"}
    asked = [
        ("GET", "surveys/", 200),
        ("PATCH", "surveys/0/", 404),
        ("GET", "insights/", 200),
        ("POST", "insights/", 403),
        ("PATCH", "insights/0/", 403),
        ("GET", "dashboards/", 403),
    ]
    for method, path, status in asked:
        done = ask(posthog, method, path, {} if method != "GET" else None, key="phx_some")
        assert (method, path, done.status_code) == (method, path, status)


def test_insights_are_evaluated_on_what_was_received(posthog):
    event = {"event": "survey sent", "uuid": "u", "distinct_id": "x", "properties": {"n": 4}}
    posthog.record({"batch": [{**event, "timestamp": "2026-10-14T09:30:00+00:00"}] * 2})
    query = {"source": {"query": "SELECT count() AS events, min(toInt(toString(properties.n))) "
                                 "AS n FROM events"}}  # fmt: skip
    insight = make(posthog, "insights/", name="x", query=query)
    assert "result" not in insight
    found = ask(posthog, "GET", f"insights/{insight['id']}/?refresh=force_blocking").json()
    assert (found["columns"], found["result"]) == (["events", "n"], [[1, 4]])
    for wrong in ("SELECT countif(1 = 1) FROM events", "SELECT 1 FROM persons", "SELEC 1"):
        change(posthog, f"insights/{insight['id']}/", query={"source": {"query": wrong}})
        done = ask(posthog, "GET", f"insights/{insight['id']}/?refresh=force_blocking")
        assert done.status_code == 400
