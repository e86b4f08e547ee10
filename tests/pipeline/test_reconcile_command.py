"""`csat reconcile` as a person runs it: answers received, delivered, and asked for again."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import insert, update

from demo.behaviour import answer, garbage
from demo.processes import free_port
from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from survey.clock import now
from survey.events import Questions
from survey.links import parse_link
from survey.months import Month
from survey.page_views import PageView, receive_page_views
from survey.receive import Submission, receive
from survey.rules import Answer
from survey.settings import DEFAULT_SURVEY_ID
from survey.store.models import AnswerCopyRow, Origin, OutboxRow
from survey.store.responses import NewAnswer, add_answers
from survey.store.voids import void_ticket
from survey.vocabulary import Trust
from tests.support.command import run_csat
from tests.support.erased import erase_person
from tests.support.events import read_export, write_jsonl, write_parquet
from tests.support.settings import make_settings

COMMENT = "words that nobody else should read"
HEADINGS = ["time", "ticket", "uuid", "side", "reason"]


@pytest.fixture
def at():
    """When all answers were given: just now, for the command's clock is the real one."""
    return now()


@pytest.fixture
def csat(settings, posthog):
    def csat(*arguments, **given):
        defaults = {
            "CSAT_DATABASE_URL": settings.database_url,
            "CSAT_POSTHOG_HOST": posthog.url,
            "CSAT_POSTHOG_KEY": "phc_test",
            "CSAT_POSTHOG_PROJECT_ID": PROJECT_ID,
            "CSAT_POSTHOG_PERSONAL_KEY": PERSONAL_KEY,
        }
        return run_csat(*arguments, **{**defaults, **given})

    return csat


@pytest.fixture
def reconcile(csat, settings, at):
    def reconcile(**given):
        month = str(Month.of(at, settings.timezone))
        return csat("reconcile", "--month", month, **given)

    return reconcile


@pytest.fixture
def answered(database, settings, at):
    """Receive an answer to a ticket; its uuid."""

    def answered(ticket, rating=5, settings=settings):
        link = parse_link({"ticketId": str(ticket), "distinct_id": f"customer-{ticket}"})
        submission = Submission(link, Trust.UNVERIFIED, rating, COMMENT, "s", Questions("How?"))
        return receive(database, settings, submission, at).uuid

    return answered


@pytest.fixture
def send(posthog, at):
    """Put an event of our survey into PostHog, past the store."""

    def send(uuid, ticket="77", survey_id=DEFAULT_SURVEY_ID):
        properties = {"ticketId": ticket, "$survey_id": survey_id, "$survey_response": "5"}
        event = {"event": "survey sent", "uuid": uuid, "timestamp": at.isoformat()}
        event |= {"distinct_id": "a stranger", "properties": properties}
        body = {"api_key": "phc_test", "batch": [event]}
        assert requests.post(f"{posthog.url}/batch/", json=body, timeout=5).ok

    return send


@pytest.fixture
def deliver(csat, database):
    """Deliver all that waits, and let an hour pass, if `ago` does not say otherwise."""

    def deliver(ago=timedelta(hours=1)):
        assert csat("deliver", "--once").returncode == 0
        with database.writing() as connection:
            delivered = update(OutboxRow).where(OutboxRow.delivered_at.is_not(None))
            connection.execute(delivered.values(delivered_at=now() - ago))

    return deliver


def differences(done):
    """The lines of the table, each as [ticket, uuid, side, reason]."""
    table, separator, _summary = done.stdout.partition("\n\n")
    if not separator:
        return []
    headings, *lines = table.splitlines()
    assert headings.split() == HEADINGS
    return [re.split(" {2,}", line)[1:] for line in lines]


def test_a_month_of_which_posthog_has_everything(answered, deliver, reconcile):
    for ticket in range(3):
        answered(ticket)
    deliver()
    done = reconcile()
    assert (done.returncode, done.stderr) == (0, "")
    assert differences(done) == []
    assert "3  the store expects at PostHog" in done.stdout
    assert "3  PostHog has" in done.stdout
    assert "3  both have" in done.stdout


