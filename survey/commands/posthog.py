"""`csat posthog`: survey, insights and dashboard at PostHog, set up as code and looked after."""

import importlib
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import datetime

import click

from survey.clock import now
from survey.command_line import Parts
from survey.commands.doctor import as_text
from survey.differences import Line, Sign
from survey.doctor.findings import Finding, has_failed
from survey.errors import CsatError
from survey.posthog.applying import apply_plan
from survey.posthog.client import PostHogClient
from survey.posthog.planning import Change, Plan, make_plan
from survey.posthog.reading import read_found
from survey.posthog.wording import (
    count_changes,
    describe_change,
    describe_completion,
    describe_plan,
    list_settings,
)
from survey.settings import Settings, load_settings
from survey.store.database import Database
from survey.store.schema import open_store

_COLOURS = {Sign.GONE: "red", Sign.NEW: "green", Sign.CHANGED: "yellow"}

# A check: it gets the database, the settings and the time.
Check = Callable[[Database, Settings, datetime], list[Finding]]


class NameTaken(CsatError):
    """A survey of somebody else is in the way."""


@click.group()
def posthog() -> None:
    """PostHog: its survey, insights and dashboard, set up as code.

    Needs CSAT_POSTHOG_PROJECT_ID and CSAT_POSTHOG_PERSONAL_KEY.
    """


@posthog.command()
@click.option("--apply", "is_applied", is_flag=True, help="Make and change it at PostHog.")
def setup(is_applied: bool) -> None:
    """Print what would be made or changed at PostHog; with --apply, do it.

    A survey with our question ids, insights that count as the report does, and one dashboard that
    holds them with a note on what they count. It finds its own things again by a marker in their
    descriptions ("[csat:survey]"), never makes second ones, puts back what was changed on them by
    hand, and touches nothing else.

    The key needs the scopes survey:write, insight:write and dashboard:write; without --apply,
    those for reading.
    """
    settings = load_settings()
    with closing(_open(settings)) as client:
        if is_applied:
            _apply(client, settings)
        else:
            _foretell(client, settings)


@posthog.command()
@click.pass_obj
def check(parts: Parts) -> None:
    """Say whether the key may do what is needed, the survey runs, the dashboard is as set up, and
    yesterday's events arrived.

    Each line is a check: ok, warning or failure. Exit 1 on a failure, 0 on warnings. Nothing is
    changed.
    """
    settings = load_settings()
    settings.require_posthog_project_id()
    settings.require_posthog_personal_key()
    database = open_store(settings.database_url)
    with closing(database):
        findings = list(_run_checks(parts.posthog_checks, database, settings, now()))
    click.echo(as_text(findings))
    if has_failed(findings):
        sys.exit(1)


def _open(settings: Settings) -> PostHogClient:
    return PostHogClient(
        settings.posthog_app_address,
        settings.require_posthog_project_id(),
        settings.require_posthog_personal_key(),
    )


def _foretell(client: PostHogClient, settings: Settings) -> None:
    plan = make_plan(read_found(client), settings, now())
    _print(describe_plan(plan))
    _print_remarks(plan)
    if plan.problems:
        raise NameTaken("; ".join(plan.problems))
    if plan.changes:
        click.echo(f"\n{count_changes(plan)}. Nothing was changed: --apply does it.")


def _apply(client: PostHogClient, settings: Settings) -> None:
    made = set()

    def tell(change: Change) -> None:
        thing = (change.kind, change.key)
        if thing in made:
            _print([describe_completion(change)])
            return
        lines = describe_change(change, is_done=True)
        if change.number is None:
            made.add(thing)
            lines = lines[:1]
        _print(lines)

    plan = apply_plan(client, settings, now(), tell)
    click.echo(f"{len(plan.unchanged)} things stand as they should.")
    _print_remarks(plan)
    place = f"/project/{settings.posthog_project_id}/dashboard/{plan.dashboard_id}"
    click.echo(f"\nThe dashboard: {settings.posthog_app_address}{place}")
    click.echo("Keep these settings, and start csat serve again where one is new:")
    for line in list_settings(plan, settings):
        click.echo(line)


def _print(lines: Iterable[Line]) -> None:
    for sign, text in lines:
        click.echo(click.style(f"{sign} {text}", fg=_COLOURS.get(sign), dim=sign is Sign.LEFT_OUT))


def _print_remarks(plan: Plan) -> None:
    for remark in plan.remarks:
        click.echo(click.style(f"! {remark}.", fg="yellow"))


def _run_checks(
    places: Iterable[str], database: Database, settings: Settings, at: datetime
) -> Iterable[Finding]:
    for place in places:
        module, _, name = place.partition(":")
        run: Check = getattr(importlib.import_module(module), name)
        yield from run(database, settings, at)
