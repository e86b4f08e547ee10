"""`csat doctor`: what is wrong with the installation, and what to do."""

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from functools import partial

import click

from survey.clock import now
from survey.command_line import Parts
from survey.commands.remarks import find_remarks
from survey.doctor.findings import Finding, Level, has_failed
from survey.doctor.judging import judge_database, judge_settings
from survey.doctor.machine import check_backups, check_disks
from survey.doctor.running import Check, run_checks
from survey.doctor.services import list_checks
from survey.doctor.store import check_store
from survey.sentry import check_address
from survey.settings import Settings, SettingsError, load_settings
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.schema import open_store

# How long the database may take, and how long all else together, which is looked at after it.
STORE_SECONDS = 8.0
OTHERS_SECONDS = 10.0

# A check of another package: it gets the database, the settings and the time.
OtherCheck = Callable[[Database, Settings, datetime], list[Finding]]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for programs.")
@click.option("--offline", is_flag=True, help="Ask nobody but the database.")
@click.pass_obj
def doctor(parts: Parts, as_json: bool, offline: bool) -> None:
    """Look at the settings, the database, the machine and the ledger, and ask PostHog, the mail
    server and Zendesk whether they would take what we send; say what is wrong, and what to do.

    Each line is a check: ok, warning or failure. Exit 1 on a failure, 0 on warnings. Nothing is
    changed, and nothing is sent to anybody. It takes no longer than half a minute.
    """
    others = [*parts.checks, *(() if offline else parts.online_checks)]
    findings = examine(now(), others, is_offline=offline)
    click.echo(as_json_text(findings) if as_json else as_text(findings))
    if has_failed(findings):
        sys.exit(1)


def examine(at: datetime, others: Sequence[str] = (), *, is_offline: bool = False) -> list[Finding]:
    """Return what all checks find; what a failure makes pointless is left out. `others` are the
    places of checks of other packages, as `module:function`."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return judge_settings([str(error)], [])
    found = _check_settings(settings)
    with closing(Database(settings.database_url, STORE_SECONDS)) as database:
        of_store = run_checks([Check("database", partial(_check_store, settings, at))], 10.0)
        checks = [
            Check("disk", partial(check_disks, settings, database.path)),
            Check("backups", partial(check_backups, settings, at)),
        ]
        if _is_usable(of_store):
            checks += [_other_check(place, database, settings, at) for place in others]
        if not is_offline:
            checks += list_checks(settings)
        return [*found, *of_store, *run_checks(checks, OTHERS_SECONDS)]


def as_text(findings: list[Finding]) -> str:
    """Return the findings in words, a line for each."""
    width = max(len(finding.check) for finding in findings)
    return "\n".join(f"{each.level:<7}  {each.check:<{width}}  {each.message}" for each in findings)


def as_json_text(findings: list[Finding]) -> str:
    """Return the findings for programs."""
    shown = {"ok": not has_failed(findings), "findings": [asdict(each) for each in findings]}
    # The JSON is in ASCII, so that texts of others cannot control a terminal that shows it.
    return json.dumps(shown, indent=2)


def _check_settings(settings: Settings) -> list[Finding]:
    problems = []
    for require in (settings.require_secret_key, partial(check_address, settings)):
        try:
            require()
        except SettingsError as error:
            problems.append(str(error))
    return judge_settings(problems, find_remarks(settings))


def _check_store(settings: Settings, at: datetime) -> list[Finding]:
    try:
        with closing(open_store(settings.database_url, STORE_SECONDS)) as database:
            checked = check_store(database, settings, at)
    except StoreError as error:
        return [judge_database(str(error))]
    return [judge_database(None), *checked]


def _is_usable(of_store: Sequence[Finding]) -> bool:
    """Return whether the database could be read."""
    return any(each.check == "database" and each.level is Level.OK for each in of_store)


def _other_check(place: str, database: Database, settings: Settings, at: datetime) -> Check:
    module, _, name = place.partition(":")

    def find() -> list[Finding]:
        check: OtherCheck = getattr(importlib.import_module(module), name)
        return check(database, settings, at)

    return Check(name, find)
