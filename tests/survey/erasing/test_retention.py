"""What is older than CSAT_RETENTION is forgotten, and nothing younger."""

from datetime import timedelta

import pytest

from survey.counting_rules import CountingRules
from survey.erasing import retention
from survey.erasing.person import erase_person
from survey.erasing.retention import count_old, forget, forget_due
from survey.erasing.target import Kind
from survey.outbox_payloads import unpack_event
from survey.pseudonyms import make_pseudonym
from survey.rederive import apply_rules
from survey.settings import SettingsError
from survey.store.erasing import TABLES
from survey.store.models import AnswerRow, InvitationRow, OutboxRow, ResponseRow, TicketRow
from tests.conftest import on_sqlite
from tests.support.erasing import PERSON, answer, find_marks, leave_traces, settings_of
from tests.support.rows import rows
from tests.support.settings import SECRET_KEY, make_settings


@pytest.fixture
def settings(database_url):
    return settings_of(database_url, retention="30d")


def rename_marks(database):
    """Others wrote these, at no time that says when it was about whom."""
    with database.writing() as connection:
        for statement in ("DELETE FROM audit", "DELETE FROM marks"):
            connection.exec_driver_sql(statement)


def test_all_that_is_old_is_forgotten_in_every_byte(database, settings, clock):
    leave_traces(database, settings, clock())
    rename_marks(database)
    clock.advance(days=31)
    answer(database, settings, "T9", clock(), person="ann", comment="Young.")
    counts = count_old(database, settings, clock())
    forgotten = forget(database, settings, clock())
    database.clean(TABLES)
    assert find_marks(database) == set()
    assert forgotten.is_complete
    assert {k: n for k, n in forgotten.counts.items() if k is not Kind.RESPONSES} == {
        k: n for k, n in counts.items() if k is not Kind.RESPONSES
    }
    assert count_old(database, settings, clock()) == {}
    young = [row for row in rows(database, AnswerRow) if row.ticket_id == "T9"]
    assert [(row.distinct_id, row.comment) for row in young] == [("ann", "Young.")]
    assert {row.distinct_id for row in rows(database, AnswerRow)} >= {
        make_pseudonym("joe", SECRET_KEY)
    }
    assert {row.requester_email for row in rows(database, TicketRow)} == {None}
    assert {row.customer for row in rows(database, InvitationRow)} == {None}
    waiting = [row for row in rows(database, OutboxRow) if row.channel == "posthog"]
    people = {unpack_event(row.payload)["distinct_id"] for row in waiting}
    assert people == {make_pseudonym(PERSON, SECRET_KEY), "ann"}


def test_a_longer_retention_brings_nothing_back_and_waits(database, settings, clock):
    answer(database, settings, "T1", clock(), person="jane")
    clock.advance(days=31)
    first = forget(database, settings, clock())
    answer(database, settings, "T2", clock(), person="joe")
    longer = settings.model_copy(update={"retention": timedelta(days=300)})
    clock.advance(days=31)
    second = forget(database, longer, clock())
    assert second.before == first.before
    assert [row.distinct_id for row in rows(database, AnswerRow)][1] == "joe"


def test_a_person_who_was_erased_keeps_one_pseudonym_on_a_ticket(database, database_url, clock):
    """Erased under an old secret, come back, and forgotten under a new one: still one person."""
    old = make_settings(database_url=database_url, secret_key="the old secret key")
    new = make_settings(
        database_url=database_url,
        secret_key="the new secret key,the old secret key",
        retention="30d",
    )
    answer(database, old, "T1", clock(), person="jane", rating=1)
    clock.advance(hours=1)
    erase_person(database, old, "jane", "Ada", clock())
    clock.advance(hours=1)
    apply_rules(database, CountingRules.of(new))
    answer(database, new, "T1", clock(), person="jane", rating=5)
    clock.advance(days=40)
    forget(database, new, clock())
    pseudonym = make_pseudonym("jane", "the old secret key")
    assert {row.distinct_id for row in rows(database, AnswerRow)} == {pseudonym}
    (response,) = rows(database, ResponseRow)
    assert (response.rating, response.comment) == (5, None)


def test_without_the_setting_nothing_is_forgotten(database, clock):
    with pytest.raises(SettingsError, match="CSAT_RETENTION is not set"):
        forget(database, make_settings(), clock())
    assert forget_due(database, make_settings(), clock()) is None


class TestTheJob:
    @pytest.fixture
    def due(self, database, settings, clock):
        apply_rules(database, CountingRules.of(settings))
        for number in range(6):
            answer(database, settings, f"T{number}", clock(), person=f"jane {number}")
            clock.advance(days=20)

        def due():
            return forget_due(database, settings, clock())

        return due

    def erased(self, database):
        return sum(row.erased_at is not None for row in rows(database, AnswerRow))

    def test_it_forgets_once_a_day(self, due, database, clock):
        assert due().is_complete
        assert self.erased(database) == 5
        clock.advance(hours=23)
        assert due() is None
        clock.advance(hours=2)
        assert due().is_complete

    def test_it_goes_on_where_its_time_was_over(self, due, database, monkeypatch):
        monkeypatch.setattr(retention, "SECONDS_AT_ONCE", -1.0)
        assert not due().is_complete
        monkeypatch.setattr(retention, "SECONDS_AT_ONCE", 20.0)
        assert due().is_complete
        assert self.erased(database) == 5

    def test_it_waits_for_responses_that_are_derived_anew(self, due, database):
        with database.writing() as connection:
            connection.exec_driver_sql("UPDATE applied_rules SET fingerprint = 'being derived'")
        assert due() is None


@on_sqlite
def test_what_is_broken_off_is_due_for_the_next_tick(database, settings, clock):
    apply_rules(database, CountingRules.of(settings))
    answer(database, settings, "T1", clock(), person="jane", comment="Old.")
    clock.advance(days=32)
    forgotten = forget(database, settings, clock(), ends_at=0.0)
    assert not forgotten.is_complete
    clock.advance(minutes=1)
    assert forget_due(database, settings, clock()).is_complete
    assert [row.comment for row in rows(database, AnswerRow)] == [None]
    assert forget_due(database, settings, clock()) is None
