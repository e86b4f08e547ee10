"""`csat tick` closes the months of the donation ledger, each on its day."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pipeline.donations.closing import CannotClose
from reports.closing import close_due_months
from survey.store.database import Database
from tests.conftest import on_postgresql, on_sqlite
from tests.support.donations import AUGUST, JULY, OCTOBER, SEPTEMBER, Donations
from tests.support.settings import make_settings

LONDON = ZoneInfo("Europe/London")
DUE = datetime(2026, 11, 3, 8, tzinfo=LONDON).astimezone(UTC)


@pytest.fixture
def settings(database_url):
    return make_settings(database_url=database_url, close_day="3")


@pytest.fixture
def donations(database, settings):
    """August closed by hand, September and October to be closed."""
    donations = Donations(database, settings, now=datetime(2026, 9, 3, 9, tzinfo=UTC))
    for month, responses in ((AUGUST, 1), (SEPTEMBER, 2), (OCTOBER, 3)):
        donations.respond(month, responses)
    donations.set_rate(AUGUST)
    donations.close(AUGUST)
    return donations


def closed_months(donations):
    return {
        month: (line.hedgehogs, line.close.recorded_by)
        for month, line in donations.ledger.closed.items()
    }


def test_the_last_month_is_closed_on_its_day_once(donations, database, settings):
    october_third = datetime(2026, 10, 3, 8, tzinfo=LONDON)
    early = october_third - timedelta(seconds=1)
    assert close_due_months(database, settings, early) is None
    done = close_due_months(database, settings, october_third)
    assert done == "donations: months closed: 2026-09"
    assert close_due_months(database, settings, october_third) is None
    assert closed_months(donations)[SEPTEMBER] == (2, "csat tick")
    assert donations.ledger.closed[SEPTEMBER].close.recorded_at == october_third
    assert close_due_months(database, settings, DUE) == "donations: months closed: 2026-10"


def test_months_that_nobody_closed_are_made_up_for_in_their_order(donations, database, settings):
    done = close_due_months(database, settings, DUE)
    assert done == "donations: months closed: 2026-09, 2026-10"
    assert closed_months(donations) == {
        AUGUST: (1, "fiona"),
        SEPTEMBER: (2, "csat tick"),
        OCTOBER: (3, "csat tick"),
    }


@on_sqlite
def test_the_first_close_of_all_is_left_to_people(database, settings):
    donations = Donations(database, settings)
    donations.respond(OCTOBER, 1)
    donations.set_rate(OCTOBER)
    assert close_due_months(database, settings, DUE) is None
    assert closed_months(donations) == {}


@on_sqlite
def test_without_a_day_months_are_closed_by_hand(donations, database, settings):
    by_hand = settings.model_copy(update={"close_day": None})
    assert close_due_months(database, by_hand, DUE) is None
    assert list(closed_months(donations)) == [AUGUST]


@on_sqlite
def test_a_month_without_a_rate_fails_once_it_is_due(database, settings):
    donations = Donations(database, settings)
    donations.close(JULY, without_amount=True)
    settled = datetime(2026, 8, 31, 23, tzinfo=UTC)
    assert close_due_months(database, settings, settled) is None
    with pytest.raises(CannotClose, match="2026-08 was not closed: no rate holds for it"):
        close_due_months(database, settings, DUE)
    assert list(closed_months(donations)) == [JULY]


@on_sqlite
def test_a_month_whose_answers_may_still_be_stored_waits_without_a_word(
    donations, database, settings
):
    patient = settings.model_copy(update={"close_grace": timedelta(days=5)})
    assert close_due_months(database, patient, DUE) == "donations: months closed: 2026-09"
    november_sixth = datetime(2026, 11, 6, tzinfo=LONDON)
    assert close_due_months(database, patient, november_sixth - timedelta(seconds=1)) is None
    done = close_due_months(database, patient, november_sixth)
    assert done == "donations: months closed: 2026-10"
    assert len(closed_months(donations)) == 3


@on_sqlite
@pytest.mark.usefixtures("donations")
def test_another_time_zone_fails_and_names_the_setting(database, settings):
    moved = settings.model_copy(update={"timezone": ZoneInfo("Asia/Tokyo")})
    with pytest.raises(CannotClose, match="CSAT_TIMEZONE is Asia/Tokyo"):
        close_due_months(database, moved, DUE)


def test_several_machines_close_a_month_once(donations, settings):
    start = threading.Barrier(3)

    def tick(_):
        with closing(Database(settings.database_url)) as database:
            start.wait()
            return close_due_months(database, settings, DUE)

    with ThreadPoolExecutor(3) as machines:
        said = list(machines.map(tick, range(3)))
    closed = [month for each in said if each for month in each.partition("closed: ")[2].split(", ")]
    assert sorted(closed) == ["2026-09", "2026-10"]
    assert list(closed_months(donations)) == [AUGUST, SEPTEMBER, OCTOBER]


@on_postgresql
@pytest.mark.usefixtures("donations")
def test_a_close_may_take_longer_than_the_database_of_tick_waits(database, settings):
    hurried = Database(settings.database_url, deadline=0.5)
    locked = threading.Event()

    def hold():
        with database.writing() as connection:
            database.lock_ledger(connection)
            locked.set()
            time.sleep(1)

    other = threading.Thread(target=hold)
    other.start()
    locked.wait()
    done = close_due_months(hurried, settings, DUE)
    other.join()
    hurried.close()
    assert done == "donations: months closed: 2026-09, 2026-10"
