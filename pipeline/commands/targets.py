"""`csat targets`: how long customers waited for replies, against the targets of their plans."""

from pathlib import Path

import click

from pipeline.commands.options import month_option
from pipeline.output_files import format_csv, write_file
from pipeline.query import ReportQuery
from pipeline.sources.store_waits import read_waits
from pipeline.targets import number_targets
from survey.clock import now
from survey.errors import CsatError
from survey.months import Month
from survey.periods import Period
from survey.settings import load_settings
from survey.store.schema import open_store


class NoTickets(CsatError):
    """The error that no ticket is known, so that nothing can be said of replies."""


@click.command()
@month_option
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write: .csv.",
)
def targets(month: Month, out: Path) -> None:
    """Replies of one month by team and plan: how many there were, and how many came within the
    target of CSAT_TARGETS, as targets.csv of `csat report` has them.

    A reply belongs to the month in which the customer began to wait for it. Only hours of weekdays
    count, from Monday 00:00 to Saturday 00:00 in CSAT_TIMEZONE. What is overdue is so now.
    """
    if out.suffix != ".csv":
        raise click.BadParameter(f"{out} must end in .csv", param_hint="--out")
    settings = load_settings()
    as_of, query = now(), ReportQuery(Period.of_month(month))
    with open_store(settings.database_url).reading() as connection:
        waits = read_waits(connection, query, settings, with_responses=False)
    if waits is None:
        raise NoTickets(
            "no ticket is known: `csat zendesk import` brings those of Zendesk, with the times of "
            "their replies"
        )
    numbers = number_targets(waits, settings.targets, settings.timezone, as_of)
    write_file(out, format_csv(numbers.tabulate(query.period)).encode())
    together = numbers.together
    click.echo(
        f"{out}: {month}, {together.met:,} of {together.due:,} replies in time, "
        f"{together.overdue:,} overdue now"
    )
