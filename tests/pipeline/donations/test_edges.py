"""Where money people look first: the ends of months, what comes late, what is restored, erased or
configured anew."""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import delete, text, update

from pipeline.donations.closing import CannotClose
from pipeline.donations.comparing import ResponsesChanged, ResponsesMissing, TicketsDamaged
from pipeline.donations.ledger import Rate, Status
from pipeline.importing import AnswerImport
from survey.copies import ImportedAnswer
from survey.counting_rules import CountingRules
from survey.months import Month, months_between
from survey.rederive import apply_rules
from survey.site.app import create_app
from survey.store.database import Database
from survey.store.migrate import upgrade
from survey.store.models import AnswerRow, ResponseRow
from tests.conftest import on_sqlite
from tests.support.changes import (
    assert_each_response_is_counted_once,
    find_changes,
)
from tests.support.donations import AUGUST, JULY, OCTOBER, SEPTEMBER, Donations
from tests.support.given_answers import GivenAnswer, give
from tests.support.settings import make_settings

MICROSECOND = timedelta(microseconds=1)
JUNE = JULY.shift(-1)


@pytest.fixture
def donations(database, settings):
    kept = Donations(database, settings)
    kept.set_rate(Month(2006, 1))
    return kept


def give_at(donations, **tickets):
    """Answers to tickets, each at its time."""
    give(
        donations.database,
        donations.settings,
        *[GivenAnswer(at=at, ticket_id=ticket) for ticket, at in tickets.items()],
    )


def bring(donations, *answers):
    """Import answers of anybody, as ticket and time."""
    imported = [
        ImportedAnswer(
            uuid=f"event of {ticket}",
            ticket_id=ticket,
            distinct_id=f"customer of {ticket}",
            rating=5,
            comment=None,
            team="surveys",
            answered_at=at,
            properties="{}",
        )
        for ticket, at in answers
    ]
    AnswerImport(donations.database, CountingRules.of(donations.settings)).add(imported)


def configure(donations, **given):
    """Start the site anew with other settings; the site."""
    url = str(donations.settings.database_url)
    donations.settings = make_settings(database_url=url, **given)
    apply_rules(donations.database, CountingRules.of(donations.settings))
    return create_app(donations.settings, donations.database).test_client()


def changes(donations):
    return [(str(each.month), each.hedgehogs, str(each.reason)) for each in find_changes(donations)]


