"""Response targets of a report that was loaded before: never stale, and read again only where what
they are made of has changed."""

from datetime import timedelta

import pytest

from pipeline.query import ReportQuery
from pipeline.sources.store_waits import read_waits
from pipeline.targets import number_targets
from reports.loading import ReportLoader
from survey.counting_rules import CountingRules
from survey.events import Questions
from survey.links import parse_link
from survey.receive import Submission, receive
from survey.rederive import apply_rules
from survey.store.changes import waits_version
from survey.store.tickets import set_plan
from survey.vocabulary import Plan, TicketStatus, Trust
from survey.voiding import void
from tests.support.settings import make_settings
from tests.support.waits import WEDNESDAY, keep_ticket, keep_waits

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OCTOBER = ReportQuery.parse("2026-10", {})


@pytest.fixture
def settings(database_url):
    return make_settings(database_url=database_url, zendesk_escalated_tag="escalated")


class Reader:
    """Somebody who looks at a report again and again."""

    def __init__(self, database, settings):
        self.time = WEDNESDAY + 6 * DAY
        self._database, self._settings = database, settings
        self._loader = ReportLoader(database, settings, lambda: self.time)

    def look(self):
        """What the report says of targets now, which is what a fresh look at the store says."""
        numbers = self._loader.load(OCTOBER).targets
        with self._database.reading() as connection:
            waits = read_waits(connection, OCTOBER, self._settings, with_responses=True)
        given = self._settings
        assert numbers == (
            waits and number_targets(waits, given.targets, given.timezone, self.time)
        )
        return numbers


@pytest.fixture
def reader(database, settings):
    apply_rules(database, CountingRules.of(settings))
    return Reader(database, settings)


def answer(database, settings, rating=5):
    form = Submission(
        parse_link({"ticketId": "1", "distinct_id": "jane", "team": "surveys"}),
        *(Trust.SIGNED, rating, None, f"s{rating}", Questions("How?")),
    )
    receive(database, settings, form, WEDNESDAY + 4 * DAY)


def test_the_report_follows_tickets_waits_plans_and_responses(reader, database, settings):
    seen = [reader.look()]
    assert seen == [None]

    def check(change):
        change()
        seen.append(reader.look())
        assert seen[-1] != seen[-2]

    later = iter(range(1, 100))

    def update(**changes):
        keep_ticket(database, settings, "1", now=WEDNESDAY + next(later) * HOUR, **changes)

    def set_plan_by_hand():
        with database.writing() as connection:
            assert set_plan(connection, "1", Plan.ENTERPRISE)

    check(update)
    check(lambda: keep_waits(database, "1", [(WEDNESDAY, None)]))
    check(lambda: keep_waits(database, "1", [(WEDNESDAY, WEDNESDAY + 9 * HOUR)]))
    check(lambda: update(team="experiments"))
    check(lambda: update(severity="sev_1"))
    check(lambda: update(priority="low"))
    check(set_plan_by_hand)
    check(lambda: answer(database, settings))
    check(lambda: answer(database, settings, rating=1))
    check(lambda: void(database, settings, "1", "a test", WEDNESDAY, force=True))
    check(lambda: keep_ticket(database, settings, "2", (WEDNESDAY, None)))
    # An event that came late: the wait began in another month.
    check(lambda: keep_waits(database, "2", [(WEDNESDAY - 30 * DAY, None)]))


def test_what_is_overdue_comes_with_time_alone(reader, database, settings):
    keep_ticket(database, settings, "1", (WEDNESDAY, None))
    reader.time = WEDNESDAY + DAY
    assert reader.look().together.overdue == 0
    reader.time += timedelta(microseconds=1)
    assert reader.look().together.overdue == 1


def test_a_ticket_that_is_escalated_changes_the_kind_of_its_next_waits(reader, database, settings):
    keep_ticket(database, settings, "1", (WEDNESDAY + HOUR, WEDNESDAY + 2 * HOUR))
    before = reader.look()
    keep_ticket(database, settings, "1", now=WEDNESDAY + HOUR, tags=frozenset({"escalated"}))
    assert reader.look() != before


def test_what_a_report_does_not_say_reads_nothing_again(database, settings):
    def version():
        with database.reading() as connection:
            return waits_version(connection)

    def is_noted(change):
        before = version()
        change()
        return version() != before

    # A ticket without a wait.
    assert not is_noted(lambda: keep_ticket(database, settings, "1"))
    assert is_noted(lambda: keep_waits(database, "1", [(WEDNESDAY, None)]))
    assert not is_noted(lambda: keep_ticket(database, settings, "1", status=TicketStatus.SOLVED))
    assert not is_noted(lambda: keep_ticket(database, settings, "1", language="de", channel="web"))
    assert is_noted(lambda: keep_ticket(database, settings, "1", team="experiments"))
