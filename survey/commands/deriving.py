"""Deriving the responses again, with a progress line on a terminal."""

import sys

from survey.counting_rules import CountingRules
from survey.rederive import apply_rules, responses_are_current
from survey.store.database import Database


def derive_if_outdated(database: Database, rules: CountingRules) -> None:
    """Call `apply_rules`. On a terminal, show the progress if there is anything to derive."""
    if not sys.stderr.isatty() or responses_are_current(database, rules):
        apply_rules(database, rules)
        return
    # Import rich only here, because a start seldom derives anything.
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("Deriving responses anew"),
        TextColumn("{task.completed:,} answers"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        apply_rules(database, rules, lambda done: progress.update(task, completed=done))
