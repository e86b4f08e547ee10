"""`csat doctor`: what is wrong with the installation, and what to do."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click
from sqlalchemy import Connection

from survey.clock import now
from survey.commands.remarks import find_remarks
from survey.doctor import (
    DAYS_OF_TICKETS,
    LONGEST_WAIT,
    Finding,
    has_failed,
    judge_database,
    judge_growth,
    judge_import,
    judge_invitations,
    judge_queue,
    judge_quota,
    judge_requesters,
    judge_settings,
    judge_unknown,
    judge_webhooks,
)
from survey.growth import day_of
from survey.settings import Settings, SettingsError, load_settings
from survey.store.daily_figures import figures_of_day
from survey.store.errors import StoreError
from survey.store.invitations import count_not_asked, count_solved, last_sent_at
from survey.store.inviting import Place, find_due
from survey.store.models import Channel
from survey.store.outbox import EVENTS, summarise_queue
from survey.store.quota import find_quota
from survey.store.schema import open_store
from survey.store.tickets import count_without_external_id, last_import_at, newest_invocation_at
from survey.vocabulary import InvitationOutcome, Plan

# What goes out here waits for CSAT_SETTLING_DELAY first, in case the answer is changed.
_SETTLING = (Channel.ALERT_WEBHOOK, Channel.ALERT_MAIL, Channel.ZENDESK)
_BEGIN = Place(datetime.min.replace(tzinfo=UTC), "")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for programs.")
def doctor(as_json: bool) -> None:
    """Look at the settings, the database, the outbox, Zendesk and the invitations; say what is
    wrong, and what to do.

    Each line is a check: ok, warning or failure. Exit 1 on a failure, 0 on warnings. Nothing is
    changed, and nobody but the database is asked.
    """
    findings = examine(now())
    click.echo(as_json_text(findings) if as_json else as_text(findings))
    if has_failed(findings):
        sys.exit(1)


def examine(at: datetime) -> list[Finding]:
    """Return what all checks find; what a failure makes pointless is left out."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return judge_settings([str(error)], [])
    return [*_check_settings(settings), *_check_store(settings, at)]


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
    try:
        settings.require_secret_key()
    except SettingsError as error:
        problems.append(str(error))
    return judge_settings(problems, find_remarks(settings))


def _check_store(settings: Settings, at: datetime) -> list[Finding]:
    try:
        with (
            closing(open_store(settings.database_url)) as database,
            database.reading() as connection,
        ):
            checked = [
                *_check_outbox(connection, settings, at),
                *_check_zendesk(connection, settings, at),
                *_check_invitations(connection, settings, at),
                *_check_growth(connection, settings, at),
            ]
    except StoreError as error:
        return [judge_database(str(error))]
    return [judge_database(None), *checked]


def _check_outbox(connection: Connection, settings: Settings, at: datetime) -> Iterator[Finding]:
    for channel in Channel:
        queue = summarise_queue(connection, [channel])
        settling = settings.settling_delay if channel in _SETTLING else timedelta()
        yield from judge_queue(
            channel.value,
            queue.waiting,
            timedelta(seconds=queue.oldest_seconds(at)),
            queue.last_reason,
            queue.dead_now,
            LONGEST_WAIT + settling,
        )
    if find_quota(connection, at) is not None:
        yield judge_quota(summarise_queue(connection, EVENTS).waiting)


def _check_zendesk(connection: Connection, settings: Settings, at: datetime) -> Iterator[Finding]:
    if not (settings.zendesk_url or settings.zendesk_webhook_secret):
        return
    # Without the address there is nothing to import from, and without the secret no webhook.
    if settings.zendesk_url:
        yield judge_import(last_import_at(connection), at)
    if settings.zendesk_webhook_secret:
        yield judge_webhooks(newest_invocation_at(connection), at)
    period = (at - timedelta(days=DAYS_OF_TICKETS), at)
    listed = {team.slug for team in settings.teams}
    priorities, teams = Counter[str](), Counter[str]()
    tickets = 0
    for team, plan, priority, _language, count in count_solved(connection, *period):
        tickets += count
        if plan == Plan.UNKNOWN:
            priorities[priority or "none"] += count
        if team not in listed:
            teams[team] += count
    yield judge_unknown(
        "zendesk priorities",
        priorities,
        "priorities that stand for no plan",
        "give each a plan in CSAT_ZENDESK_PLANS",
    )
    yield judge_unknown(
        "zendesk teams", teams, "teams that are not listed", "add them to CSAT_TEAMS"
    )
    without_address = sum(
        count
        for outcome, *_values, count in count_not_asked(connection, *period)
        if outcome == InvitationOutcome.NO_ADDRESS
    )
    without_id = count_without_external_id(connection, *period)
    yield from judge_requesters(tickets, without_id, without_address)


def _check_growth(connection: Connection, settings: Settings, at: datetime) -> list[Finding]:
    today = day_of(at)
    return judge_growth(
        figures_of_day(connection, today),
        figures_of_day(connection, today - timedelta(days=1)),
        settings.unverified_tickets_per_day,
    )


def _check_invitations(
    connection: Connection, settings: Settings, at: datetime
) -> Iterator[Finding]:
    if settings.invite == "off":
        return
    # `csat tick` gets its time to decide.
    solved_until = at - settings.survey_delay - LONGEST_WAIT
    due = find_due(connection, _BEGIN, 1, solved_until=solved_until)
    yield judge_invitations(is_due=bool(due), last_sent_at=last_sent_at(connection), now=at)