class TestEndsOfMonths:
    @pytest.mark.parametrize(
        ("timezone", "month", "opens_at", "closes_at"),
        [
            ("Europe/London", "2026-03", "2026-03-01T00:00Z", "2026-03-31T23:00Z"),
            ("Europe/London", "2026-10", "2026-09-30T23:00Z", "2026-11-01T00:00Z"),
            # The clocks change on the first day of the month.
            ("America/New_York", "2026-11", "2026-11-01T04:00Z", "2026-12-01T05:00Z"),
            # The month begins at 01:00: there is no midnight.
            ("Asia/Amman", "2011-04", "2011-03-31T22:00Z", "2011-04-30T21:00Z"),
            ("Africa/Cairo", "2026-04", "2026-03-31T22:00Z", "2026-04-30T21:00Z"),
            # It begins at the first of two midnights.
            ("America/Havana", "2015-11", "2015-11-01T04:00Z", "2015-12-01T05:00Z"),
            # The last hour before it comes twice.
            ("America/Sao_Paulo", "1998-02", "1998-02-01T02:00Z", "1998-03-01T03:00Z"),
            # The day before it never was.
            ("Pacific/Apia", "2012-01", "2011-12-31T10:00Z", "2012-01-31T10:00Z"),
        ],
    )
    @on_sqlite
    def test_the_last_microsecond_counts_and_the_next_one_does_not(
        self, database, database_url, timezone, month, opens_at, closes_at
    ):
        settings = make_settings(database_url=database_url, timezone=timezone)
        opens_at, closes_at = map(datetime.fromisoformat, (opens_at, closes_at))
        month = Month.parse(month)
        donations = Donations(database, settings, now=closes_at + settings.close_grace)
        give_at(
            donations,
            before=opens_at - MICROSECOND,
            first=opens_at,
            last=closes_at - MICROSECOND,
            after=closes_at,
        )
        line = donations.close(month, without_amount=True).line
        assert line.responses == 2
        assert (line.close.opens_at, line.close.closes_at) == (opens_at, closes_at)
        assert donations.ledger.counted_in(month.shift(-1)) == 1
        donations.now += timedelta(days=40)
        following = donations.close(month.shift(1), without_amount=True).line
        assert following.responses == 1
        assert following.close.opens_at == closes_at
        assert_each_response_is_counted_once(donations)

    def test_the_database_tells_microseconds_apart(self, donations):
        opens_at, closes_at = OCTOBER.bounds(donations.settings.timezone)
        give_at(
            donations,
            before=opens_at - MICROSECOND,
            first=opens_at,
            last=closes_at - MICROSECOND,
            after=closes_at,
        )
        assert donations.close(OCTOBER).line.responses == 2

    @on_sqlite
    def test_closed_only_after_its_end_and_the_grace(self, donations):
        closes_at = OCTOBER.closes_at(donations.settings.timezone)
        donations.respond(OCTOBER, 1)
        donations.now = closes_at - MICROSECOND
        with pytest.raises(CannotClose, match="2026-10 ends at 2026-11-01T00:00:00"):
            donations.close(OCTOBER)
        donations.now = closes_at + timedelta(hours=1) - MICROSECOND
        with pytest.raises(CannotClose, match="has just ended; it can be closed 1h after its end"):
            donations.close(OCTOBER)
        assert donations.ledger.last is None
        donations.now += MICROSECOND
        assert donations.close(OCTOBER).is_new

    @on_sqlite
    def test_in_order_and_without_a_gap(self, donations):
        donations.close(AUGUST)
        for wrong in (JULY, OCTOBER):
            with pytest.raises(CannotClose, match="in order, and the next one is 2026-09"):
                donations.close(wrong)
        assert donations.close(SEPTEMBER).is_new
        assert [str(month) for month in donations.ledger.closed] == ["2026-08", "2026-09"]


