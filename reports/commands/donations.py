"""`csat donations`: the donation ledger, for finance."""

import getpass
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from pipeline.commands.options import month_option, read_month
from pipeline.commands.verify_donations import verify
from pipeline.donations.closing import charity_of, close_month
from pipeline.donations.ledger import Charity, Ledger, Rate
from pipeline.donations.lines import Line
from pipeline.donations.listing import list_lines
from pipeline.donations.money import parse_amount, parse_currency, parse_unit_amount
from pipeline.donations.recording import correct_payment, pay_month, set_rate
from pipeline.output_files import write_file
from reports.donation_exports import format_donations, format_entries
from reports.exports import ExportKind
from reports.printed_donations import print_close, print_correction, print_payment, print_rate
from reports.wording import count_things
from survey.clock import now
from survey.counting_rules import CountingRules
from survey.errors import CsatError
from survey.months import Month
from survey.progress import show_progress
from survey.settings import Settings, load_settings
from survey.store.counting import ResponsesOutdated, require_current_responses
from survey.store.database import Database
from survey.store.ledger import read_entries
from survey.store.marks import parse_day
from survey.store.schema import open_store
from survey.vocabulary import LONGEST_VALUE
from survey.words import parse_words

_KINDS = {f".{kind}": kind for kind in (ExportKind.CSV, ExportKind.XLSX)}


class NothingToExport(CsatError):
    """The error that the ledger has nothing for the chosen months."""


