"""The sample's donation ledger: a year of closes, payments and changes."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from demo.donations import CHARITY, CLOSED_MONTHS, FIRST_RATE, NEXT_RATE, add_donations
from demo.load import load_sample
from demo.predecessor import DEFECTS, late_events, predecessor_events
from pipeline.donations.comparing import compare_ledger
from pipeline.donations.ledger import Ledger, Status
from survey.counting_rules import CountingRules
from survey.ledger import ChangeReason
from survey.months import Month, months_up_to
from survey.rederive import apply_rules
from survey.settings import Settings
from survey.store.database import Database
from survey.store.ledger import read_entries
from survey.store.migrate import upgrade
from survey.store.models import ResponseRow
from survey.vocabulary import Role
from tests.conftest import on_sqlite
from tests.support.settings import make_settings

UNTIL = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store with the sample and its ledger."""
    settings = make_settings(database_url=f"sqlite:///{tmp_path_factory.mktemp('demo')}/csat.db")
    database = prepare(Database(settings.database_url), settings)
    load_sample(database, settings, UNTIL, lambda *_: None)
    add_donations(database, settings, UNTIL)
    yield database
    database.close()


def prepare(database: Database, settings: Settings) -> Database:
    upgrade(database)
    apply_rules(database, CountingRules.of(settings))
    return database


def ledger_of(database: Database) -> Ledger:
    with database.reading() as connection:
        return Ledger(read_entries(connection))


def test_twelve_months_are_closed_and_all_are_paid_but_the_last(sample: Database) -> None:
    closed = ledger_of(sample).closed
    assert list(closed) == months_up_to(Month(2026, 10), CLOSED_MONTHS)
    *paid, last = closed.values()
    assert {line.status for line in paid} == {Status.PAID}
    assert last.status is Status.CLOSED
    assert last.due > 200
    assert all(line.close.recorded_by == Role.FINANCE.value for line in closed.values())


def test_one_month_is_paid_late(sample: Database) -> None:
    paid = [line for line in ledger_of(sample).closed.values() if line.payments]
    waited = [line.payments[0].recorded_at - line.close.recorded_at for line in paid]
    assert sum(each.days > 60 for each in waited) == 1
    assert sum(each.days < 10 for each in waited) == len(waited) - 1


def test_a_rate_changes_on_the_way_and_the_charity_stays(sample: Database) -> None:
    ledger = ledger_of(sample)
    rates = [line.rate for line in ledger.closed.values()]
    assert rates == sorted(rates, key=[FIRST_RATE, NEXT_RATE].index)
    assert set(rates) == {FIRST_RATE, NEXT_RATE}
    named = {(line.close.charity, line.close.charity_reference) for line in ledger.closed.values()}
    assert named == {(CHARITY.name, CHARITY.reference)}


def test_a_month_is_adjusted_by_voids_by_an_unvoid_and_by_a_late_import(sample: Database) -> None:
    ledger = ledger_of(sample)
    posted = [line.adjustments for line in ledger.closed.values() if line.adjustments]
    reasons = [sorted(str(each.reason) for each in some) for some in posted]
    late, void = ChangeReason.LATE_IMPORT.value, ChangeReason.VOID.value
    assert reasons == [[late, late, late, void, void], [ChangeReason.UNVOID.value]]
    assert {each.original_month for some in posted for each in some} == {Month(2026, 4)}


def test_entries_stand_in_the_order_of_their_times(sample: Database) -> None:
    times = [entry.recorded_at for entry in ledger_of(sample).entries]
    assert times == sorted(times)
    assert times[-1] <= UNTIL


def test_the_ledger_and_the_running_month_are_all_counted_responses(sample: Database) -> None:
    ledger, settings = ledger_of(sample), make_settings()
    with sample.reading() as connection:
        assert compare_ledger(connection, ledger, CountingRules.of(settings)).changes == ()
        before, responses = (
            connection.scalar(select(func.count()).where(ResponseRow.answered_at < end))
            for end in (Month(2026, 11).opens_at(settings.timezone), UNTIL)
        )
    assert sum(line.hedgehogs for line in ledger.closed.values()) == before
    assert responses > before


@on_sqlite
@pytest.mark.parametrize(("hour", "closed"), [(0, 11), (2, 12)])
def test_on_the_first_day_the_last_month_is_closed_once_it_can_be(
    settings: Settings, database: Database, hour: int, closed: int
) -> None:
    add_donations(
        prepare(database, settings), settings, datetime(2026, 11, 1, hour, 30, tzinfo=UTC)
    )
    assert len(ledger_of(database).closed) == closed


def test_late_events_are_others_than_those_of_the_month() -> None:
    settings, month = make_settings(), Month(2026, 4)
    known = predecessor_events(month, settings, 1)
    late = late_events(month, settings, 1 + len(DEFECTS), 3)
    assert not {event["uuid"] for event in known} & {event["uuid"] for event in late}
    tickets = {event["properties"]["ticketId"] for event in known}
    assert not tickets & {event["properties"]["ticketId"] for event in late}
    assert {Month.of(event["timestamp"], settings.timezone) for event in late} == {month}
