"""The client for PostHog's app: what it sends, how it waits, and what it says when refused."""

import threading

import pytest

from demo.behaviour import accept_then_reset, answer, garbage, redirect, reset, truncate
from demo.standin_access import PROJECT_ID
from survey.delivery.failures import FailureKind
from survey.posthog import client as client_module
from survey.posthog.client import PostHogClient
from survey.posthog.errors import PostHogError
from survey.posthog.persons import delete_persons, find_event_deletions, find_persons
from survey.retries import ATTEMPTS
from tests.support.raw_server import body_of, endlessly, raw_server

PERSON = "jane@example.com & sons"


@pytest.fixture
def sent(posthog):
    """An event of a person is at PostHog."""
    event = {"event": "survey sent", "uuid": "u", "distinct_id": PERSON, "properties": {}}
    posthog.record({"api_key": "phc_test", "batch": [event]})


def raised_by(call, *given) -> PostHogError:
    with pytest.raises(PostHogError) as raised:
        call(*given)
    assert PERSON not in str(raised.value)
    return raised.value


@pytest.mark.usefixtures("sent")
def test_a_person_is_found_deleted_and_followed(posthog, posthog_client):
    (person,) = find_persons(posthog_client, PERSON)
    assert person.distinct_ids == (PERSON,)
    assert find_persons(posthog_client, "a stranger") == []
    delete_persons(posthog_client, [person.uuid])
    assert find_persons(posthog_client, PERSON) == []
    (pending,) = find_event_deletions(posthog_client, person.uuid)
    posthog.persons.delete_events()
    (done,) = find_event_deletions(posthog_client, person.uuid)
    assert (pending.is_done, done.is_done, posthog.events) == (False, True, [])
    assert done.queued_at == pending.queued_at


@pytest.mark.usefixtures("sent")
def test_deleting_again_does_no_harm(posthog_client):
    (person,) = find_persons(posthog_client, PERSON)
    for _ in range(2):
        delete_persons(posthog_client, [person.uuid])
    assert len(find_event_deletions(posthog_client, person.uuid)) == 1


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize("failure", [answer(500), answer(503), reset(), truncate()], ids=str)
def test_what_may_pass_is_tried_again(posthog, posthog_client, failure, passing):
    posthog.persons.behave(failure, 2)
    assert len(find_persons(posthog_client, PERSON)) == 1
    assert len(passing.sleeps) == 2


@pytest.mark.usefixtures("sent")
def test_a_deletion_whose_answer_was_lost_is_asked_for_again(posthog, posthog_client):
    (person,) = find_persons(posthog_client, PERSON)
    posthog.persons.behave(accept_then_reset(), 1)
    delete_persons(posthog_client, [person.uuid])
    assert posthog.persons.asked.count("POST bulk_delete/") == 2
    assert len(find_event_deletions(posthog_client, person.uuid)) == 1


def test_posthog_says_how_long_to_wait(posthog, posthog_client, passing):
    posthog.persons.behave(answer(429, headers={"Retry-After": "17"}), 1)
    assert find_persons(posthog_client, PERSON) == []
    assert passing.sleeps == [17.0]


def test_nobody_waits_for_long(posthog, posthog_client, passing):
    posthog.persons.behave(answer(429, headers={"Retry-After": "4000"}))
    error = raised_by(find_persons, posthog_client, PERSON)
    assert error.kind is FailureKind.TRANSIENT
    assert "come back in 4000 s" in str(error)
    assert passing.sleeps == []
    posthog.persons.behave(answer(503))
    raised_by(find_persons, posthog_client, PERSON)
    assert len(passing.sleeps) == ATTEMPTS - 1


