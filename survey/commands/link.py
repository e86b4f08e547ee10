"""`csat link`: make links for mails, one or many."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import click

from survey.errors import CsatError
from survey.links import LinkError, make_link
from survey.private_files import open_private
from survey.scale import RATINGS, parse_rating
from survey.settings import Settings, load_settings


class BadRow(CsatError):
    """No link can be made from the given file, or from one of its rows."""


@click.command()
@click.option("--distinct-id", metavar="D", default="", help="Whom PostHog knows the customer as.")
@click.option("--ticket-id", metavar="T", default="", help="Ticket number.")
@click.option("--team", metavar="X", default="", help="Team that solved it.")
@click.option("--rating", type=click.IntRange(RATINGS[0], RATINGS[-1]), help="Face to preselect.")
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the columns distinct_id, ticketId, team and perhaps rating: writes it to "
    "standard output with a column `link` added.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --csv: write into this file, which only you can read.",
)
def link(
    distinct_id: str,
    ticket_id: str,
    team: str,
    rating: int | None,
    csv_file: Path | None,
    out: Path | None,
) -> None:
    """Make survey links under CSAT_BASE_URL, signed if CSAT_LINK_SECRET is set."""
    settings = load_settings()
    if out is not None and csv_file is None:
        raise click.UsageError("--out goes with --csv")
    if csv_file is not None:
        if distinct_id or ticket_id or team or rating:
            raise click.UsageError("--csv takes the values from the file alone")
        _write_rows(list(_linked_rows(csv_file, settings)), out)
        return
    parameters = {"distinct_id": distinct_id, "ticketId": ticket_id, "team": team}
    if rating is not None:
        parameters["rating"] = str(rating)
    try:
        click.echo(make_link(parameters, settings))
    except LinkError as error:
        raise click.UsageError(
            f"{error}. --ticket-id is needed, the others may be left out."
        ) from None


def _linked_rows(path: Path, settings: Settings) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            if not {"ticketId", "ticket_id"}.intersection(reader.fieldnames or ()):
                raise BadRow(f"{path} has no column ticketId; its first line must name the columns")
            for row in reader:
                if None in row:
                    raise BadRow(f"{path}, line {reader.line_num}: more values than columns")
                rating = row.get("rating", "")
                if rating.strip() and parse_rating(rating) is None:
                    raise BadRow(f"{path}, line {reader.line_num}: {rating!r} is not a rating")
                try:
                    yield {**row, "link": make_link(row, settings)}
                except LinkError as error:
                    raise BadRow(f"{path}, line {reader.line_num}: {error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRow(f"{path} is not a CSV file in UTF-8: {error}") from None


def _write_rows(rows: list[dict[str, str]], out: Path | None) -> None:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    # Write UTF-8 whatever the terminal's encoding is, because files are read as UTF-8.
    content = text.getvalue().encode()
    if out is None:
        click.echo(content, nl=False)
        return
    try:
        with open_private(out) as file:
            file.write(content)
    except OSError as error:
        raise CsatError(f"{out} cannot be written: {error.strerror}") from None
