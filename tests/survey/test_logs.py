"""One line for each event, whatever strangers put into it."""

import logging
import threading

import pytest
import structlog

from survey.logs import configure_logs, describe_exception, escape_controls, log_thread_failures


@pytest.fixture
def logged(capsys):
    configure_logs()
    return lambda: capsys.readouterr().err


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
    logging.getLogger("library").error("%s", forged, exc_info=failure(forged))
    text = logged()
    assert len(text.splitlines()) == text.count("\n") <= 2
    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert forged not in text


def test_an_exception_says_where_it_went_through_innermost_first():
    described = describe_exception(failure("broken"))
    assert described.startswith("ValueError: 'broken' < tests/survey/test_logs.py:")
    assert described.index(" fail") < described.index(" failure")


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


def test_a_thread_that_fails_is_a_line(logged, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # put back afterwards
    log_thread_failures()
    thread = threading.Thread(target=fail, args=("broken",))
    thread.start()
    thread.join()
    text = logged()
    assert text.count("\n") == 1
    assert "a thread failed" in text
    assert "broken" in text


def test_what_can_be_printed_stays():
    assert escape_controls("Größe 🦔 日本 a\tb") == "Größe 🦔 日本 a\\tb"
