"""`csat aggregate`: the counts of every month."""

import io
from pathlib import Path
from typing import Any

import click
import pandas as pd

from pipeline.commands.options import counting_options, open_named_source
from pipeline.output_files import format_csv, write_file
from pipeline.sources.base import TRUST_IS_BELIEVED, trust_is_believed
from survey.progress import show_progress


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write: .csv or .parquet.",
)
@counting_options
def aggregate(out: Path, source_name: str, **how: Any) -> None:
    """Counts per month, team and rating, for every month that has responses.

    The file has the columns month, team, rating, responses, only rows above 0. Everything in a
    report derives from these counts, and counts of different tickets add up.
    """
    if out.suffix not in (".csv", ".parquet"):
        raise click.BadParameter(f"{out} must end in .csv or .parquet", param_hint="--out")
    settings, source = open_named_source(source_name, **how)
    with show_progress("Reading") as on_progress:
        totals = source.count_months(on_progress)
    write_file(out, format_counts(totals.counts, out.suffix))
    responses = totals.counts["responses"].sum()
    click.echo(f"{out}: {responses:,} responses of {totals.received:,} answers")
    if trust_is_believed(source, settings):
        click.echo(TRUST_IS_BELIEVED)


def format_counts(counts: pd.DataFrame, suffix: str) -> bytes:
    """Return counts as the content of a `.csv` or a `.parquet` file."""
    if suffix == ".csv":
        return format_csv(counts).encode("utf-8")
    buffer = io.BytesIO()
    counts.to_parquet(buffer, index=False)
    return buffer.getvalue()