class TestWhatComesLate:
    def test_ten_years_imported_after_the_first_close_are_counted_and_not_owed(self, donations):
        donations.respond(SEPTEMBER, 3)
        donations.close(SEPTEMBER)
        history = months_between(SEPTEMBER.shift(-120), SEPTEMBER.shift(-1))
        bring(
            donations,
            *[
                (f"{month}/{number}", datetime(month.year, month.number, 7, tzinfo=UTC))
                for month in history
                for number in range(2)
            ],
        )
        donations.respond(OCTOBER, 4)
        line = donations.close(OCTOBER).line
        assert (line.responses, line.adjustments, line.amount) == (4, (), Decimal("2.00"))
        ledger = donations.ledger
        assert [ledger.counted_in(month) for month in history] == [2] * 120
        assert not set(history) & set(ledger.closed)
        assert find_changes(donations) == ()
        assert_each_response_is_counted_once(donations)

    @pytest.mark.parametrize("timezone", ["America/New_York", "Asia/Tokyo"])
    @pytest.mark.parametrize(
        "at", [datetime(2, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC) - MICROSECOND]
    )
    @on_sqlite
    def test_the_first_and_the_last_answer_that_is_ever_imported(
        self, database, database_url, timezone, at
    ):
        """Anybody can send an event with such a time. It must not keep the ledger from being read,
        which nothing could mend."""
        settings = make_settings(database_url=database_url, timezone=timezone)
        donations = Donations(database, settings)
        donations.respond(JULY, 1)
        bring(donations, ("far away", at))
        for month in (JULY, AUGUST):
            donations.close(month, without_amount=True)
        assert_each_response_is_counted_once(donations)

    def test_a_closed_month_gets_its_part_in_the_next_one(self, donations):
        donations.set_rate(AUGUST, Rate(Decimal("2"), "GBP"))
        donations.respond(JULY, 1)
        donations.close(JULY)
        bring(donations, ("late", datetime(2026, 7, 31, 12, tzinfo=UTC)))
        line = donations.close(AUGUST).line
        # At July's rate, though August's is higher.
        assert (line.hedgehogs, line.amount) == (1, Decimal("0.50"))
        assert donations.ledger.closed[JULY].amount == Decimal("0.50")
        assert_each_response_is_counted_once(donations)

    @on_sqlite
    def test_what_is_taken_away_waits_until_there_is_something_to_take_it_from(self, donations):
        tickets = donations.respond(JULY, 4)
        donations.close(JULY)
        for ticket in tickets:
            donations.void(ticket)
        donations.respond(AUGUST, 1)
        closed = donations.close(AUGUST)
        assert (closed.line.hedgehogs, closed.line.amount) == (0, 0)
        assert len(closed.pending) == 3
        assert len(donations.close(SEPTEMBER).pending) == 3
        donations.respond(OCTOBER, 5)
        closed = donations.close(OCTOBER)
        assert (closed.line.hedgehogs, closed.line.amount) == (2, Decimal("1.00"))
        assert closed.pending == ()
        assert_each_response_is_counted_once(donations)

    @on_sqlite
    def test_nor_is_more_money_taken_away_than_the_month_has(self, donations):
        donations.set_rate(AUGUST, Rate(Decimal("0.20"), "GBP"))
        donations.void(donations.respond(JULY, 2)[0])
        tickets = donations.respond(JULY, 3, prefix="more")
        donations.close(JULY)
        for ticket in tickets:
            donations.void(ticket)
        donations.respond(AUGUST, 6)
        closed = donations.close(AUGUST)
        # Of 6 at 0.20, two of 0.50 can go.
        assert (closed.line.hedgehogs, closed.line.amount) == (4, Decimal("0.20"))
        assert len(closed.pending) == 1
        assert_each_response_is_counted_once(donations)

    @on_sqlite
    def test_what_waited_and_is_undone_is_never_posted(self, donations):
        (ticket,) = donations.respond(JULY, 1)
        donations.close(JULY)
        donations.void(ticket)
        assert len(donations.close(AUGUST).pending) == 1
        donations.unvoid(ticket)
        donations.respond(SEPTEMBER, 1)
        closed = donations.close(SEPTEMBER)
        assert (closed.line.adjustments, closed.pending) == ((), ())

    @on_sqlite
    def test_a_ticket_goes_to_and_fro_and_its_month_is_cited_each_time(self, donations):
        (ticket,) = donations.respond(JULY, 1)
        for month in (AUGUST, SEPTEMBER, OCTOBER):
            donations.respond(month, 2)
        donations.close(JULY)
        signs = []
        for month, change in [
            (AUGUST, donations.void),
            (SEPTEMBER, donations.unvoid),
            (OCTOBER, donations.void),
        ]:
            change(ticket)
            (posted,) = donations.close(month).line.adjustments
            assert (posted.original_month, posted.ticket_id) == (JULY, ticket)
            signs.append(posted.hedgehogs)
            assert_each_response_is_counted_once(donations)
        assert signs == [-1, 1, -1]
        assert donations.ledger.counted_in(JULY) == 0

    @on_sqlite
    def test_a_response_moves_from_a_closed_month_to_the_next_and_back(self, donations):
        give_at(donations, moving=datetime(2026, 8, 5, tzinfo=UTC))
        donations.respond(JULY, 1)
        donations.respond(AUGUST, 1)
        donations.close(JULY)
        donations.close(AUGUST)
        bring(donations, ("moving", datetime(2026, 7, 5, tzinfo=UTC)))
        assert changes(donations) == [
            ("2026-07", 1, "late_import"),
            ("2026-08", -1, "late_import"),
        ]
        donations.close(SEPTEMBER)
        assert changes(donations) == []
        # Only the answer of the site is left.
        configure(donations, survey_id="ours")
        assert changes(donations) == [("2026-07", -1, "settings"), ("2026-08", 1, "settings")]
        donations.close(OCTOBER)
        assert [donations.ledger.counted_in(month) for month in (JULY, AUGUST)] == [1, 2]
        assert_each_response_is_counted_once(donations)

    @on_sqlite
    def test_a_month_before_the_first_close_fills_and_empties(self, donations):
        donations.respond(JULY, 1)
        donations.close(JULY)
        tickets = donations.respond(JUNE, 2)
        donations.close(AUGUST)
        donations.void(tickets[0])
        closed = donations.close(SEPTEMBER)
        assert (closed.line.adjustments, closed.line.amount) == ((), 0)
        donations.void(tickets[1])
        donations.close(OCTOBER)
        assert [each.hedgehogs for each in donations.ledger.openings[JUNE]] == [2, -1, -1]
        assert donations.ledger.counted_in(JUNE) == 0
        assert_each_response_is_counted_once(donations)


