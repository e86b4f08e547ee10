"""`csat deliver`: send the outbox to PostHog."""

import signal
import sys
import threading

import click

from survey.clock import now
from survey.delivery.sender import PostHogSender
from survey.delivery.worker import Worker
from survey.monitoring import begin_monitoring
from survey.serving.children import die_with_parent
from survey.settings import SettingsError, load_settings
from survey.store.database import LONGEST_WAIT_SECONDS
from survey.store.schema import open_store


@click.command()
@click.option("--once", is_flag=True, help="Stop when the outbox is empty; exit 1 if it is not.")
def deliver(once: bool) -> None:
    """Send the outbox to PostHog until stopped; `csat serve` does so by itself.

    What PostHog does not accept is tried again with growing pauses, at most 30 s; an event that
    it can never accept becomes a dead letter, which `csat outbox` shows. Needs CSAT_POSTHOG_KEY.
    """
    die_with_parent()
    settings = load_settings()
    begin_monitoring(settings)
    if settings.posthog_key is None:
        raise SettingsError("CSAT_POSTHOG_KEY is not set: events wait in the outbox until it is.")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    database = open_store(settings.database_url, LONGEST_WAIT_SECONDS)
    sender = PostHogSender(settings.posthog_host, settings.posthog_key.get_secret_value())
    worker = Worker(database, sender, now, stop, settings.outbox_retention)
    if not once:
        worker.run()
    elif not worker.drain():
        click.echo("csat: not everything was delivered; `csat outbox` says what waits.", err=True)
        sys.exit(1)