def test_a_copy_says_nothing_of_the_answer_that_counts(database, answered, deliver, reconcile, at):
    uuid = answered(1)
    deliver()
    copy = {"uuid": uuid, "ticket_id": "1", "distinct_id": "customer-1", "rating": 5}
    copy |= {"team": "surveys", "answered_at": at, "link_trust": "unverified"}
    with database.writing() as connection:
        connection.execute(insert(AnswerCopyRow), {**copy, "fingerprint": "f", "properties": "{}"})
    done = reconcile()
    assert (done.returncode, differences(done)) == (0, [])
    assert "1  both have" in done.stdout


def test_page_views_are_no_answers_anywhere(
    database, settings, posthog, answered, deliver, reconcile, tmp_path, at
):
    uuid = answered(1)
    link = parse_link({"ticketId": "1", "distinct_id": "customer-1"})
    views = [PageView(link, Trust.UNVERIFIED, str(page), "en", at) for page in range(3)]
    assert receive_page_views(database, settings, views) == [True] * 3
    deliver()
    assert {event["event"] for event in posthog.submissions()} == {"survey sent", "survey shown"}
    done = reconcile()
    assert (done.returncode, differences(done)) == (0, [])
    assert "1  PostHog has" in done.stdout
    exported = [
        {**event, "timestamp": datetime.fromisoformat(event["timestamp"])}
        for event in posthog.submissions()
    ]
    for write, name in ((write_jsonl, "e.jsonl"), (write_parquet, "e.parquet")):
        answers = read_export(write(tmp_path / name, exported), settings)
        assert list(answers["uuid"]) == [uuid]


@pytest.mark.usefixtures("database")
def test_an_empty_month_is_no_difference(reconcile):
    done = reconcile()
    assert done.returncode == 0
    assert "0  both have" in done.stdout


def test_every_difference_is_listed_with_its_reason(
    database, posthog, answered, send, deliver, reconcile, at
):
    dropped, dead, void, both = (answered(ticket) for ticket in (1, 2, 3, 4))
    posthog.refuse(lambda event: event["properties"]["ticketId"] == "2")
    deliver()
    posthog.queries.forget(dropped)
    with database.writing() as connection:
        void_ticket(connection, "3", "a test of ours", at)
        imported = Answer("import-5", "5", "jane", 4, COMMENT, "surveys", at)
        add_answers(connection, [NewAnswer(imported, Origin.IMPORT)])
    send("import-5", "5")
    send("alien", "7\x1b[2J7")
    send("another survey's", survey_id="another")
    waiting = answered(6)

    done = reconcile()
    assert done.returncode == 1
    assert sorted(differences(done)) == sorted(
        [
            ["1", dropped, "not at PostHog", "dropped"],
            ["2", dead, "not at PostHog", "dead: PostHog answered 400"],
            ["3", void, "only at PostHog", "not counted: void"],
            ["5", "import-5", "only at PostHog", "imported"],
            ["6", waiting, "not at PostHog", "waiting"],
            ["7?[2J7", "alien", "only at PostHog", "unknown"],
        ]
    )
    assert both not in done.stdout
    for line in (
        "4  the store expects at PostHog",
        "4  PostHog has",
        "1  both have",
        "3  not at PostHog (1 dead, 1 dropped, 1 waiting)",
        "3  only at PostHog (1 imported, 1 not counted, 1 unknown)",
        "! dropped: ",
        "! unknown: ",
    ):
        assert line in done.stdout
    assert "! waiting" not in done.stdout
    assert "2 differences are not explained" in done.stderr
    for secret in (COMMENT, "customer-", "jane", "a stranger", PERSONAL_KEY):
        assert secret not in done.stdout + done.stderr


def test_what_waits_and_what_posthog_has_just_accepted_needs_no_explanation(
    posthog, answered, deliver, reconcile
):
    in_flight = answered(1)
    posthog.queries.forget(in_flight)
    deliver(ago=timedelta(minutes=5))
    waiting = answered(2)
    done = reconcile()
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(differences(done)) == [
        ["1", in_flight, "not at PostHog", "in flight"],
        ["2", waiting, "not at PostHog", "waiting"],
    ]


def test_an_answer_that_began_to_count_with_other_settings_was_never_sent(
    settings, answered, deliver, reconcile
):
    testers = make_settings(database_url=settings.database_url, test_distinct_ids="customer-1")
    was_test = answered(1, settings=testers)
    deliver()
    done = reconcile(CSAT_TEST_DISTINCT_IDS="customer-1")
    assert (done.returncode, differences(done)) == (0, [])
    done = reconcile()
    assert done.returncode == 1
    assert differences(done) == [["1", was_test, "not at PostHog", "never sent"]]


