"""Looks at the store: what waits, what fails, and whose clock is wrong."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

from survey.clock import now
from survey.doctor.findings import Finding
from survey.doctor.judging import (
    DAYS_OF_TICKETS,
    LONGEST_WAIT,
    judge_growth,
    judge_import,
    judge_invitations,
    judge_queue,
    judge_quota,
    judge_requesters,
    judge_unknown,
    judge_webhooks,
)
from survey.doctor.judging_machine import judge_clock, judge_newest
from survey.doctor.judging_operation import judge_erasures, judge_jobs, judge_retention
from survey.growth import day_of
from survey.settings import Settings
from survey.store.daily_figures import figures_of_day
from survey.store.database import Database
from survey.store.erasures import find_forgotten_before
from survey.store.figures import (
    count_never_asked,
    count_open_erasures,
    find_newest_receipt,
)
from survey.store.invitations import count_not_asked, count_solved, last_sent_at
from survey.store.inviting import Place, find_due
from survey.store.job_runs import list_runs
from survey.store.models import Channel
from survey.store.outbox import EVENTS, summarise_queue
from survey.store.quota import find_quota
from survey.store.tickets import count_without_external_id, last_import_at, newest_invocation_at
from survey.vocabulary import InvitationOutcome, Plan

# What goes out here waits for CSAT_SETTLING_DELAY first, in case the answer is changed.
_SETTLING = (Channel.ALERT_WEBHOOK, Channel.ALERT_MAIL, Channel.ZENDESK)
_BEGIN = Place(datetime.min.replace(tzinfo=UTC), "")
_CLOCK = select(func.clock_timestamp())


def check_store(database: Database, settings: Settings, at: datetime) -> list[Finding]:
    """Return what all checks of the store find. Raise StoreError if it cannot be read."""
    with database.reading() as connection:
        return [
            *_check_outbox(connection, settings, at),
            *_check_jobs(connection, at),
            *_check_clock(connection, at),
            *_check_erasures(connection, settings, at),
            *_check_zendesk(connection, settings, at),
            *_check_invitations(connection, settings, at),
            *_check_growth(connection, settings, at),
        ]


def _check_jobs(connection: Connection, at: datetime) -> list[Finding]:
    return judge_jobs(list_runs(connection), at)


def _check_clock(connection: Connection, at: datetime) -> Iterator[Finding]:
    if connection.dialect.name == "postgresql":
        yield judge_clock("the database server's", connection.execute(_CLOCK).scalar_one() - now())
    started = max((run.started_at for run in list_runs(connection)), default=None)
    newest = (("the newest answer", find_newest_receipt(connection)), ("the last job", started))
    for what, newest_at in newest:
        if (finding := judge_newest(what, newest_at, at)) is not None:
            yield finding


def _check_erasures(connection: Connection, settings: Settings, at: datetime) -> Iterator[Finding]:
    waiting, unasked = count_open_erasures(connection)
    # Without a key PostHog cannot be asked whether it knows the person.
    has_key = settings.posthog_personal_key is not None
    count_unasked = unasked.count if has_key else count_never_asked(connection)
    if waiting.count or count_unasked:
        yield judge_erasures(waiting.count, waiting.oldest_at, count_unasked, at)
    if settings.retention is not None:
        yield judge_retention(settings.retention, find_forgotten_before(connection), at)


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


def _check_invitations(
    connection: Connection, settings: Settings, at: datetime
) -> Iterator[Finding]:
    if settings.invite == "off":
        return
    # `csat tick` gets its time to decide.
    solved_until = at - settings.survey_delay - LONGEST_WAIT
    due = find_due(connection, _BEGIN, 1, solved_until=solved_until)
    yield judge_invitations(is_due=bool(due), last_sent_at=last_sent_at(connection), now=at)


def _check_growth(connection: Connection, settings: Settings, at: datetime) -> list[Finding]:
    today = day_of(at)
    return judge_growth(
        figures_of_day(connection, today),
        figures_of_day(connection, today - timedelta(days=1)),
        settings.unverified_tickets_per_day,
    )
