"""`/metrics`: figures for those who have the token, nothing for anybody else."""

import pytest
import requests

from survey.site.app import create_app
from survey.store import outbox
from survey.store.quota import begin_quota, end_quota
from tests.support.pages import LINK, address
from tests.support.settings import make_settings
from tests.support.site import running_site, wait_until

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
    assert shown["csat_outbox_waiting"] == 3
    assert shown["csat_outbox_oldest_seconds"] == 90
    assert shown["csat_outbox_delivered_total"] == 0
    assert shown["csat_outbox_dead_total"] == 0


def test_dead_letters_are_counted_as_long_as_they_are_dead(client, fill, database, clock):
    fill(3)
    with database.writing() as connection:
        outbox.dead_letter(connection, [1, 2], clock(), "PostHog answered 400", "")
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    assert (shown["csat_outbox_dead_now"], shown["csat_outbox_dead_total"]) == (2, 2)
    with database.writing() as connection:
        outbox.requeue(connection, clock())
    shown = figures(client.get("/metrics", headers=TOKEN).text)
    assert (shown["csat_outbox_dead_now"], shown["csat_outbox_dead_total"]) == (0, 2)


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
