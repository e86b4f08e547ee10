"""The project's logs: one line for each event, to standard error, without personal data."""

import contextlib
import json
import logging
import select
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import time
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

import structlog

from survey.errors import CsatError
from survey.request_ids import current_request_id

if TYPE_CHECKING:
    from survey.settings import LogFormat


# How many bytes a pipe takes at once. Each line must fit into it, so that two processes do not mix
# their lines.
_PIPE_BYTES = 4_096
_LONGEST_WORDS = 1_000
_MOST_PLACES = 20
# Loggers of other WSGI servers that write to standard error in a form of their own.
_LOGGERS_OF_SERVERS = ("gunicorn.error", "uvicorn.error", "waitress")

# A function that is told of each unexpected error, besides the log.
Reporter = Callable[[BaseException], object]


def stamp(seconds: float) -> str:
    """Return a time, in seconds since 1970, as it stands in the log."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _add_time(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add the time of now to an event that has no time."""
    event.setdefault("timestamp", stamp(time()))
    return event


def _add_request_id(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add the id of the request that is being answered, if there is one."""
    request_id = current_request_id()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    return event


def _report(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Tell the reporters of the error that an event is about."""
    error = event.get("exc_info")
    if isinstance(error, BaseException):
        report_failure(error)
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
    characters escaped. No line holds what customers wrote: of an exception it says the kind and
    the place, of what a library logs the text without the values that belong into it.
    """
    _STANDARD_ERROR.render = _render_json if log_format == "json" else _render_text
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _add_time,
            _add_request_id,
            _report,
            _STANDARD_ERROR.render,
        ],
        # This logger writes a whole line at once, so two processes on one pipe do not mix lines.
        logger_factory=lambda *_: structlog.WriteLogger(_STANDARD_ERROR),  # type: ignore[arg-type]
    )
    # Libraries: only what is worth an operator's attention.
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    root.addHandler(_LIBRARY_HANDLER)
    for name in _LOGGERS_OF_SERVERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def log_failures() -> None:
    """Log, for the rest of this process, what ends a thread or the process itself, and what Python
    warns of, like any other event."""
    threading.excepthook = _log_thread_failure
    sys.excepthook = _log_end
    sys.unraisablehook = _log_unraisable
    warnings.showwarning = _log_warning  # type: ignore[assignment]  # called by position alone


def add_reporter(reporter: Reporter) -> None:
    """Let a function be told of each unexpected error, besides the log."""
    _REPORTERS.append(reporter)


def report_failure(error: BaseException) -> None:
    """Tell the reporters of an unexpected error. Errors that a person can correct are none."""
    if isinstance(error, CsatError):
        return
    for reporter in _REPORTERS:
        # Nothing may fail because something else could not be reported.
        with contextlib.suppress(Exception):
            reporter(error)


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


def describe_exception(error: BaseException) -> str:
    """Return an exception in one line: its kind, and the places it went through, innermost first.

    What an exception says may repeat what customers wrote, so it is left out, except that an error
    of our own says what to do, and one of the operating system what it lacks.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_PLACES:]
    places = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    kind, words = type(error).__name__, _harmless_words(error)
    return " < ".join([f"{kind}: {words!r}" if words else kind, *places])


def _harmless_words(error: BaseException) -> str | None:
    if isinstance(error, CsatError):
        return str(error)[:_LONGEST_WORDS]
    return error.strerror if isinstance(error, OSError) else None


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


class _LibraryHandler(logging.Handler):
    """A handler that writes what libraries log as one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line. The values that belong into the text may be what customers wrote, so they
        are left out."""
        event = {
            "timestamp": stamp(record.created),
            "level": record.levelname.lower(),
            "event": record.msg[:_LONGEST_WORDS] if isinstance(record.msg, str) else "an error",
            "logger": record.name,
            "at": f"{_short(record.pathname)}:{record.lineno}",
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            event["exc_info"] = error  # type: ignore[assignment]
        _write_event(event)


def _write_event(event: structlog.typing.EventDict) -> None:
    """Write an event that does not come from a logger of ours."""
    for prepare in (_add_time, _add_request_id, _report):
        event = prepare(None, "", event)
    _STANDARD_ERROR.write(f"{_STANDARD_ERROR.render(None, '', event)}\n")


def _log_thread_failure(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        _write_event({"level": "error", "event": "a thread failed", "exc_info": failure.exc_value})


def _log_end(
    kind: type[BaseException], error: BaseException, _traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _write_event({"level": "critical", "event": "the process failed", "exc_info": error})


def _log_unraisable(failure: "sys.UnraisableHookArgs") -> None:
    event = {"level": "error", "event": "an error was ignored", "exc_info": failure.exc_value}
    _write_event(event)


def _log_warning(
    _message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    _file: TextIO | None = None,
    _line: str | None = None,
) -> None:
    """Log of a warning its kind and its place: its text may hold values."""
    at = f"{_short(filename)}:{lineno}"
    _write_event({"level": "warning", "event": "Python warns", "kind": category.__name__, "at": at})


# All loggers use this one object, and so share a lock.
_STANDARD_ERROR = _StandardError()
# Some libraries set a lower level for their own loggers.
_LIBRARY_HANDLER = _LibraryHandler(logging.WARNING)
_REPORTERS: list[Reporter] = []
