"""`csat tick`: what is due is done, once, and what fails is told."""

import importlib
import os
import signal
import subprocess
import sys

import pytest
import requests
from sqlalchemy import text

import csat
from reports.donation_mailing import queue_donation_mails
from survey.clock import now
from survey.commands.tick import JobResult, run_jobs
from survey.errors import CsatError
from survey.logs import configure_logs
from survey.store.job_runs import list_runs
from tests.conftest import on_sqlite
from tests.support.command import environment, run_csat
from tests.support.donations import OCTOBER, Donations
from tests.support.pages import LINK
from tests.support.settings import make_settings
from tests.support.site import running_site, wait_until
from tests.support.webhook_server import webhook_server

SENDER = {"mail_from": "csat@example.com"}
HEAVY = ("pandas", "pipeline", "reports.page", "flask", "requests", "posthog", "smtplib", "jinja2")


def does_something(database, settings, now):
    assert database.url.database
    assert settings.mail_from is None
    return f"something on {now:%Y}"


def does_nothing(_database, _settings, _now):
    return None


def fails(_database, _settings, _now):
    raise CsatError("the setting CSAT_X is wrong")


def breaks(_database, _settings, _now):
    raise KeyError("what a customer wrote")


def job(function):
    return f"{__name__}:{function.__name__}"


@pytest.mark.parametrize("place", csat.JOBS)
def test_every_job_is_there(place):
    module, _, name = place.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


@on_sqlite
def test_a_job_that_fails_does_not_stop_the_others(database, settings):
    places = [job(each) for each in (fails, breaks, does_nothing, does_something)]
    failed, broke, nothing, something = run_jobs(places, database, settings)
    assert failed == JobResult("fails", failure="the setting CSAT_X is wrong")
    assert broke.failure.startswith("it failed unexpectedly (KeyError at test_tick.py:")
    assert nothing == JobResult("does_nothing")
    assert something.done.startswith("something on 20")


@on_sqlite
def test_each_run_of_a_job_is_noted_with_its_end(database, settings):
    began = now()
    run_jobs([job(each) for each in (fails, breaks, does_nothing)], database, settings)
    with database.reading() as connection:
        broke, nothing, failed = list_runs(connection)
    assert [run.job for run in (broke, nothing, failed)] == ["breaks", "does_nothing", "fails"]
    assert all(run.started_at >= began for run in (broke, nothing, failed))
    assert (failed.reason, failed.succeeded_at) == ("the setting CSAT_X is wrong", None)
    assert "what a customer wrote" not in broke.reason
    assert nothing.succeeded_at >= nothing.started_at
    assert [run.is_failing for run in (broke, nothing, failed)] == [True, False, True]


@on_sqlite
def test_jobs_run_although_nothing_can_be_noted(database, settings, capsys):
    configure_logs()
    with database.writing() as connection:
        connection.execute(text("drop table job_runs"))
    (result,) = run_jobs([job(does_something)], database, settings)
    assert result.done is not None
    assert capsys.readouterr().err.count("the runs of jobs are not noted") == 1


def run_program(settings, jobs, after=""):
    """`csat tick` with other jobs, in a process of its own."""
    program = (
        "import sys, csat\n"
        f"csat.cli.context_settings['obj'] = csat.Parts({jobs!r})\n"
        "try: csat.main()\n"
        f"finally: {after or 'pass'}\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, "tick"],
        env=environment(CSAT_DATABASE_URL=settings.database_url),
        capture_output=True,
        text=True,
        check=False,
    )


@on_sqlite
@pytest.mark.usefixtures("database")
def test_a_failure_is_told_without_a_traceback(settings):
    places = [job(each) for each in (fails, does_something)]
    done = run_program(settings, places)
    assert done.returncode == 1
    assert done.stderr == "csat: fails: the setting CSAT_X is wrong\n"
    assert done.stdout.startswith("something on 20")


@on_sqlite
@pytest.mark.usefixtures("database")
def test_where_nothing_is_due_little_is_imported(settings):
    after = f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    done = run_program(settings, csat.JOBS, after)
    assert (done.returncode, done.stdout) == (0, "Nothing was due.\n")
    assert done.stderr == "[]\n"


@on_sqlite
def test_once_the_month_is_closed_and_mailed_nothing_more_is_imported(database, settings):
    settings = settings.model_copy(
        update={"close_day": 3, "finance_recipients": ("fiona@example.com",), **SENDER}
    )
    donations = Donations(database, settings)
    donations.set_rate(OCTOBER)
    donations.close(OCTOBER)
    queue_donation_mails(database, settings, donations.now)
    # The clock of a process cannot be set, so this one gets the time as an argument.
    program = (
        "import sys\n"
        "from datetime import datetime\n"
        "from reports.closing import close_due_months\n"
        "from reports.donation_mailing import queue_donation_mails\n"
        "from survey.settings import load_settings\n"
        "from survey.store.database import Database\n"
        "settings, now = load_settings(), datetime.fromisoformat(sys.argv[1])\n"
        "database = Database(settings.database_url)\n"
        "print(close_due_months(database, settings, now))\n"
        "print(queue_donation_mails(database, settings, now))\n"
        f"print([m for m in {HEAVY} if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, donations.now.isoformat()],
        env=environment(
            CSAT_DATABASE_URL=settings.database_url,
            CSAT_CLOSE_DAY="3",
            CSAT_FINANCE_RECIPIENTS="fiona@example.com",
            CSAT_SMTP_URL="smtp://127.0.0.1",
            CSAT_MAIL_FROM=SENDER["mail_from"],
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("None\nNone\n[]\n", "")


def test_a_low_rating_on_the_site_is_posted_by_tick(tmp_path):
    given = {
        "CSAT_DATABASE_URL": f"sqlite:///{tmp_path}/csat.db",
        "CSAT_SETTLING_DELAY": "0s",
        "CSAT_SECRET_KEY": make_settings().require_secret_key(),
    }
    with webhook_server() as webhook:
        given["CSAT_ALERT_WEBHOOK"] = webhook.url
        with running_site(tmp_path, **given) as site:
            form = {"rating": "1", "comment": "slow"}
            requests.post(site.url, params=LINK, data=form, timeout=10).raise_for_status()
        webhook.refuse(404, "no_service")
        done = run_csat("tick", **given)
        assert done.stdout == "messages: 1 refused for good (`csat outbox` says why)\n"
        assert webhook.url not in done.stderr
        assert run_csat("tick", **given).stdout == "Nothing was due.\n"

        shown = run_csat("outbox", **given).stdout
        assert "messages   0 waiting, 1 dead" in shown
        assert "1 × alert by webhook: the webhook answered 404 (ID 2)" in shown
        assert "its receiver said of the first: no_service" in shown
        assert "dead       0" in shown
        retried = run_csat("outbox", "retry", "2", **given)
        assert retried.stdout == "1 dead letter waits for delivery again.\n"

        # The process that runs beside the site does at its start what is due.
        ticking = subprocess.Popen(
            [sys.executable, "-P", "-m", "csat", "tick", "--every-minute"],
            env=environment(**given),
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: webhook.posts)
        os.kill(ticking.pid, signal.SIGTERM)
        log = ticking.communicate(timeout=30)[1]
    assert ticking.returncode == 0
    assert "> slow" in webhook.posts[0]["text"]
    assert "slow" not in log
    assert "tick job='send_messages' done='messages: 1 sent'" in log