class TestWhatIsLost:
    @on_sqlite
    def test_yesterdays_backup_is_closed_again_and_says_the_same(self, database_url, tmp_path):
        path = Path(database_url.removeprefix("sqlite:///"))
        backup = tmp_path / "backup.db"
        donations = open_store(database_url)
        donations.set_rate(JULY)
        donations.respond(JULY, 3)
        donations.void("T-2026-07-1")
        donations.database.close()
        copyfile(path, backup)
        closed = reopened(donations).close(JULY).line
        donations.database.close()

        copyfile(backup, path)
        restored = open_store(database_url)
        assert restored.ledger.last is None
        again = restored.close(JULY)
        assert again.is_new
        assert again.line == closed
        assert_each_response_is_counted_once(restored)
        restored.database.close()

    @on_sqlite
    def test_answers_that_a_backup_does_not_have_are_missed_by_name(self, donations):
        tickets = donations.respond(JULY, 2)
        donations.close(JULY)
        with donations.database.writing() as connection:
            for table in ("outbox", "responses", "answers"):
                gone = text(f"DELETE FROM {table} WHERE ticket_id = :ticket")
                connection.execute(gone, {"ticket": tickets[1]})
            connection.execute(text("UPDATE day_versions SET version = version + 1"))
        with pytest.raises(ResponsesMissing, match=f"ticket {tickets[1]} was counted in 2026-07"):
            donations.close(AUGUST)
        assert AUGUST not in donations.ledger.closed

    @pytest.mark.parametrize(
        "damage",
        [
            "DELETE FROM ledger_tickets",
            "UPDATE ledger_tickets SET tickets = x'00'",
            "UPDATE ledger_entries SET tickets_digest = 'another'",
        ],
    )
    @on_sqlite
    def test_nothing_is_posted_by_tickets_that_are_damaged(self, donations, damage):
        tickets = donations.respond(JULY, 2)
        donations.close(JULY)
        donations.void(tickets[0])
        donations.respond(AUGUST, 2)
        with donations.database.writing() as connection:
            for table in ("tickets", "entries"):
                for change in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER ledger_{table}_refuse_{change}"))
            connection.execute(text(damage))
        with pytest.raises(TicketsDamaged, match=r"the tickets that entry 2 of the ledger counts"):
            donations.close(AUGUST)
        assert AUGUST not in donations.ledger.closed


def test_nothing_is_posted_by_a_response_that_somebody_deleted(donations):
    tickets = donations.respond(JULY, 2)
    donations.close(JULY)
    donations.respond(AUGUST, 2)
    with donations.database.writing() as connection:
        connection.execute(delete(ResponseRow).where(ResponseRow.ticket_id == tickets[0]))
    # Another change of the month: without one, nobody would look.
    donations.void(tickets[1])
    with pytest.raises(ResponsesChanged, match=f"the response of ticket {tickets[0]} has changed"):
        donations.close(AUGUST)
    assert AUGUST not in donations.ledger.closed


