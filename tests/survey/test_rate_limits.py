"""How many submits are taken in ten minutes, counted by one process or by all together."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from survey.rate_counts import PERIOD, RateCounts, SharedRateCounts, end_of
from survey.rate_limits import RateLimits, Scope
from survey.store.database import Database
from survey.store.models import RateCountRow
from survey.vocabulary import DailyFigure
from tests.conftest import on_sqlite
from tests.support.rows import rows
from tests.support.settings import make_settings
from tests.support.site import wait_until

NOW = datetime(2026, 10, 14, 12, 3, tzinfo=UTC)
SHARE_SECONDS = 0.02


def limits(counts=None, **given):
    """Limits of 5 for a client, 3 for a link and 9 in all, but for what is given."""
    numbers = {"rate_limit_client": 5, "rate_limit_link": 3, "rate_limit_all": 9, **given}
    return RateLimits(make_settings(**numbers), counts or RateCounts())


def taken(limits, client="c", link="l", *, scope=Scope.ANSWER, times=20, at=NOW):
    """How many of so many submits are taken."""
    return sum(limits.take(scope, client, link, at) is None for _ in range(times))


def test_each_limit_refuses_and_names_itself():
    limited = limits()
    assert taken(limited) == 3
    assert limited.take(Scope.ANSWER, "c", "l", NOW).figure is DailyFigure.REFUSED_LINK
    assert taken(limited, link="m", times=2) == 2
    assert limited.take(Scope.ANSWER, "c", "n", NOW).figure is DailyFigure.REFUSED_CLIENT
    assert taken(limited, client="d", link=None) == 4
    assert limited.take(Scope.ANSWER, "e", "o", NOW).figure is DailyFigure.REFUSED_ALL


def test_what_is_refused_is_not_counted():
    limited = limits()
    taken(limited, times=500)
    assert taken(limited, client="d", link="m") == 3


def test_a_refusal_says_how_long_it_lasts():
    limited = limits()
    taken(limited)
    refused = limited.take(Scope.ANSWER, "c", "l", NOW)
    assert refused.wait == timedelta(minutes=7)
    assert taken(limited, at=NOW + refused.wait - timedelta(microseconds=1)) == 0
    assert taken(limited, at=NOW + refused.wait) == 3


def test_a_clock_that_is_set_back_locks_nobody_out():
    limited = limits()
    taken(limited)
    assert taken(limited, at=NOW - PERIOD) == 3


def test_zero_is_no_limit():
    limited = limits(rate_limit_client=0, rate_limit_link=0, rate_limit_all=0)
    assert taken(limited, times=500) == 500


def test_a_client_whom_nobody_knows_has_no_limit_of_its_own():
    assert taken(limits(), client=None, link=None) == 9


def test_page_views_and_webhooks_take_nothing_from_answers():
    limited = limits()
    for scope in Scope:
        assert taken(limited, scope=scope) == 3


@pytest.fixture
def process(database):
    """Make a process with limits of its own, which counts in the shared database."""
    databases = []

    def process(**given):
        own = Database(
            make_settings(database_url=database.url.render_as_string(False)).database_url
        )
        databases.append(own)
        return limits(SharedRateCounts(own, SHARE_SECONDS), **given)

    yield process
    for each in databases:
        each.close()


def test_processes_share_what_they_count(process, database):
    first, second = process(), process()
    assert taken(first, link=None, times=4) == 4
    wait_until(lambda: sum(row.hits for row in rows(database, RateCountRow)) == 8)
    # The second learns of the first by its own first hit; then no more is taken in either.
    assert taken(second, link=None, times=1) == 1
    wait_until(lambda: taken(second, link=None, times=0) == 0 and _others(second) == 8)
    assert taken(second, link=None) == 0
    assert {row.expires_at for row in rows(database, RateCountRow)} == {NOW + timedelta(minutes=7)}


def _others(limited):
    return sum(limited._counts._others.values())


def test_the_next_period_begins_anew(process):
    first, second = process(), process()
    later = NOW + PERIOD
    assert taken(first, link=None) == 5
    assert taken(second, link=None, at=later) == 5
    wait_until(lambda: _others(second) == 0)
    assert taken(first, link=None, at=later) == 5


@on_sqlite
def test_a_database_that_does_not_answer_delays_nobody(process, database):
    limited = process()
    with closing(Database(str(database.url))) as other, other.writing():
        assert taken(limited, link=None) == 5


def test_a_period_ends_where_the_next_begins():
    assert end_of(0) == datetime(1970, 1, 1, 0, 10, tzinfo=UTC)
