"""A progress line for long reads, on a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def show_progress(what: str, things: str = "answers") -> Iterator[Callable[[int], None]]:
    """Show how many answers, or other things, have been read; give the function to call with that
    number.

    Nothing is shown where standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _read: None
        return
    # Not before it is needed: rich takes long to import.
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn(what),
        TextColumn(f"{{task.completed:,}} {things}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=None)
        yield lambda read: progress.update(task, completed=read)