@pytest.mark.parametrize(
    ("call", "scope"),
    [
        (lambda client: find_persons(client, PERSON), "person:read"),
        (lambda client: find_event_deletions(client, "u"), "person:read"),
        (lambda client: delete_persons(client, ["u"]), "person:write"),
    ],
    ids=["find", "follow", "delete"],
)
@pytest.mark.parametrize("scopes", [{"query:read"}, None], ids=["no scope", "no key"])
def test_a_key_that_may_not_is_told_which_scope_it_lacks(
    posthog, posthog_client, passing, call, scope, scopes
):
    posthog.access.scopes = {"phx_standin": scopes} if scopes else {}
    error = raised_by(call, posthog_client)
    assert error.kind is FailureKind.NEEDS_OPERATOR
    assert f"the scope {scope}" in str(error)
    assert "CSAT_POSTHOG_PERSONAL_KEY" in str(error)
    assert passing.sleeps == []


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (answer(404), FailureKind.REJECTED, "check CSAT_POSTHOG_PROJECT_ID"),
        (answer(400, PERSON), FailureKind.REJECTED, "PostHog answered 400"),
        (redirect(), FailureKind.NEEDS_OPERATOR, "CSAT_POSTHOG_APP_HOST must name the address"),
        (garbage(), FailureKind.NEEDS_OPERATOR, "not as PostHog does"),
        (answer(200, [PERSON]), FailureKind.NEEDS_OPERATOR, "not as PostHog does"),
        (answer(200, {"results": [PERSON]}), FailureKind.NEEDS_OPERATOR, "not as PostHog does"),
        (answer(200, "[" * 100_000), FailureKind.NEEDS_OPERATOR, "not as PostHog does"),
    ],
)
def test_what_cannot_pass_is_said_at_once(posthog, posthog_client, passing, failure, kind, words):
    posthog.persons.behave(failure)
    error = raised_by(find_persons, posthog_client, PERSON)
    assert error.kind is kind
    assert words in str(error)
    assert passing.sleeps == []


@pytest.mark.parametrize(
    "told",
    [
        {"persons_found": 1, "deletion_errors": [{"step": "delete_clickhouse"}]},
        {"persons_found": 1, "events_queued_for_deletion": False, "deletion_errors": []},
    ],
)
def test_a_deletion_that_posthog_does_not_take_on_is_an_error(posthog, posthog_client, told):
    posthog.persons.behave(answer(202, told))
    assert raised_by(delete_persons, posthog_client, ["u"]).kind is FailureKind.TRANSIENT


def test_an_earlier_version_takes_it_on_without_a_word(posthog, posthog_client):
    posthog.persons.behave(answer(202))
    delete_persons(posthog_client, ["u"])


def test_of_other_persons_nothing_is_taken_for_an_answer(posthog, posthog_client):
    row = {"person_uuid": "other", "created_at": "2026-10-14T09:30:00Z", "status": "completed"}
    told = {"results": [{**row, "delete_verified_at": "2026-10-18T05:00:00Z"}]}
    posthog.persons.behave(answer(200, told))
    assert find_event_deletions(posthog_client, "u") == []
    (done,) = find_event_deletions(posthog_client, "other")
    assert done.is_done


@pytest.mark.parametrize("pause", [threading.Event(), None], ids=["slowly", "endlessly"])
def test_an_answer_without_an_end_is_given_up(monkeypatch, pause):
    monkeypatch.setattr(client_module, "DEADLINE_SECONDS", 0.5)
    monkeypatch.setattr(client_module, "LONGEST_ANSWER", 1_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
    with raw_server(endlessly(head, b" " * 1000, pause)) as port:
        client = PostHogClient(f"http://127.0.0.1:{port}", PROJECT_ID, "phx_x", attempts=1)
        raised_by(find_persons, client, PERSON)
        client.close()
    if pause is not None:
        pause.set()


def test_the_key_goes_where_the_settings_say_whatever_netrc_says(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login x password y\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    seen: list[bytes] = []
    with raw_server(body_of(b'{"results": []}'), seen=seen) as port:
        client = PostHogClient(f"http://127.0.0.1:{port}", PROJECT_ID, "phx_x")
        assert find_persons(client, PERSON) == []
        client.close()
    assert b"authorization: bearer phx_x" in seen[0]


def test_nobody_there_is_an_error_that_names_the_address():
    client = PostHogClient("http://127.0.0.1:1", PROJECT_ID, "phx_x", attempts=1)
    error = raised_by(find_persons, client, PERSON)
    assert error.kind is FailureKind.TRANSIENT
    assert "http://127.0.0.1:1 cannot be reached" in str(error)
    client.close()
