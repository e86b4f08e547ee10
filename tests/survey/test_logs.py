"""One line for each event, whatever strangers put into it, and nothing of what they wrote."""

import json
import logging
import subprocess
import sys
import threading

import pytest
import structlog

from survey import logs
from survey.errors import CsatError
from survey.logs import configure_logs, describe_exception, escape_controls, log_failures
from survey.request_ids import answering
from tests.support.command import environment

WORDS = "what a customer wrote"


@pytest.fixture
def logged(capsys):
    configure_logs()
    return lambda: capsys.readouterr().err


@pytest.fixture
def logged_as_json(capsys):
    configure_logs("json")
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    configure_logs()


@pytest.fixture
def reported(monkeypatch):
    """What reporters are told of."""
    told = []
    monkeypatch.setattr(logs, "_REPORTERS", [told.append])
    return told


def fail(words):
    raise ValueError(words)


def failure(words):
    try:
        fail(words)
    except ValueError as error:
        return error


def test_an_event_is_a_line_with_its_values(logged):
    structlog.get_logger().info("delivered", events=3, path="/x")
    assert logged().endswith(" info delivered events=3 path='/x'\n")


@pytest.mark.parametrize(
    "forged", ["a\n2026 error b", "a\r\nb", "a\x1b[2Jb", "a\u202eb", "a\u2028b"]
)
def test_nothing_that_is_logged_can_forge_a_line_or_move_the_cursor(logged, forged):
    structlog.get_logger().error(forged, path=forged, exc_info=failure(forged))
    logging.getLogger("library").error(forged, exc_info=failure(forged))
    text = logged()
    assert len(text.splitlines()) == text.count("\n") == 2
    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert forged not in text


def test_an_exception_says_where_it_went_through_innermost_first():
    described = describe_exception(failure("broken"))
    assert described.startswith("ValueError < tests/survey/test_logs.py:")
    assert described.index(" fail") < described.index(" failure")


def test_an_exception_says_only_what_no_customer_can_have_written():
    assert WORDS not in describe_exception(failure(WORDS))
    assert describe_exception(CsatError("set CSAT_X")) == "CsatError: 'set CSAT_X'"
    full = describe_exception(OSError(28, "No space left on device", f"/tmp/{WORDS}"))
    assert full == "OSError: 'No space left on device'"


def test_a_library_is_told_by_its_text_and_place_without_values(logged_as_json):
    logging.getLogger("library").warning("odd %s", WORDS, exc_info=failure(WORDS))
    logging.getLogger("library").error(failure(WORDS))
    talkative = logging.getLogger("talkative")
    talkative.setLevel(logging.INFO)
    talkative.info("all is well")
    odd, unnamed = logged_as_json()
    assert (odd["event"], odd["level"], odd["logger"]) == ("odd %s", "warning", "library")
    assert odd["at"].startswith("tests/survey/test_logs.py:")
    assert odd["exception"].startswith("ValueError < ")
    assert unnamed["event"] == "an error"
    assert WORDS not in f"{odd}{unnamed}"


def test_what_other_servers_log_has_the_same_form(logged_as_json):
    server = logging.getLogger("gunicorn.error")
    server.propagate = False
    server.addHandler(logging.StreamHandler())
    configure_logs("json")
    server.error("Worker (pid:%s) exited", 7)
    (event,) = logged_as_json()
    assert (event["logger"], event["event"]) == ("gunicorn.error", "Worker (pid:%s) exited")


def test_each_line_of_a_request_carries_its_id(logged_as_json):
    with answering("1f"):
        structlog.get_logger().info("a")
        logging.getLogger("library").warning("b")
    structlog.get_logger().info("c")
    assert [event.get("request_id") for event in logged_as_json()] == ["1f", "1f", None]


def test_an_exception_fits_into_what_a_pipe_takes_at_once(logged):
    def deeper(levels):
        return deeper(levels - 1) if levels else fail("\U0010ffff" * 10_000)

    try:
        deeper(300)
    except ValueError as error:
        structlog.get_logger().error("failed", exc_info=error)
    line = logged()
    assert len(line.encode()) < 4096
    assert " fail <" in line


def test_a_thread_that_fails_is_a_line_and_reported(logged, reported, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", logs._log_thread_failure)
    thread = threading.Thread(target=fail, args=(WORDS,))
    thread.start()
    thread.join()
    text = logged()
    assert text.count("\n") == 1
    assert "a thread failed exception=ValueError < " in text
    assert WORDS not in text
    assert [str(error) for error in reported] == [WORDS]


def test_only_errors_that_nobody_expected_are_reported(logged, reported):
    log = structlog.get_logger()
    log.error("failed", exc_info=CsatError("set CSAT_X"))
    log.error("refused", reason="busy")
    assert reported == []
    log.error("failed", exc_info=failure(WORDS))
    assert len(reported) == 1
    assert logged().count("\n") == 3


def test_a_reporter_that_fails_costs_no_line(logged, monkeypatch):
    monkeypatch.setattr(logs, "_REPORTERS", [lambda _error: fail("no network")])
    structlog.get_logger().error("failed", exc_info=failure(WORDS))
    assert "error failed exception=ValueError" in logged()


PROGRAM = f"""
import warnings
from survey.logs import configure_logs, log_failures
configure_logs("json")
log_failures()
class Ignored:
    def __del__(self):
        raise KeyError({WORDS!r})
Ignored()
warnings.warn({WORDS!r}, UserWarning)
raise ValueError({WORDS!r})
"""


def test_what_python_itself_says_has_the_same_form():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    ignored, warned, ended = map(json.loads, done.stderr.splitlines())
    assert ignored["exception"].startswith("KeyError < ")
    assert (warned["event"], warned["kind"]) == ("Python warns", "UserWarning")
    assert (ended["level"], ended["event"]) == ("critical", "the process failed")
    assert WORDS not in done.stderr


def test_log_failures_takes_over_from_python(monkeypatch):
    for name in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr("warnings.showwarning", logging.warning)
    log_failures()
    assert threading.excepthook is logs._log_thread_failure
    assert sys.excepthook is logs._log_end


def test_what_can_be_printed_stays():
    assert escape_controls("Größe 🦔 日本 a\tb") == "Größe 🦔 日本 a\\tb"
