"""A progress line for long reads, on a terminal only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline.sources.base import OnProgress


@contextmanager
def show_progress(what: str) -> Iterator[OnProgress]:
    """A function to tell how many answers have been read; silent where nobody watches."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn(what),
        TextColumn("{task.completed:,} answers"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=None)
        yield lambda read: progress.update(task, completed=read)
