"""Runs a command. An error that a person can correct becomes a message, not a traceback."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

import click

from survey.addresses import hide_secrets

FAILED = 1

# The error numbers of a write if there is no room, or nothing to write to.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Parts(NamedTuple):
    """What the packages hand over to commands of another one, each as `module:function`, imported
    when it is run: what `csat tick` does, what erases persons from files, what `csat doctor` looks
    at, with those that ask others apart, and what `csat posthog check` looks at."""

    jobs: Sequence[str] = ()
    erasers: Sequence[str] = ()
    checks: Sequence[str] = ()
    online_checks: Sequence[str] = ()
    posthog_checks: Sequence[str] = ()


def run_command(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command; return its exit code."""
    _let_output_hold_any_text()
    try:
        code = _run(command, arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        message = io.StringIO()
        error.show(message)
        # The message repeats what was typed.
        typed = (argument for argument in arguments if "://" in argument)
        _print_error(hide_secrets(message.getvalue().rstrip("\n"), *typed))
        return error.exit_code
    except click.Abort:
        return _fail("stopped")
    except OSError as error:
        _write_no_more()
        # The reader of the output has closed it, as `head` does.
        return FAILED if error.errno == errno.EPIPE else _fail(_explain(error))
    except Exception as error:
        # This is imported only when needed: the import takes longer than all of `csat --help`.
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
    """Make the output write a character escaped if its encoding lacks it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _fail(reason: str) -> int:
    _print_error(f"csat: {reason}")
    return FAILED


def _print_error(text: str) -> None:
    # If there is no room for the reason either, only the exit code reports the failure.
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
    """Discard what standard output still holds: otherwise Python would try to write it again at the
    end, and report an error."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