class TestErasedPersons:
    def test_they_stay_counted(self, donations):
        july, august = donations.respond(JULY, 3), donations.respond(AUGUST, 2)
        donations.close(JULY)
        erase(donations, *july, *august)
        line = donations.close(AUGUST).line
        assert (line.responses, line.adjustments) == (2, ())
        # A look at every month finds the same tickets.
        assert find_changes(donations, by_settled=False) == ()
        donations.void(july[0])
        assert changes(donations) == [("2026-07", -1, "void")]
        donations.unvoid(july[0])
        assert_each_response_is_counted_once(donations)


class TestOtherSettings:
    @pytest.fixture
    def closed(self, donations):
        """July is closed, with an answer of the site and two that were imported."""
        donations.respond(JULY, 2)
        bring(donations, *[(f"t{n}", datetime(2026, 7, 9, tzinfo=UTC)) for n in range(2)])
        donations.respond(AUGUST, 3)
        donations.close(JULY)
        return donations

    def test_test_ids_take_their_responses_away(self, closed):
        site = configure(closed, test_distinct_ids="customer of t0")
        assert site.get("/hedgehogs").status_code == 200
        assert changes(closed) == [("2026-07", -1, "settings")]
        closed.close(AUGUST)
        assert closed.ledger.counted_in(JULY) == 3
        assert_each_response_is_counted_once(closed)

    def test_another_survey_id_takes_away_what_was_imported(self, closed):
        site = configure(closed, survey_id="ours")
        assert site.get("/hedgehogs").status_code == 200
        assert changes(closed) == [("2026-07", -1, "settings")] * 2
        line = closed.close(AUGUST).line
        assert (line.responses, line.hedgehogs, line.amount) == (3, 1, Decimal("0.50"))
        assert_each_response_is_counted_once(closed)

    @on_sqlite
    def test_another_time_zone_is_refused_until_it_is_set_back(self, closed):
        site = configure(closed, timezone="America/New_York")
        assert site.get("/hedgehogs").status_code == 200
        with pytest.raises(CannotClose, match="CSAT_TIMEZONE is America/New_York, and the months"):
            closed.close(AUGUST)
        # Money that is owed can be paid all the same.
        closed.pay(JULY)
        assert closed.ledger.closed[JULY].status is Status.PAID
        configure(closed)
        assert closed.close(AUGUST).line.responses == 3

    @on_sqlite
    def test_another_edit_window_moves_no_count(self, closed):
        site = configure(closed, edit_window="1h")
        assert site.get("/hedgehogs").status_code == 200
        assert find_changes(closed, by_settled=False) == ()
        assert closed.close(AUGUST).line.adjustments == ()

    @on_sqlite
    def test_a_close_waits_until_the_responses_follow_the_settings(self, closed):
        url = str(closed.settings.database_url)
        before, closed.settings = (
            closed.settings,
            make_settings(database_url=url, test_distinct_ids="customer of t0"),
        )
        with pytest.raises(CannotClose, match="a setting has changed that decides what counts"):
            closed.close(AUGUST)
        closed.settings = before
        assert closed.close(AUGUST).is_new


def open_store(url):
    database = Database(make_settings(database_url=url).database_url)
    upgrade(database)
    return Donations(database, make_settings(database_url=url))


def reopened(donations):
    return Donations(donations.database, donations.settings, donations.now)


def erase(donations, *tickets):
    """As the erasure does: a pseudonym, and no words, in answers and responses."""
    with donations.database.writing() as connection:
        for ticket in tickets:
            pseudonym = hashlib.sha256(ticket.encode()).hexdigest()
            for table in (AnswerRow, ResponseRow):
                erased = update(table).where(table.ticket_id == ticket)
                connection.execute(erased.values(distinct_id=pseudonym, comment=None))