def _parsed_by(parse: Callable[[str], Any]) -> Callable[..., Any]:
    """Return a callback that parses an option, and refuses what `parse` refuses."""

    def check(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return check


def _parse_text(text: str) -> str:
    return parse_words(text, LONGEST_VALUE)


def _read_user(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    """Return who acts: the name that is given, or else the operating system's."""
    try:
        return _parse_text(getpass.getuser() if value is None else value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    except (OSError, KeyError, ImportError):
        raise click.BadParameter(
            "the operating system has no name for you; say who you are"
        ) from None


def _read_out(
    _context: click.Context, _parameter: click.Parameter, value: Path
) -> tuple[Path, ExportKind]:
    """Return the file to write, and its kind, which its ending says."""
    kind = _KINDS.get(value.suffix.lower())
    if kind is None:
        raise click.BadParameter(
            f"{value} must end in .csv, for programs, or in .xlsx, for Excel and its like"
        )
    return value, kind


by_option = click.option(
    "--by",
    metavar="NAME",
    callback=_read_user,
    help="Who does this; stays on record. Default: your name on this machine.",
)


@click.group()
def donations() -> None:
    """The donation ledger: one hedgehog is owed for each response, and paid by the month.

    A month's life: `rate` says what a hedgehog is worth, `close` counts the month once and for all
    when it is over, `export` gives finance the file to pay from, `pay` records the payment. What
    changes in a closed month afterwards counts in the next month that is closed. Nothing in the
    ledger is ever changed or deleted, and `verify` proves it. docs/finance.md walks through it all.
    """


@donations.command()
@click.option(
    "--from",
    "first",
    required=True,
    metavar="YYYY-MM",
    callback=read_month,
    help="The first month that has this rate. It must not be closed.",
)
@click.option(
    "--amount",
    "unit_amount",
    required=True,
    metavar="A",
    callback=_parsed_by(parse_unit_amount),
    help="What one hedgehog is worth, like 0.50; at most 6 decimals.",
)
@click.option(
    "--currency",
    required=True,
    metavar="C",
    callback=_parsed_by(parse_currency),
    help="Its code of ISO 4217, like GBP.",
)
@click.option(
    "--charity",
    metavar="NAME",
    callback=_parsed_by(_parse_text),
    help="Who gets the money. Without it, whoever got it before.",
)
@click.option(
    "--charity-reference",
    metavar="R",
    callback=_parsed_by(_parse_text),
    help="What to quote when paying the charity, like a contract or donor number.",
)
@by_option
def rate(
    first: Month,
    unit_amount: Decimal,
    currency: str,
    charity: str | None,
    charity_reference: str | None,
    by: str,
) -> None:
    """Set what a hedgehog is worth, and who gets it.

    The rate holds from a month on until a later one begins; of two that begin in the same month,
    the one set last. Closed months keep theirs.

    For example: csat donations rate --from 2026-10 --amount 0.50 --currency GBP
    --charity "Hedgehog Rescue" --charity-reference "CSAT 2026"
    """
    if charity_reference is not None and charity is None:
        raise click.UsageError("--charity-reference needs --charity, whose reference it is")
    named = None if charity is None else Charity(charity, charity_reference)
    settings, database = _open()
    entry = set_rate(
        database, settings, first, Rate(unit_amount, currency), named, by=by, now=now()
    )
    _print(print_rate(entry, charity_of(_read_ledger(database), settings, first)))


@donations.command()
@month_option
@by_option
@click.option(
    "--without-amount",
    is_flag=True,
    help="Close it with nothing to pay, if no rate holds for it.",
)
def close(month: Month, by: str, without_amount: bool) -> None:
    """Count a month once and for all, when it is over.

    Months close in order. The first close may name any month: from it on hedgehogs are owed; the
    months before it are counted, and never owed. A month that is closed already stays as it is.
    """
    settings, database = _open()
    with show_progress("Comparing with earlier months", "responses") as on_progress:
        closed = close_month(
            database,
            settings,
            month,
            by=by,
            now=now(),
            without_amount=without_amount,
            on_progress=on_progress,
        )
    _print(print_close(closed, _read_ledger(database)))


@donations.command()
@month_option
@click.option(
    "--reference",
    required=True,
    metavar="R",
    callback=_parsed_by(_parse_text),
    help="Under which the bank, or your books, have the payment.",
)
@click.option(
    "--date",
    "paid_on",
    required=True,
    metavar="YYYY-MM-DD",
    callback=_parsed_by(parse_day),
    help="The day on which it was paid.",
)
@click.option(
    "--amount",
    metavar="A",
    callback=_parsed_by(parse_amount),
    help="What was paid, if it was not all that is due.",
)
@by_option
def pay(month: Month, reference: str, paid_on: date, amount: Decimal | None, by: str) -> None:
    """Record that a closed month was paid. This moves no money.

    More than is due is refused, and so is paying twice; `csat donations correct` takes a payment
    back that was wrong.
    """
    settings, database = _open()
    entry = pay_month(
        database,
        settings,
        month,
        reference=reference,
        paid_on=paid_on,
        amount=amount,
        by=by,
        now=now(),
    )
    _print(print_payment(entry, _read_ledger(database).closed[month]))


@donations.command()
@month_option
@click.option(
    "--reason",
    required=True,
    metavar="R",
    callback=_parsed_by(_parse_text),
    help="Why it was wrong; stays on record.",
)
@by_option
def correct(month: Month, reason: str, by: str) -> None:
    """Take the last payment of a month back. Both stay on record."""
    settings, database = _open()
    entry = correct_payment(database, settings, month, reason=reason, by=by, now=now())
    ledger = _read_ledger(database)
    _print(print_correction(entry, ledger.closed[month], ledger))


@donations.command()
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_read_out,
    help="The file to write: .csv for programs, .xlsx to read and to pay from.",
)
@click.option(
    "--month", metavar="YYYY-MM", callback=read_month, help="This month alone, open or closed."
)
@click.option(
    "--year", metavar="YYYY", type=click.IntRange(1000, 9998), help="The months of this year."
)
@click.option(
    "--detail",
    is_flag=True,
    help="The single entries of the ledger instead: an auditor recomputes their hashes.",
)
def export(
    out: tuple[Path, ExportKind], month: Month | None, year: int | None, detail: bool
) -> None:
    """Write the months into a file, a line each.

    Without --month and --year, all months of the ledger, and those that are open. A closed month
    gives the same line whenever it is exported, until a payment fills its columns. A month that is
    not closed has what was counted up to now, and the status `open`. No file names a customer.
    """
    if month is not None and year is not None:
        raise click.UsageError("Choose --month or --year, not both.")
    path, kind = out
    settings, database = _open()
    with database.reading() as connection:
        ledger = Ledger(read_entries(connection))
        lines = list_lines(connection, ledger, settings.timezone, now())
        chosen = _choose(lines, month, year)
        if not detail:
            _require_current(connection, settings, ledger, chosen)
    months = {Month.parse(line["month"]) for line in chosen}
    if not detail:
        write_file(path, format_donations(ledger, chosen, kind))
        click.echo(f"{path}: {count_things(len(chosen), 'month')}{_name_range(chosen)}")
        return
    entries = ledger.entries_behind(months)
    if not entries:
        raise NothingToExport(
            "nothing was exported: the ledger has no entry of these months; "
            "`csat donations rate` and `csat donations close` write the first ones"
        )
    write_file(path, format_entries(entries, kind))
    number = f"{len(entries):,} {'entry' if len(entries) == 1 else 'entries'}"
    click.echo(f"{path}: {number}, the last is {entries[-1].hash}")


donations.add_command(verify)


def _choose(lines: Sequence[Line], month: Month | None, year: int | None) -> list[Line]:
    """Return the lines of a month or a year, or all of them. Raise NothingToExport."""
    wanted = "" if month is None and year is None else str(month or year)
    chosen = [line for line in lines if line["month"].startswith(wanted)]
    if not chosen:
        raise NothingToExport(
            f"nothing was exported: {wanted} has no month with responses; "
            f"there are months from {lines[0]['month']} to {lines[-1]['month']}"
        )
    return chosen


def _require_current(
    connection: Connection, settings: Settings, ledger: Ledger, lines: Sequence[Line]
) -> None:
    """Raise CsatError if one of these months is not counted yet, and the responses are not those of
    the settings."""
    if all(Month.parse(line["month"]) in ledger.months for line in lines):
        return
    try:
        require_current_responses(connection, CountingRules.of(settings))
    except ResponsesOutdated:
        raise CsatError(
            "nothing was exported: a setting has changed that decides what counts, and the "
            "responses are not derived anew yet: run `csat db upgrade`, or wait until `csat serve` "
            "has done so. Closed months can be exported, with --month."
        ) from None


def _name_range(lines: Sequence[Line]) -> str:
    first, last = lines[0]["month"], lines[-1]["month"]
    return f", {first}" if first == last else f", {first} to {last}"


def _open() -> tuple[Settings, Database]:
    settings = load_settings()
    return settings, open_store(settings.database_url)


def _read_ledger(database: Database) -> Ledger:
    with database.reading() as connection:
        return Ledger(read_entries(connection))


def _print(lines: Sequence[str]) -> None:
    click.echo("\n".join(lines))