def test_an_edit_is_expected_beside_what_it_changed(posthog, answered, deliver, reconcile):
    answered(1)
    edit = answered(1, rating=2)
    deliver()
    posthog.queries.forget(edit)
    done = reconcile()
    assert differences(done) == [["1", edit, "not at PostHog", "dropped"]]
    assert "2  the store expects at PostHog" in done.stdout


def test_times_stand_in_the_time_zone_of_the_reports(settings, database, csat):
    link = parse_link({"ticketId": "1", "distinct_id": "jane"})
    submission = Submission(link, Trust.UNVERIFIED, 5, None, "s", Questions("How?"))
    # half an hour after London's November has begun, still October in New York
    receive(database, settings, submission, datetime(2025, 11, 1, 0, 30, tzinfo=UTC))
    london = csat("reconcile", "--month", "2025-11").stdout
    assert "2025-11-01 00:30:00+00:00  1" in london
    elsewhere = {"CSAT_TIMEZONE": "America/New_York"}
    assert "0  both have" in csat("reconcile", "--month", "2025-11", **elsewhere).stdout
    new_york = csat("reconcile", "--month", "2025-10", **elsewhere).stdout
    assert "2025-10-31 20:30:00-04:00  1" in new_york


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("setting", ["CSAT_POSTHOG_PROJECT_ID", "CSAT_POSTHOG_PERSONAL_KEY"])
def test_a_missing_setting_is_named(reconcile, posthog, setting):
    done = reconcile(**{setting: ""})
    assert done.returncode == 1
    assert f"{setting} is not set" in done.stderr
    assert posthog.queries.asked == []


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"CSAT_POSTHOG_PERSONAL_KEY": "phx_wrong"}, "CSAT_POSTHOG_PERSONAL_KEY"),
        ({"CSAT_POSTHOG_PROJECT_ID": "2"}, "CSAT_POSTHOG_PROJECT_ID"),
        ({"CSAT_POSTHOG_PROJECT_ID": "my project"}, "CSAT_POSTHOG_PROJECT_ID: write it in digits"),
        ({"CSAT_POSTHOG_APP_HOST": "eu.posthog.com"}, "CSAT_POSTHOG_APP_HOST: write a whole"),
        ({"CSAT_DATABASE_URL": "sqlite:///none.db"}, "there is no database at none.db"),
    ],
)
def test_a_wrong_setting_is_named(reconcile, given, reason):
    done = reconcile(**given)
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr
    assert "phx_wrong" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (answer(400, {"detail": "no such property"}), "no such property"),
        (answer(429, headers={"Retry-After": "3600"}), "come back in 3600 s"),
        (garbage(), "CSAT_POSTHOG_APP_HOST"),
    ],
)
def test_where_posthog_cannot_be_asked_nothing_is_claimed(
    answered, reconcile, posthog, behaviour, reason
):
    answered(1)
    posthog.queries.behave(behaviour)
    done = reconcile()
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("database")
def test_the_app_host_wins_over_the_host_that_takes_events(reconcile, posthog):
    nobody = f"http://127.0.0.1:{free_port()}"
    done = reconcile(CSAT_POSTHOG_HOST=nobody, CSAT_POSTHOG_APP_HOST=posthog.url)
    assert done.returncode == 0
    assert len(posthog.queries.asked) == 1


@pytest.mark.parametrize("arguments", [(), ("--month", "2026-13")])
def test_bad_usage(csat, arguments):
    done = csat("reconcile", *arguments)
    assert done.returncode == 2
    assert "--month" in done.stderr


def test_what_posthog_deleted_with_its_person_is_explained(
    database, posthog, answered, deliver, reconcile, at
):
    uuids = [answered(ticket) for ticket in range(3)]
    deliver()
    erase_person(database, "customer-1", at)
    posthog.queries.forget(uuids[1])
    done = reconcile()
    assert (done.returncode, done.stderr) == (0, "")
    assert differences(done) == [["1", uuids[1], "not at PostHog", "erased"]]
    assert "1  not at PostHog (1 erased)" in done.stdout
    posthog.queries.forget(uuids[2])
    done = reconcile()
    assert done.returncode == 1
    assert "2  not at PostHog (1 dropped, 1 erased)" in done.stdout
