"""Asking PostHog over real HTTP: pages that miss nothing, patience, and clear refusals."""

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests

from demo.behaviour import answer, garbage, hang, later, redirect, reset, truncate
from demo.processes import free_port
from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from pipeline.sources import posthog_client
from pipeline.sources.posthog_answer import QueryError
from pipeline.sources.posthog_client import PostHogClient
from pipeline.sources.posthog_query import EventQuery, EventRow, read_pages
from survey.months import Month

OPENS_AT, CLOSES_AT = Month(2026, 10).bounds(UTC)
NOON = datetime(2026, 10, 14, 12, 0, 0, 123456, UTC)
OF_TICKET = EventQuery(
    "event = {event} AND properties.$survey_id = {survey_id}",
    {"event": "survey sent", "survey_id": "s"},
    ["distinct_id", "properties.ticketId"],
)
SELECT = "SELECT uuid FROM events WHERE event = {event} ORDER BY timestamp, toString(uuid) LIMIT 9"
SENT = {"event": "survey sent"}


@pytest.fixture
def api(posthog):
    api = PostHogClient(posthog.url, PROJECT_ID, PERSONAL_KEY)
    yield api
    api.close()


@pytest.fixture
def send(posthog):
    """Put events into PostHog, given as (uuid, time)."""

    def send(*events, **properties):
        batch = [
            {
                "event": "survey sent",
                "uuid": uuid,
                "distinct_id": "jane",
                "timestamp": at.isoformat(),
                "properties": {"$survey_id": "s", "ticketId": f"t-{uuid}", **properties},
            }
            for uuid, at in events
        ]
        body = {"api_key": "phc_test", "batch": batch}
        assert requests.post(f"{posthog.url}/batch/", json=body, timeout=5).ok

    return send


def pages(api, page_rows=2):
    return list(read_pages(api, OF_TICKET, OPENS_AT, CLOSES_AT, "a test", page_rows))


def uuids(found):
    return [[row.uuid for row in page] for page in found]


def refusal(api) -> str:
    with pytest.raises(QueryError) as raised:
        api.ask(SELECT, SENT, "a test")
    return str(raised.value)


class TestPages:
    def test_a_row_has_its_exact_instant_its_uuid_and_the_columns_asked_for(self, api, send):
        send(("a", NOON))
        assert pages(api) == [[EventRow(NOON, "a", ("jane", "t-a"))]]

    def test_pages_follow_each_other_until_one_is_shorter(self, api, send, posthog):
        send(*((name, NOON + timedelta(seconds=number)) for number, name in enumerate("abcde")))
        assert uuids(pages(api)) == [["a", "b"], ["c", "d"], ["e"]]
        assert len(posthog.queries.asked) == 3

    def test_a_last_page_that_is_full_is_followed_by_an_empty_one(self, api, send, posthog):
        send(("a", NOON), ("b", NOON))
        assert uuids(pages(api)) == [["a", "b"]]
        assert len(posthog.queries.asked) == 2

    def test_equal_times_on_the_border_of_two_pages_lose_nothing_and_repeat_nothing(
        self, api, send
    ):
        late = NOON + timedelta(microseconds=1)
        send(("e", late), ("c", NOON), ("b", NOON), ("a", late), ("d", NOON), ("f", NOON))
        assert uuids(pages(api)) == [["b", "c"], ["d", "f"], ["a", "e"]]

    def test_copies_that_are_not_merged_yet_may_come_again_but_hide_nothing(
        self, api, send, posthog
    ):
        posthog.queries.merges = False
        send(("a", NOON), ("a", NOON), ("a", NOON), ("b", NOON), ("c", NOON))
        found = {row.uuid for page in pages(api) for row in page}
        assert found == {"a", "b", "c"}

    def test_the_month_is_half_open_to_the_microsecond(self, api, send):
        tick = timedelta(microseconds=1)
        send(("early", OPENS_AT - tick), ("first", OPENS_AT))
        send(("last", CLOSES_AT - tick), ("late", CLOSES_AT))
        assert uuids(pages(api, 9)) == [["first", "last"]]

    def test_other_surveys_are_left_out(self, api, send):
        send(("a", NOON))
        send(("b", NOON), **{"$survey_id": "other"})
        assert uuids(pages(api)) == [["a"]]

    def test_nothing_gives_no_page(self, api):
        assert pages(api) == []

    def test_no_page_asks_for_more_than_posthog_gives(self, api):
        with pytest.raises(ValueError, match="50000"):
            pages(api, 50_001)

    def test_an_answer_that_goes_round_in_circles_is_an_error(self, api, posthog):
        same = [["2026-10-14 12:00:00.123456", name, "jane", "1"] for name in "ab"]
        posthog.queries.behave(answer(200, {"results": same}))
        with pytest.raises(QueryError, match="has no end"):
            pages(api)

    @pytest.mark.parametrize(
        "row",
        [
            [],
            [None, "a", "jane", "1"],
            ["yesterday", "a", "jane", "1"],
            ["2026-10-14 12:00:00.123456", None, "jane", "1"],
            ["2026-10-14 12:00:00.123456", "a"],
        ],
    )
    def test_a_row_that_is_not_what_was_asked_for_is_an_error(self, api, posthog, row):
        posthog.queries.behave(answer(200, {"results": [row]}))
        with pytest.raises(QueryError, match="PostHog's answer holds a row"):
            pages(api)


