"""`csat tick`: do whatever is due now."""

import importlib
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

import click
import structlog

from survey.clock import now
from survey.command_line import Parts
from survey.errors import CsatError
from survey.job_runs import JobRuns
from survey.logs import find_place, report_failure
from survey.monitoring import begin_monitoring
from survey.serving.children import die_with_parent
from survey.settings import Settings, load_settings
from survey.store.database import LONGEST_WAIT_SECONDS, Database
from survey.store.erasures import require_erasure_secrets
from survey.store.schema import open_store

INTERVAL_SECONDS = 60.0

# What is due: it gets the database, the settings and the time, and returns a line about what it
# did, or None if nothing was to be done.
Job = Callable[[Database, Settings, datetime], str | None]

log = structlog.get_logger()


@dataclass(frozen=True)
class JobResult:
    """What a job did, or why it failed; both None if nothing was due."""

    name: str
    done: str | None = None
    failure: str | None = None


@click.command()
@click.option("--every-minute", is_flag=True, help="Again and again, until stopped.")
@click.pass_obj
def tick(parts: Parts, every_minute: bool) -> None:
    """Do whatever is due now, once; `csat serve` does so once a minute by itself.

    Run it as often as you like, from as many machines as you like: nothing is done twice.
    """
    die_with_parent()
    settings = load_settings()
    begin_monitoring(settings)
    database = open_store(settings.database_url, LONGEST_WAIT_SECONDS)
    require_erasure_secrets(database, settings.secret_keys)
    if every_minute:
        _run_every_minute(parts.jobs, database, settings)
        return
    results = run_jobs(parts.jobs, database, settings)
    for result in results:
        if result.done is not None:
            click.echo(result.done)
        if result.failure is not None:
            click.echo(f"csat: {result.name}: {result.failure}", err=True)
    if any(result.failure is not None for result in results):
        sys.exit(1)
    if all(result.done is None for result in results):
        click.echo("Nothing was due.")


def run_jobs(jobs: Sequence[str], database: Database, settings: Settings) -> list[JobResult]:
    """Run each job once, in order, and note it; a job that fails does not stop the others."""
    runs = JobRuns(database)
    results = []
    for place in jobs:
        name = place.rpartition(":")[2]
        runs.begin(name, now())
        results.append(_run(place, database, settings))
        runs.end(name, now(), results[-1].failure)
    runs.close(now())
    return results


def _run(place: str, database: Database, settings: Settings) -> JobResult:
    module, _, name = place.partition(":")
    try:
        job: Job = getattr(importlib.import_module(module), name)
        return JobResult(name, done=job(database, settings, now()))
    except CsatError as error:
        return JobResult(name, failure=str(error))
    except Exception as error:
        report_failure(error)
        # The message of an unexpected error may repeat what customers wrote.
        kind, at = type(error).__name__, find_place(error)
        return JobResult(name, failure=f"it failed unexpectedly ({kind} at {at})")


def _run_every_minute(jobs: Sequence[str], database: Database, settings: Settings) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        began = monotonic()
        for result in run_jobs(jobs, database, settings):
            if result.done is not None:
                log.info("tick", job=result.name, done=result.done)
            if result.failure is not None:
                log.error("tick failed", job=result.name, reason=result.failure)
        stop.wait(max(INTERVAL_SECONDS - (monotonic() - began), 0.0))
