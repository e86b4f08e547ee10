"""How the project logs: one line an event, to standard error, without anybody's data."""

import contextlib
import logging
import sys
import threading
import traceback
from pathlib import Path

import structlog


class _StandardError:
    """Standard error, as far as it takes what is written: where it goes to a disk that is full,
    a line is lost, and not the answer or the process that it is about."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


# One for all loggers, which share a lock by it.
_STANDARD_ERROR = _StandardError()


def configure_logs() -> None:
    """Send everything that is logged to standard error, a line each, with UTC times.

    What strangers send cannot forge a line: values stand there as Python writes them, with
    control characters escaped. An exception is logged without the values of variables: those
    hold what customers wrote.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _render,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(_STANDARD_ERROR),  # type: ignore[arg-type]
    )
    # Libraries: only what is worth an operator's attention.
    handler = logging.StreamHandler(_STANDARD_ERROR)
    handler.setFormatter(_OneLineFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def log_thread_failures() -> None:
    """Log what ends a thread like any other error, for the rest of this process."""
    threading.excepthook = _log_thread_failure


def describe_exception(error: BaseException) -> str:
    """An exception in one line: what it says, and the places it went through, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    return " < ".join([f"{type(error).__name__}: {str(error)!r}", *places])


def escape_controls(text: str) -> str:
    """A text whose line ends and other characters that cannot be printed are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _short(filename: str) -> str:
    """The last three parts of a path: enough to find the file."""
    return "/".join(Path(filename).parts[-3:])


def _render(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """`2026-11-23T12:00:00Z info delivered events=3`."""
    error = event.pop("exc_info", None)
    head = f"{event.pop('timestamp')} {event.pop('level')} {event.pop('event')}"
    values = [f"{name}={value!r}" for name, value in event.items()]
    if isinstance(error, BaseException):
        values.append(f"exception={describe_exception(error)}")
    return escape_controls(" ".join([head, *values]))


class _OneLineFormatter(logging.Formatter):
    """What libraries log, in one line."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1]:
            text = f"{text} {describe_exception(record.exc_info[1])}"
        return escape_controls(text)


def _log_thread_failure(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        structlog.get_logger().error("a thread failed", exc_info=failure.exc_value)
