"""SIGTERM in the middle of a request to PostHog: it is finished, and nothing stays claimed."""

import os
import signal

import pytest
from sqlalchemy import func, select

from demo.behaviour import ACCEPT, slowly
from survey.clock import now
from survey.store.models import OutboxRow
from tests.support.command import run_csat
from tests.support.customers import Answer
from tests.support.receiving import take
from tests.support.reckoning import assert_nothing_is_lost
from tests.support.site import is_alive, wait_until
from tests.support.tree import SiteTree

# More than a batch: the rest must not stay claimed.
ANSWERS = [Answer(str(n), 3, "words", "a") for n in range(150)]


def held(database):
    """How many events that wait are put off."""
    rows = select(func.count()).where(
        OutboxRow.delivered_at.is_(None), OutboxRow.available_at > now()
    )
    with database.reading() as connection:
        return connection.scalar(rows)


def deliver_once(database_url, posthog):
    done = run_csat(
        "deliver",
        "--once",
        CSAT_DATABASE_URL=database_url,
        CSAT_POSTHOG_HOST=posthog.url,
        CSAT_POSTHOG_KEY="phc_test",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("whom", ["delivery", "the site"])
def test_a_request_in_flight_is_finished_and_nothing_stays_claimed(
    whom, database, database_url, settings, posthog, tmp_path
):
    with SiteTree(tmp_path, database_url, posthog.url) as site:
        # The answer of the batch call is short, so that it ends in time, byte by byte.
        posthog.v1.is_offered = False
        posthog.behave(slowly(0.01))
        take(database, settings, ANSWERS, now())
        assert posthog.wait_for_attempts(1)
        (delivery,) = site.deliveries()
        # Those that are being sent, and perhaps those that come next.
        assert held(database) >= 100
        if whom == "delivery":
            os.kill(delivery, signal.SIGTERM)
        else:
            site.begin_to_stop()
        wait_until(lambda: not is_alive(delivery))
        assert held(database) == 0
        posthog.behave(ACCEPT)
        if whom == "the site":
            site.wait_until_stopped()
            deliver_once(database_url, posthog)
        assert_nothing_is_lost(ANSWERS, database_url, posthog)
    assert len(posthog.events) == len(ANSWERS)
