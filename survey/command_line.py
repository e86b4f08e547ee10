"""Running a command to its end: an error that a person can mend is a message, not a traceback."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence

import click

from survey.addresses import hide_secrets

FAILED = 1

# What writing says where there is no room, or nothing to write to.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def run_command(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command; its exit code."""
    _let_output_hold_any_text()
    try:
        code = _run(command, arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        message = io.StringIO()
        error.show(message)
        # It repeats what was typed.
        typed = (argument for argument in arguments if "://" in argument)
        _print_error(hide_secrets(message.getvalue().rstrip("\n"), *typed))
        return error.exit_code
    except click.Abort:
        return _fail("stopped")
    except OSError as error:
        _write_no_more()
        # Whoever read the output has had enough of it, as `head` has.
        return FAILED if error.errno == errno.EPIPE else _fail(_explain(error))
    except Exception as error:
        # Not before it is needed: it takes longer to import than `csat --help` takes in all.
        from survey.errors import CsatError

        if not isinstance(error, CsatError):
            raise
        return _fail(str(error))
    return code


def _run(command: click.Command, arguments: Sequence[str]) -> int:
    for number, argument in enumerate(arguments, start=1):
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"argument {number} is not text in UTF-8") from None
    try:
        code = command.main(list(arguments), prog_name="csat", standalone_mode=False)
    except SystemExit as end:
        code = end.code
    return code if isinstance(code, int) else 0


def _let_output_hold_any_text() -> None:
    """Where an encoding lacks a character, write it escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _fail(reason: str) -> int:
    _print_error(f"csat: {reason}")
    return FAILED


def _print_error(text: str) -> None:
    # Where there is no room for the reason either, the exit code says it.
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def _explain(error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename}: {reason}"
    if error.errno in _NO_ROOM:
        return f"the output cannot be written: {reason}"
    return reason


def _write_no_more() -> None:
    """Throw away what standard output still holds: at the end, Python would try again to write it,
    and complain."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
