"""`csat serve`: run the sites and delivery as one tree of processes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import structlog

from survey.addresses import show_address
from survey.commands.deriving import derive_if_outdated
from survey.commands.remarks import find_risks
from survey.counting_rules import CountingRules
from survey.monitoring import begin_monitoring
from survey.prometheus import FOLDER_VARIABLE, shared_folder
from survey.serving.children import die_with_parent
from survey.serving.supervisor import (
    Child,
    Supervisor,
    bind,
    bind_unix,
    delivery,
    reports_worker,
    site_workers,
    ticking,
)
from survey.serving.worker import REPORTS_SOCKET_VARIABLE
from survey.settings import Settings, load_settings
from survey.store.database import Database
from survey.store.erasures import require_erasure_secrets
from survey.store.migrate import upgrade
from survey.store.schema import require_supported_schema

log = structlog.get_logger()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Processes that answer requests.",
)
@click.option("--no-deliver", is_flag=True, help="No delivery; run `csat deliver` elsewhere.")
@click.option("--no-reports", is_flag=True, help="No reports site: /reports/ is not found.")
@click.option("--no-tick", is_flag=True, help="Nothing once a minute; run `csat tick` elsewhere.")
def serve(
    host: str, port: int, workers: int, no_deliver: bool, no_reports: bool, no_tick: bool
) -> None:
    """The survey site, the reports, delivery to PostHog, and `csat tick` once a minute, until
    stopped by Ctrl-C or SIGTERM.

    Upgrades an SQLite database first; for PostgreSQL run `csat db upgrade` yourself. Answers
    /healthz (the process lives), /readyz (an answer could be stored) and, with
    CSAT_METRICS_TOKEN, /metrics. Needs CSAT_SECRET_KEY. Refuses a port in use; whatever ends
    this process ends all that it started.
    """
    die_with_parent()
    settings = load_settings()
    settings.require_secret_key()
    begin_monitoring(settings)
    for risk in find_risks(settings):
        log.warning(risk)
    listener = bind(host, port)
    database = Database(settings.database_url)
    if database.is_sqlite:
        upgrade(database)
    else:
        # Many processes share a server, so the operator decides when its schema changes.
        require_supported_schema(database)
    require_erasure_secrets(database, settings.secret_keys)
    derive_if_outdated(database, CountingRules.of(settings))
    database.close()
    children = site_workers(listener, workers)
    if not no_deliver and settings.posthog_key is not None:
        children.append(delivery())
    if not no_tick:
        children.append(ticking())
    with ExitStack() as stack:
        if not no_reports:
            children.append(stack.enter_context(_reports()))
        announce(settings, host, listener.getsockname()[1], workers)
        if settings.posthog_key is None and not no_deliver:
            log.warning(
                "CSAT_POSTHOG_KEY is not set: answers are stored, and their events wait in the "
                "outbox until it is."
            )
        os.environ[FOLDER_VARIABLE] = stack.enter_context(shared_folder())
        Supervisor(children).run()


@contextmanager
def _reports() -> Iterator[Child]:
    """Yield the child that answers for the reports. Its socket stays when the child is started
    anew, and lies where only this user can reach it."""
    with tempfile.TemporaryDirectory(prefix="csat-reports-") as folder:
        path = Path(folder) / "socket"
        with bind_unix(path) as listener:
            os.environ[REPORTS_SOCKET_VARIABLE] = str(path)
            yield reports_worker(listener)


def announce(settings: Settings, host: str, port: int, workers: int) -> None:
    """Log the site's address, its database, and the number of its workers."""
    shown_host = f"[{host}]" if ":" in host else host
    log.info(
        "the survey site starts",
        address=f"http://{shown_host}:{port}/",
        database=show_address(settings.database_url),
        workers=workers,
    )
