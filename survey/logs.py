"""The project's logs: one line for each event, to standard error, without personal data."""

import contextlib
import json
import logging
import select
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from survey.settings import LogFormat


# How many bytes a pipe takes at once. Each line must fit into it, so that two processes do not mix
# their lines.
_PIPE_BYTES = 4_096
_LONGEST_WORDS = 1_000
_MOST_PLACES = 20


def stamp(seconds: float) -> str:
    """Return a time, in seconds since 1970, as it stands in the log."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _add_time(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add the time of now to an event that has no time."""
    event.setdefault("timestamp", stamp(time()))
    return event


class _StandardError:
    """Standard error, whose write errors are ignored: if the disk is full, or the reading program
    has stopped reading, only a line is lost, and not the answer or the process of which it
    tells."""

    def __init__(self) -> None:
        self.render: Callable[[object, str, structlog.typing.EventDict], str] = _render_text
        self._lost_lines = 0

    def write(self, text: str) -> None:
        if not _has_room():
            self._lost_lines += text.count("\n")
            return
        lost, self._lost_lines = self._lost_lines, 0
        if lost:
            # No logger is used, because the logger that writes here holds their common lock.
            event = {"level": "warning", "event": "log lines were lost", "lines": lost}
            text = f"{text}{self.render(self, 'warning', _add_time(self, 'warning', event))}\n"
        # Standard error is None if the process was started without it.
        with contextlib.suppress(OSError, AttributeError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            sys.stderr.flush()


def _has_room() -> bool:
    """Return whether a line can be written without waiting; a pipe that nobody empties is full."""
    try:
        descriptor = sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return True  # not a file
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))


def configure_logs(log_format: "LogFormat" = "text") -> None:
    """Send everything that is logged to standard error, a line each, with UTC times.

    What strangers send cannot forge a line: values are logged as Python writes them, with control
    characters escaped. An exception is logged without the values of variables, because these hold
    what customers wrote.
    """
    _STANDARD_ERROR.render = _render_json if log_format == "json" else _render_text
    structlog.configure(
        processors=[structlog.processors.add_log_level, _add_time, _STANDARD_ERROR.render],
        # This logger writes a whole line at once, so two processes on one pipe do not mix lines.
        logger_factory=lambda *_: structlog.WriteLogger(_STANDARD_ERROR),  # type: ignore[arg-type]
    )
    # Libraries: only what is worth an operator's attention.
    handler = logging.StreamHandler(_STANDARD_ERROR)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def batch_logs(events: Iterable[dict[str, object]]) -> None:
    """Log several events, each with its `timestamp`, `level` and `event`, by as few writes as there
    can be: each write takes longer than a line."""
    text = ""
    for event in events:
        line = f"{_STANDARD_ERROR.render(None, '', event)}\n"
        if len(text) + len(line) > _PIPE_BYTES:
            _STANDARD_ERROR.write(text)
            text = ""
        text += line
    if text:
        _STANDARD_ERROR.write(text)


def log_thread_failures() -> None:
    """Log what ends a thread like any other error, for the rest of this process."""
    threading.excepthook = _log_thread_failure


def describe_exception(error: BaseException) -> str:
    """Return an exception in one line: what it says, and the places it went through, innermost
    first."""
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_PLACES:]
    places = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    words = repr(str(error))[:_LONGEST_WORDS]
    return " < ".join([f"{type(error).__name__}: {words}", *places])


def find_place(error: BaseException) -> str:
    """Return the file and the line in which an error was raised: `worker.py:120`."""
    places = traceback.extract_tb(error.__traceback__)
    return f"{Path(places[-1].filename).name}:{places[-1].lineno}" if places else "unknown"


def escape_controls(text: str) -> str:
    """Return a text whose line ends and other characters that cannot be printed are escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _short(filename: str) -> str:
    """Return the last three parts of a path: enough to find the file."""
    return "/".join(Path(filename).parts[-3:])


def _render_text(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """Return an event as a line: `2026-11-23T12:00:00Z info delivered events=3`."""
    error = event.pop("exc_info", None)
    head = f"{event.pop('timestamp')} {event.pop('level')} {event.pop('event')}"
    values = [f"{name}={value!r}" for name, value in event.items()]
    if isinstance(error, BaseException):
        values.append(f"exception={describe_exception(error)}")
    return escape_controls(" ".join([head, *values]))


def _render_json(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """Return an event as a JSON object in ASCII, so that nothing in it can forge a line."""
    error = event.pop("exc_info", None)
    head = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    if isinstance(error, BaseException):
        event["exception"] = describe_exception(error)
    return json.dumps({**head, **event}, default=repr)


class _TextFormatter(logging.Formatter):
    """A formatter that writes what libraries log as one line of text."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1]:
            text = f"{text} {describe_exception(record.exc_info[1])}"
        return escape_controls(text)


class _JsonFormatter(logging.Formatter):
    """A formatter that writes what libraries log as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[1]:
            event["exception"] = describe_exception(record.exc_info[1])
        return json.dumps(event)


def _log_thread_failure(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        structlog.get_logger().error("a thread failed", exc_info=failure.exc_value)


# All loggers use this one object, and so share a lock.
_STANDARD_ERROR = _StandardError()
