"""A backup that is older than the erasures: what was erased is erased again."""

import shutil

import pytest
from sqlalchemy import insert, select, update

from survey.erasing.again import erase_known
from survey.erasing.person import erase_person
from survey.erasing.redaction import redact_ticket
from survey.store.database import Database
from survey.store.erasing import TABLES
from survey.store.models import AnswerRow, ErasureRow, RedactionRow, TicketRow, VoidRow
from survey.voiding import void
from tests.conftest import on_sqlite
from tests.support.erasing import PERSON, answer, find_marks, leave_traces, settings_of
from tests.support.help_desk import Invitations, ticket_update
from tests.support.rows import rows


@pytest.fixture
def settings(database_url):
    return settings_of(database_url)


@on_sqlite
def test_an_address_is_found_however_it_is_written(database, settings, clock):
    desk = Invitations(database, settings, clock)
    desk.tell(ticket_update("7", requester_external_id="", requester_email="Bob@Example.com"))
    erase_person(database, settings, "bob@example.com", "Ada", clock())
    with database.writing() as connection:
        connection.execute(update(TicketRow).values(requester_email="Bob@Example.com"))
    assert erase_known(database, settings, clock()) == 1
    assert [row.requester_email for row in rows(database, TicketRow)] == [None]


@on_sqlite
def test_a_reason_that_only_holds_the_same_letters_stays(database, settings, clock):
    answer(database, settings, "T8", clock(), person="ann")
    void(database, settings, "T8", "a duplicate of 1442, not by 4711", clock())
    erase_person(database, settings, "4", "Ada", clock())
    erase_person(database, settings, "471", "Ada", clock())
    assert [row.reason for row in rows(database, VoidRow)] == ["a duplicate of 1442, not by 4711"]


@on_sqlite
def test_persons_and_comments_that_a_backup_brings_back_go_again(
    database, settings, clock, tmp_path
):
    leave_traces(database, settings, clock())
    answer(database, settings, "T8", clock(), person="ann", comment="Card 4242.")
    database.clean(TABLES)
    shutil.copy(database.path, tmp_path / "restored.db")
    clock.advance(hours=3)
    erase_person(database, settings, PERSON, "Ada", clock())
    redact_ticket(database, settings, "T8", clock())
    restored = Database(f"sqlite:///{tmp_path}/restored.db")
    for table in (ErasureRow, RedactionRow):
        with database.reading() as source, restored.writing() as copy:
            kept = [dict(row) for row in source.execute(select(table.__table__)).mappings()]
            copy.execute(insert(table), kept)
    assert find_marks(restored)
    clock.advance(hours=1)
    assert erase_known(restored, settings, clock()) == 1
    restored.clean(TABLES)
    assert find_marks(restored) == set()
    answers = {row.ticket_id: row.comment for row in rows(restored, AnswerRow)}
    assert answers["T8"] is None
    assert "By joe." in {row.comment for row in rows(restored, AnswerRow)}
    assert erase_known(restored, settings, clock()) == 0
    restored.close()