class TestPatience:
    def test_a_query_says_who_asks_and_wants_no_cached_answer(self, api, posthog):
        api.ask(SELECT, SENT, "csat reconcile")
        assert posthog.queries.asked == [
            {
                "query": {"kind": "HogQLQuery", "query": SELECT, "values": SENT},
                "refresh": "force_blocking",
                "name": "csat reconcile",
            }
        ]

    def test_an_answer_that_is_computed_in_the_background_is_fetched(self, api, send, posthog):
        send(("a", NOON))
        posthog.queries.behave(later(polls=3), times=1)
        assert api.ask(SELECT, SENT, "a test") == [["a"]]
        assert (len(posthog.queries.asked), posthog.queries.polled) == (1, 4)

    def test_a_poll_that_fails_in_passing_is_repeated_alone(self, api, send, posthog):
        send(("a", NOON))
        posthog.queries.behave(later(polls=1), times=1)
        posthog.queries.behave(answer(503), times=1)
        assert api.ask(SELECT, SENT, "a test") == [["a"]]
        assert len(posthog.queries.asked) == 1

    @pytest.mark.parametrize("results", [[["a"]], {"results": [["a"]]}])
    def test_results_may_stand_in_the_query_s_status(self, api, posthog, results):
        status = {"id": "q", "complete": True, "results": results}
        posthog.queries.behave(answer(200, {"query_status": status}), times=1)
        assert api.ask(SELECT, SENT, "a test") == [["a"]]

    @pytest.mark.parametrize(
        ("status", "words"), [(400, "no such column"), (500, ""), (200, "no such column")]
    )
    def test_a_query_that_failed_in_the_background_is_not_asked_for_again(
        self, api, posthog, status, words
    ):
        failed = {"id": "q", "complete": True, "error": True, "error_message": words or None}
        posthog.queries.behave(answer(status, {"query_status": failed}))
        posthog.queries.behave(later(), times=1)
        assert "PostHog could not answer the query" in (reason := refusal(api))
        assert words in reason
        assert posthog.queries.polled == 1

    def test_a_query_that_is_never_done_is_given_up(self, api, posthog, monkeypatch):
        monkeypatch.setattr(posthog_client, "LONGEST_RUN_SECONDS", 0.05)
        posthog.queries.behave(later(polls=10_000))
        assert "was not done after" in refusal(api)

    @pytest.mark.parametrize(
        "failure",
        [answer(429), answer(500), answer(502), answer(503), answer(408), reset(), truncate()],
    )
    def test_what_may_pass_is_tried_again(self, api, send, posthog, failure):
        send(("a", NOON))
        posthog.queries.behave(failure, times=4)
        assert api.ask(SELECT, SENT, "a test") == [["a"]]
        assert len(posthog.queries.asked) == 5

    def test_what_does_not_pass_is_given_up_with_the_reason(self, api, posthog):
        posthog.queries.behave(answer(503, {"detail": "under\nmaintenance"}))
        assert "PostHog answered 503: under maintenance; 5 tries were in vain" in refusal(api)
        assert len(posthog.queries.asked) == 5

    def test_silence_ends_after_the_timeout(self, api, send, posthog, monkeypatch):
        monkeypatch.setattr(posthog_client, "REQUEST_TIMEOUT_SECONDS", 0.2)
        send(("a", NOON))
        posthog.queries.behave(hang(), times=1)
        assert api.ask(SELECT, SENT, "a test") == [["a"]]

    def test_nobody_listening_is_said_with_the_address(self):
        port = free_port()
        api = PostHogClient(f"http://127.0.0.1:{port}", PROJECT_ID, PERSONAL_KEY)
        assert f"http://127.0.0.1:{port} cannot be reached" in refusal(api)

    @pytest.mark.parametrize("form", ["seconds", "date"])
    def test_a_pause_that_posthog_asks_for_is_kept(self, api, send, posthog, form):
        send(("a", NOON))
        # A date has whole seconds: one that is two seconds ahead is more than one second away.
        ahead = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        wish = "1" if form == "seconds" else ahead
        posthog.queries.behave(answer(429, headers={"Retry-After": wish}), times=1)
        began = time.monotonic()
        assert api.ask(SELECT, SENT, "a test") == [["a"]]
        assert 0.9 < time.monotonic() - began < 5

    @pytest.mark.parametrize("wish", ["soon", "nan", "-5", "", "9" * 400])
    def test_a_wish_that_makes_no_sense_is_not_kept(self, api, posthog, wish):
        posthog.queries.behave(answer(429, headers={"Retry-After": wish}), times=1)
        assert api.ask(SELECT, SENT, "a test") == []

    def test_nobody_waits_for_an_hour(self, api, posthog):
        posthog.queries.behave(answer(429, headers={"Retry-After": "3600"}))
        assert "asks to come back in 3600 s" in refusal(api)
        assert len(posthog.queries.asked) == 1

    def test_requests_keep_their_distance(self, api, send, monkeypatch):
        monkeypatch.setattr(posthog_client, "SECONDS_BETWEEN_REQUESTS", 0.1)
        send(*((name, NOON) for name in "abcd"))
        began = time.monotonic()
        assert len(pages(api, 1)) == 4
        assert time.monotonic() - began >= 0.4

    def test_two_threads_do_not_ask_at_once(self, api, posthog):
        posthog.queries.behave(hang(), times=1)
        threads = [threading.Thread(target=api.ask, args=(SELECT, SENT, "t")) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        assert len(posthog.queries.asked) == 1
        posthog.release()
        for thread in threads:
            thread.join(10)
        assert len(posthog.queries.asked) == 3  # the one that was cut off came again


class TestRefusals:
    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refused_key_names_its_setting(self, api, posthog, status):
        posthog.queries.behave(answer(status, {"detail": "no access"}))
        reason = refusal(api)
        assert "CSAT_POSTHOG_PERSONAL_KEY" in reason
        assert "no access" in reason
        assert PERSONAL_KEY not in reason
        assert len(posthog.queries.asked) == 1

    def test_a_key_that_posthog_does_not_know(self, posthog):
        api = PostHogClient(posthog.url, PROJECT_ID, "phx_wrong")
        assert "CSAT_POSTHOG_PERSONAL_KEY" in (reason := refusal(api))
        assert "phx_wrong" not in reason

    @pytest.mark.parametrize("key", ["phx\nX-Other: 1", "phx_ключ"])
    def test_a_key_that_fits_no_header(self, posthog, key):
        assert "CSAT_POSTHOG_PERSONAL_KEY" in (
            reason := refusal(PostHogClient(posthog.url, "1", key))
        )
        assert key not in reason

    def test_the_key_is_sent_although_a_netrc_names_another(self, api, tmp_path, monkeypatch):
        netrc = tmp_path / "netrc"
        netrc.write_text("default login someone password else\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        assert api.ask(SELECT, SENT, "a test") == []

    def test_an_unknown_project_names_its_setting(self, posthog):
        assert "CSAT_POSTHOG_PROJECT_ID" in refusal(PostHogClient(posthog.url, "2", PERSONAL_KEY))

    def test_a_refused_query_is_told_in_posthog_s_words(self, api, posthog):
        with pytest.raises(QueryError, match="OFFSET is not supported"):
            api.ask(f"{SELECT} OFFSET 1", SENT, "a test")
        assert len(posthog.queries.asked) == 1

    def test_posthog_s_words_cannot_command_a_terminal_and_are_not_endless(self, api, posthog):
        posthog.queries.behave(answer(400, {"detail": "\x1b[2J" + "a" * 10_000}))
        reason = refusal(api)
        assert "\x1b" not in reason
        assert len(reason) < 400

    def test_a_redirect_is_not_followed(self, api, posthog):
        posthog.queries.behave(redirect())
        assert "points elsewhere (302); CSAT_POSTHOG_APP_HOST" in refusal(api)
        assert (len(posthog.queries.asked), posthog.queries.polled) == (1, 0)

    @pytest.mark.parametrize(
        "body",
        [
            "<html>Please log in</html>",
            "",
            "[]",
            "null",
            "{}",
            '{"results": {}}',
            '{"results": [1]}',
            '{"query_status": {"complete": false}}',
            '{"query_status": []}',
            "[" * 100_000,
        ],
    )
    def test_an_answer_that_is_not_posthog_s_is_an_error(self, api, posthog, body):
        posthog.queries.behave(garbage(body))
        assert "but not as PostHog does" in refusal(api)
        assert len(posthog.queries.asked) == 1

    def test_an_error_whose_body_is_no_object_is_an_error_like_any_other(self, api, posthog):
        posthog.queries.behave(answer(400, "[1]"))
        assert "PostHog could not answer the query" in refusal(api)
