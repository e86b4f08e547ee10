"""Sentry: told of errors that nobody expected, and of nothing that anybody wrote."""

import json
import subprocess
import sys

import pytest

from survey.sentry import check_address, keep_places_alone, start_sentry
from survey.settings import SettingsError
from tests.support.command import environment
from tests.support.sentry_server import sentry_server
from tests.support.settings import SECRET_KEY, make_settings

WORDS = "what a customer wrote"


PROGRAM = f"""
import sys, threading, structlog
from survey.errors import CsatError
from survey.monitoring import begin_monitoring
from survey.settings import load_settings

def fail(comment):
    secret = "local " + comment
    try:
        raise KeyError(comment)
    except KeyError as error:
        error.add_note(comment)
        raise ValueError(comment) from error

begin_monitoring(load_settings())
log = structlog.get_logger()
log.error("refused", reason="busy", exc_info=CsatError("set CSAT_X"))
try:
    fail({WORDS!r})
except ValueError as error:
    log.error("failed", exc_info=error, comment={WORDS!r})
thread = threading.Thread(target=fail, args=({WORDS!r},))
thread.start()
thread.join()
fail({WORDS!r})
"""


def run(program, **settings):
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment(CSAT_SECRET_KEY=SECRET_KEY, **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_kinds_and_places_of_unexpected_errors_are_told_and_nothing_else():
    with sentry_server() as (address, envelopes):
        done = run(PROGRAM, CSAT_SENTRY_DSN=address)
    assert done.returncode == 1
    assert len(envelopes) == 3
    for envelope in envelopes:
        _, header, body, *_ = envelope.split("\n")
        assert json.loads(header)["type"] == "event"
        event = json.loads(body)
        kinds = [value["type"] for value in event["exception"]["values"]]
        assert kinds == ["KeyError", "ValueError"]
        frames = [frame for value in event["exception"]["values"] for frame in frames_of(value)]
        assert "fail" in {frame["function"] for frame in frames}
        assert not {"vars", "context_line", "abs_path"} & {key for frame in frames for key in frame}
        assert not {"request", "user", "breadcrumbs", "extra", "contexts", "modules"} & set(event)
        assert WORDS not in envelope
        assert "local " not in envelope


def frames_of(value):
    return value["stacktrace"]["frames"]


def test_what_an_event_holds_besides_is_left_out():
    event = {
        "event_id": "1",
        "level": "error",
        "message": WORDS,
        "request": {"query_string": WORDS},
        "user": {"id": WORDS},
        "logentry": {"message": WORDS},
        "exception": {
            "values": [
                {
                    "type": "ValueError",
                    "value": WORDS,
                    "stacktrace": {"frames": [{"lineno": 7, "vars": {"a": WORDS}}]},
                }
            ]
        },
    }
    kept = keep_places_alone(event, {})
    assert kept == {
        "event_id": "1",
        "level": "error",
        "exception": {
            "values": [{"type": "ValueError", "stacktrace": {"frames": [{"lineno": 7}]}}]
        },
    }
    assert keep_places_alone({"message": WORDS}, {}) == {"exception": {"values": []}}


def test_where_it_is_not_set_up_it_is_not_even_imported():
    program = (
        "import sys\n"
        "from survey.monitoring import begin_monitoring\n"
        "from survey.settings import load_settings\n"
        "begin_monitoring(load_settings())\n"
        "print('sentry_sdk' in sys.modules)\n"
    )
    assert run(program).stdout == "False\n"


@pytest.mark.parametrize("address", ["hidden", "https://sentry.io/7", "https://hidden@/7"])
def test_an_address_that_is_none_is_named_and_not_shown(address):
    settings = make_settings(sentry_dsn=address)
    for call in (check_address, start_sentry):
        with pytest.raises(SettingsError, match="CSAT_SENTRY_DSN is not the address") as error:
            call(settings)
        assert "hidden" not in str(error.value)
