"""Two sites, two delivery workers and tick in three places, on one database: nothing is lost, and
nothing is done twice."""

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from reports.due_months import find_due_month
from survey.clock import now
from survey.months import Month
from survey.store.ledger import read_closes
from survey.store.models import Channel, OutboxRow
from tests.conftest import on_postgresql
from tests.support.command import run_csat
from tests.support.customers import Customers
from tests.support.donations import Donations
from tests.support.reckoning import assert_nothing_is_lost
from tests.support.settings import SECRET_KEY
from tests.support.tree import SiteTree
from tests.support.webhook_server import webhook_server

SETTLING_SECONDS = 1
PLACES = 3

# `make test` has two sites on one database in the test of the rolling upgrade.
pytestmark = pytest.mark.long


def tick_in_three_places(variables):
    with ThreadPoolExecutor(PLACES) as pool:
        running = [pool.submit(run_csat, "tick", **variables) for _ in range(PLACES)]
    for each in running:
        assert each.result().returncode == 0, each.result().stderr


def alert_rows(database):
    """How many alerts are delivered; none may wait."""
    rows = select(OutboxRow.delivered_at).where(OutboxRow.channel == Channel.ALERT_WEBHOOK.value)
    with database.reading() as connection:
        delivered = connection.scalars(rows).all()
    assert all(delivered)
    return len(delivered)


def told(chat):
    """How often the chat was told of each ticket, and of how many in all."""
    texts = [post["text"] for post in chat.posts]
    tickets = Counter(ticket for text in texts for ticket in re.findall(r"Ticket (\S+)", text))
    more = sum(int(number) for text in texts for number in re.findall(r"and (\d+) more", text))
    return tickets, tickets.total() + more


@on_postgresql
def test_many_processes_on_one_database(database, database_url, settings, posthog, tmp_path, seed):
    began = now()
    last = Month.of(began, settings.timezone).shift(-1)
    # The first close is made by hand; the next one is due, except early on a month's first day.
    donations = Donations(database, settings, began)
    donations.set_rate(last.shift(-1))
    donations.close(last.shift(-1))
    due = find_due_month(1, settings.timezone, began)
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with webhook_server() as chat:
        variables = {
            "CSAT_ALERT_WEBHOOK": chat.url,
            "CSAT_SETTLING_DELAY": f"{SETTLING_SECONDS}s",
            "CSAT_CLOSE_DAY": "1",
        }
        ticking = {
            **variables,
            "CSAT_DATABASE_URL": database_url,
            "CSAT_SECRET_KEY": SECRET_KEY,
        }
        first, second = (
            SiteTree(each, database_url, posthog.url, "--no-tick", **variables) for each in folders
        )
        with (
            first,
            second,
            Customers([first.port, second.port], seed=seed, pause=0.06) as customers,
        ):
            customers.wait_for(80)
            tick_in_three_places(ticking)
            customers.wait_for(40)
            thanked = customers.stop()
            time.sleep(SETTLING_SECONDS)
            tick_in_three_places(ticking)
            assert_nothing_is_lost(thanked, database_url, posthog)
    assert customers.refusals == 0
    # Each event arrived once: nobody died, so there was no reason to send one again.
    assert len(posthog.events) == len(thanked)
    tickets, alerts = told(chat)
    assert set(tickets.values()) == {1}
    assert len(tickets) > 5
    assert alerts <= alert_rows(database)
    with database.reading() as connection:
        closed = [close.month for close in read_closes(connection)]
    assert closed == [last.shift(-1), *([due] if due else [])]
    done = run_csat("donations", "verify", **ticking)
    assert done.returncode == 0, done.stdout + done.stderr
