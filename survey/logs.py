"""How the project logs: one line an event, to standard error, without anybody's data."""

import contextlib
import logging
import sys

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

    Tracebacks are logged without the values of variables: those hold what customers wrote.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _render,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(_STANDARD_ERROR),  # type: ignore[arg-type]
    )
    # Libraries: only what is worth an operator's attention.
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr)


def _render(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """`2026-11-23T12:00:00Z info delivered events=3`, a traceback on the lines below."""
    trace = event.pop("exception", None)
    head = f"{event.pop('timestamp')} {event.pop('level')} {event.pop('event')}"
    values = " ".join(f"{name}={value!r}" for name, value in event.items())
    line = f"{head} {values}".rstrip()
    return line if trace is None else f"{line}\n{trace}"
