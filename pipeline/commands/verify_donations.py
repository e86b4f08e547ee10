"""`csat donations verify`: does the ledger still say what it said, and what the responses say?"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from pipeline.commands.verify_posthog import compare_posthog
from pipeline.donations.checks.difference import LedgerDiffers
from pipeline.donations.checks.earlier_export import EarlierExport, read_export
from pipeline.donations.verifying import Check, verify_ledger
from survey.clock import now
from survey.errors import CsatError
from survey.progress import show_progress
from survey.settings import Settings, load_settings
from survey.store.database import Database
from survey.store.schema import open_store


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option(
    "--against",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="EXPORT.csv",
    help="An earlier `csat donations export`, plain or with --detail: also find entries that are "
    "gone since, as after a restored backup.",
)
def verify(*, as_json: bool, against: Path | None) -> None:
    """Recompute the donation ledger, and compare it with the responses.

    Checks the chain of the entries, the order of the months, rates and amounts, payments, the
    list of tickets of every close, that each of them still has its response, and that the reports
    count as many; and, where CSAT_POSTHOG_PROJECT_ID and CSAT_POSTHOG_PERSONAL_KEY are set, that
    PostHog has no answer of the last closed months that the store lacks. It changes nothing.

    Stops at the first difference, says which one it is, and exits 1. Changes since a close that
    answers, voids and settings explain are no difference: the next close posts them.
    """
    settings = load_settings()
    export = None if against is None else read_export(against)
    with closing(open_store(settings.database_url)) as database:
        checks = _check(database, settings, export, now())
        if as_json:
            sys.exit(_print_json(checks))
        for check in checks:
            click.echo(f"{check.name:<10} {check.summary}")
            for warning in check.warnings:
                click.echo(f"! {warning}")
    click.echo("No difference was found.")


def _check(
    database: Database, settings: Settings, export: EarlierExport | None, as_of: datetime
) -> Iterator[Check]:
    with show_progress("Comparing", "responses") as on_progress:
        yield from verify_ledger(database, settings, export, on_progress)
    yield compare_posthog(database, settings, as_of)


def _print_json(checks: Iterator[Check]) -> int:
    """Print what was checked and the first difference; return the exit code."""
    done: list[Check] = []
    difference = error = None
    try:
        done.extend(checks)
    except LedgerDiffers as found:
        difference = str(found)
    except CsatError as found:
        error = str(found)
    is_ok = difference is None and error is None
    result = {
        "ok": is_ok,
        "difference": difference,
        "error": error,
        "checks": [_to_json(each) for each in done],
    }
    click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    return 0 if is_ok else 1


def _to_json(check: Check) -> dict[str, Any]:
    warnings: Sequence[str] = check.warnings
    return {
        "name": check.name,
        "summary": check.summary,
        **check.figures,
        "warnings": list(warnings),
    }
