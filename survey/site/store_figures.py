"""The figures of the store for Prometheus, true for all processes on all machines."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, time
from functools import partial

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from survey.months import Month, months_between
from survey.settings import Settings
from survey.store.daily_figures import figures_of_day
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.figures import (
    count_decided,
    count_open_erasures,
    count_queues,
    count_totals,
    find_last_close,
)
from survey.store.job_runs import list_runs
from survey.store.quota import find_quota
from survey.vocabulary import DailyFigure

_REFUSALS = {
    DailyFigure.REFUSED_CLIENT: "client",
    DailyFigure.REFUSED_LINK: "link",
    DailyFigure.REFUSED_ALL: "all",
    DailyFigure.REFUSED_STRANGER: "stranger",
    DailyFigure.REFUSED_DAY: "day",
}

log = structlog.get_logger()


class StoreFigures(Collector):
    """Collects the figures in one transaction; none while the store cannot be read, because old
    ones would be wrong."""

    def __init__(
        self, database: Database, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    def collect(self) -> list[Metric]:
        """Return all figures."""
        now = self._clock()
        try:
            with self._database.reading() as connection:
                return [
                    *_describe_outbox(connection, now),
                    *_describe_jobs(connection),
                    *_describe_ledger(connection, self._settings, now),
                    *_describe_today(connection, now),
                    *_describe_erasures(connection, now),
                ]
        except StoreError as error:
            log.error("the store's figures cannot be read", reason=str(error))
            return []


def _describe_outbox(connection: Connection, now: datetime) -> Iterator[Metric]:
    queues = count_queues(connection, now)
    by_channel = partial(_gauge, label="channel")
    yield by_channel(
        "csat_outbox_waiting",
        "Events and messages that wait for their receiver.",
        ((channel, queue.waiting) for channel, queue in queues.items()),
    )
    yield by_channel(
        "csat_outbox_oldest_seconds",
        "How long the oldest of them has been waiting.",
        ((channel, _seconds(queue.oldest_at, now)) for channel, queue in queues.items()),
    )
    yield by_channel(
        "csat_outbox_dead_now",
        "Dead letters that nobody has sent again.",
        ((channel, queue.dead) for channel, queue in queues.items()),
    )
    yield by_channel(
        "csat_outbox_delivered_lately",
        "What was delivered in the last 24 hours.",
        ((channel, queue.delivered_lately) for channel, queue in queues.items()),
    )
    totals = count_totals(connection)
    yield CounterMetricFamily(
        "csat_outbox_delivered", "Events that PostHog accepted.", totals.delivered
    )
    yield CounterMetricFamily("csat_outbox_dead", "Events that became dead letters.", totals.dead)
    yield GaugeMetricFamily(
        "csat_outbox_over_quota",
        "1 while PostHog drops events for its quota, so that all wait.",
        int(find_quota(connection, now) is not None),
    )


def _describe_jobs(connection: Connection) -> Iterator[Metric]:
    runs = list_runs(connection)
    for name, words, times in (
        ("started", "last began", ((run.job, run.started_at) for run in runs)),
        ("succeeded", "last ended well", ((run.job, run.succeeded_at) for run in runs)),
        ("failed", "last failed", ((run.job, run.failed_at) for run in runs)),
    ):
        yield _gauge(
            f"csat_tick_{name}_timestamp_seconds",
            f"When a job of csat tick {words}, on any machine.",
            ((job, at.timestamp()) for job, at in times if at is not None),
            label="job",
        )


def _describe_ledger(connection: Connection, settings: Settings, now: datetime) -> Iterator[Metric]:
    last = find_last_close(connection)
    if last is None:
        return  # the first close decides from which month on hedgehogs are owed
    closes_at = last.closes_at(settings.timezone)
    yield GaugeMetricFamily(
        "csat_close_last_month_timestamp_seconds",
        "The end of the last month that was closed in the donation ledger.",
        closes_at.timestamp(),
    )
    current = Month.of(now - settings.close_grace, settings.timezone)
    yield GaugeMetricFamily(
        "csat_close_months_due",
        "Months that have ended since and are not closed.",
        len(months_between(last, current)) - 2 if current > last else 0,
    )


def _describe_today(connection: Connection, now: datetime) -> Iterator[Metric]:
    today = now.astimezone(UTC).date()
    yield _gauge(
        "csat_invitations_today",
        "Tickets that were decided over today (UTC), by what became of asking the customer.",
        count_decided(connection, datetime.combine(today, time.min, UTC)).items(),
        label="outcome",
    )
    figures = figures_of_day(connection, today)
    yield GaugeMetricFamily(
        "csat_unverified_tickets_today",
        "Tickets whose first answer came today (UTC) and is unverified.",
        figures[DailyFigure.UNVERIFIED_TICKETS],
    )
    yield _gauge(
        "csat_submits_refused_today",
        "Submits that a limit has refused today (UTC).",
        ((limit, figures[figure]) for figure, limit in _REFUSALS.items()),
        label="limit",
    )


def _describe_erasures(connection: Connection, now: datetime) -> Iterator[Metric]:
    waiting, unasked = count_open_erasures(connection)
    by_state = (("waiting", waiting), ("not_asked", unasked))
    yield _gauge(
        "csat_erasures_open",
        "Erased persons whom PostHog has not deleted yet, or was not asked to.",
        ((state, found.count) for state, found in by_state),
        label="state",
    )
    yield _gauge(
        "csat_erasures_oldest_seconds",
        "How long the oldest of them has been open.",
        ((state, _seconds(found.oldest_at, now)) for state, found in by_state),
        label="state",
    )


def _gauge(
    name: str, words: str, values: Iterable[tuple[str, float]], *, label: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value_of_label, value in values:
        family.add_metric([str(value_of_label)], value)
    return family


def _seconds(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)
