"""`/metrics`: figures for those who have the token, nothing for anybody else."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import insert, text

from survey.site.app import create_app
from survey.store import outbox
from survey.store.daily_figures import add_figures
from survey.store.job_runs import note_failure, note_start, note_success
from survey.store.messages import NewMessage, add_messages, mark_dead, mark_sent
from survey.store.models import Channel, ErasureRow
from survey.store.quota import begin_quota, end_quota
from survey.vocabulary import DailyFigure, InvitationOutcome
from tests.support.donations import OCTOBER, Donations
from tests.support.invitations import GivenInvitation, invite, not_asked
from tests.support.pages import LINK, address
from tests.support.settings import make_settings
from tests.support.site import running_site, wait_until

SECOND = timedelta(seconds=1)
TOKEN = {"Authorization": "Bearer let me in"}


@pytest.fixture
def client(database_url, database, clock):
    settings = make_settings(database_url=database_url, metrics_token="let me in")
    return create_app(settings, database, clock).test_client()


def figures(text):
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_without_a_token_in_the_settings_there_is_no_such_page(settings, database):
    response = create_app(settings, database).test_client().get("/metrics", headers=TOKEN)
    assert response.status_code == 404


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", "let me in", "Bearer lét me in"]
)
def test_a_wrong_token_is_refused(client, authorization):
    response = client.get("/metrics", headers={"Authorization": authorization})
    assert response.status_code == 401
    assert "csat_" not in response.text


def test_the_outbox_is_counted(client, fill, clock):
    fill(3)
    clock.advance(seconds=90)
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    assert shown['csat_outbox_waiting{channel="posthog"}'] == 3
    assert shown['csat_outbox_oldest_seconds{channel="posthog"}'] == 90
    assert shown['csat_outbox_waiting{channel="mail"}'] == 0
    assert shown["csat_outbox_delivered_total"] == 0
    assert shown["csat_outbox_dead_total"] == 0


def test_dead_letters_are_counted_as_long_as_they_are_dead(client, fill, database, clock):
    fill(3)
    with database.writing() as connection:
        outbox.dead_letter(connection, [1, 2], clock(), "PostHog answered 400", "")
    dead_now = 'csat_outbox_dead_now{channel="posthog"}'
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    assert (shown[dead_now], shown["csat_outbox_dead_total"]) == (2, 2)
    with database.writing() as connection:
        outbox.requeue(connection, clock())
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    assert (shown[dead_now], shown["csat_outbox_dead_total"]) == (0, 2)


def test_messages_are_counted_by_channel(client, database, clock):
    at = clock()
    new = [NewMessage(key, Channel.ALERT_MAIL, "42", "{}", at) for key in "abc"]
    with database.writing() as connection:
        add_messages(connection, new, at)
        mark_sent(connection, [1], at)
        mark_dead(connection, [2], at, "the recipient was refused (550)", "to jane@x: no")
    clock.advance(seconds=60)
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    for name, value in (
        *(("waiting", 1), ("oldest_seconds", 60)),
        *(("dead_now", 1), ("delivered_lately", 1)),
    ):
        assert shown[f'csat_outbox_{name}{{channel="alert_mail"}}'] == value
    clock.advance(hours=24)
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    assert shown['csat_outbox_delivered_lately{channel="alert_mail"}'] == 0


def test_the_last_run_of_each_job_is_told(client, database, clock):
    began = clock()
    with database.writing() as connection:
        note_start(connection, "send_messages", began)
        note_success(connection, "send_messages", began + SECOND)
        note_failure(connection, "close_due_months", began, "no rate")
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    at = began.timestamp()
    assert shown['csat_tick_started_timestamp_seconds{job="send_messages"}'] == at
    assert shown['csat_tick_succeeded_timestamp_seconds{job="send_messages"}'] == at + 1
    assert shown['csat_tick_failed_timestamp_seconds{job="close_due_months"}'] == at
    assert 'csat_tick_failed_timestamp_seconds{job="send_messages"}' not in shown


def test_months_that_are_not_closed_are_counted_once_one_is(client, database, settings, clock):
    name = "csat_close_months_due"
    assert name not in figures(client.get("/metrics", headers=TOKEN).text)
    donations = Donations(database, settings)
    donations.set_rate(OCTOBER)
    donations.close(OCTOBER)
    told = []
    # A month can be closed an hour after its end.
    for at in ("2026-11-30T23:59Z", "2026-12-01T00:59Z", "2026-12-01T01:00Z", "2027-01-01T01:00Z"):
        clock.time = datetime.fromisoformat(at)
        told.append(figures(client.get("/metrics", headers=TOKEN).text)[name])
    assert told == [0, 0, 1, 2]
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    end_of_october = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    assert shown["csat_close_last_month_timestamp_seconds"] == end_of_october


def test_what_came_of_today_is_told(client, database, clock):
    today, yesterday = clock(), clock() - timedelta(days=1)
    invite(database, GivenInvitation("1", today, decided_at=today))
    invite(database, GivenInvitation("2", yesterday, decided_at=yesterday))
    invite(database, not_asked("3", InvitationOutcome.COOLDOWN, decided_at=today))
    with database.writing() as connection:
        for day, value in ((today, 3), (yesterday, 5)):
            add_figures(
                connection,
                {
                    (day.date(), DailyFigure.UNVERIFIED_TICKETS): value,
                    (day.date(), DailyFigure.REFUSED_CLIENT): value + 1,
                },
            )
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    assert shown['csat_invitations_today{outcome="sent"}'] == 1
    assert shown['csat_invitations_today{outcome="cooldown"}'] == 1
    assert shown['csat_invitations_today{outcome="queued"}'] == 0
    assert shown["csat_unverified_tickets_today"] == 3
    assert shown['csat_submits_refused_today{limit="client"}'] == 4
    assert shown['csat_submits_refused_today{limit="day"}'] == 0


def test_erasures_that_posthog_has_not_done_are_told(client, database, clock):
    at = clock()
    clock.advance(seconds=90)
    proof = {
        "key_id": "k",
        "erased_at": at,
        "confirmed_by": "ada",
        "counts": "{}",
        "checked_at": None,
    }
    with database.writing() as connection:
        for pseudonym, requested_at, deleted_at, uuids in (
            *(("a", at, None, "[]"), ("b", at + SECOND, None, "[]"), ("c", None, None, "[]")),
            # One is done, and one is of a person whom PostHog does not know.
            *(("d", at, at, None), ("e", None, None, None)),
        ):
            row = {
                "pseudonym": pseudonym,
                "requested_at": requested_at,
                "deleted_at": deleted_at,
                "person_uuids": uuids,
            }
            connection.execute(insert(ErasureRow), {**proof, **row})
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    assert shown['csat_erasures_open{state="waiting"}'] == 2
    assert shown['csat_erasures_oldest_seconds{state="waiting"}'] == 90
    assert shown['csat_erasures_open{state="not_asked"}'] == 1


def test_answers_are_counted_by_outcome_and_trust(client):
    def read(outcome):
        name = f'csat_answers_total{{outcome="{outcome}",trust="unverified"}}'
        return figures(client.get("/metrics", headers=TOKEN).text).get(name, 0)

    outcomes = ("response", "edit", "repeat", "other_person")
    before = [read(outcome) for outcome in outcomes]
    form = {"rating": "5", "submit_id": "s"}
    for changed in ({}, {}, {"rating": "4"}):
        client.post(address(), data={**form, **changed})
    client.post(address(distinct_id="joe"), data=form)
    after = [read(outcome) for outcome in outcomes]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 1, 1]


def test_a_store_that_cannot_be_read_has_no_figures_and_the_others_stay(client, database, capsys):
    with database.writing() as connection:
        connection.execute(text("alter table outbox rename to gone"))
    answer = client.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    assert "csat_outbox" not in answer.text
    assert "csat_http_request_seconds" in answer.text
    assert "the store's figures cannot be read" in capsys.readouterr().err


def test_the_quota_shows_while_posthog_drops_events_for_it(client, database, clock):
    def shown():
        return figures(client.get("/metrics", headers=TOKEN).text)["csat_outbox_over_quota"]

    with database.writing() as connection:
        begin_quota(connection, clock())
    assert shown() == 1
    with database.writing() as connection:
        end_quota(connection)
    assert shown() == 0


def test_requests_are_timed_by_page_not_by_address(client):
    sample = 'csat_http_request_seconds_count{method="GET",page="/",status="200"}'
    before = figures(client.get("/metrics", headers=TOKEN).text).get(sample, 0)
    client.get(address())
    client.get("/a/made/up/address")
    text = client.get("/metrics", headers=TOKEN).text
    assert figures(text)[sample] == before + 1
    assert "made/up" not in text
    assert 'page="other",status="404"' in text
    assert "jane" not in text


def test_all_processes_of_a_server_count_together(tmp_path, posthog):
    settings = {
        "CSAT_METRICS_TOKEN": "let me in",
        "CSAT_POSTHOG_KEY": "phc_x",
        "CSAT_POSTHOG_HOST": posthog.url,
    }
    delivered = 'csat_posthog_request_seconds_count{outcome="accepted"}'
    with running_site(tmp_path, "--workers", "2", **settings) as site:
        for number in range(20):
            link = {**LINK, "ticketId": str(number)}
            requests.post(site.url, link, params=link, timeout=5, allow_redirects=False)
            form = {"rating": "5"}
            requests.post(site.url, form, params=link, timeout=5, allow_redirects=False)
        assert posthog.wait_for_events(20)

        def read() -> dict[str, float]:
            return figures(requests.get(f"{site.url}/metrics", headers=TOKEN, timeout=5).text)

        # A request is counted when PostHog's answer is there, a little after it has the events.
        wait_until(lambda: read().get(delivered, 0) > 0)
        shown = read()
    accepted = 'csat_http_request_seconds_count{method="POST",page="/",status="303"}'
    refused = 'csat_http_request_seconds_count{method="POST",page="/",status="400"}'
    assert (shown[accepted], shown[refused]) == (20, 20)
