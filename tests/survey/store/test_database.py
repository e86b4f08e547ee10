"""The file, its schema, and what the database itself holds."""

import threading
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.migrate import upgrade
from survey.store.models import AnswerRow, Base, OutboxRow, ResponseRow
from survey.store.schema import schema_is_supported
from tests.conftest import on_postgresql, on_sqlite

NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)


def an_answer(uuid="a", answered_at=NOON):
    return insert(AnswerRow).values(
        uuid=uuid,
        source="site",
        ticket_id="42",
        distinct_id="jane",
        rating=5,
        team="surveys",
        answered_at=answered_at,
        link_trust="unverified",
    )


def a_response(submission_id):
    return insert(ResponseRow).values(
        ticket_id="42",
        distinct_id="jane",
        team="surveys",
        rating=5,
        link_trust="unverified",
        answered_at=NOON,
        changed_at=NOON,
        submission_id=submission_id,
    )


def an_event():
    return insert(OutboxRow).values(
        answer_uuid="a",
        ticket_id="42",
        payload="{}",
        created_at=NOON,
        available_at=NOON,
    )


def count_answers(database):
    with database.reading() as connection:
        return connection.scalar(select(func.count(AnswerRow.id)))


def test_migrations_make_the_tables_of_the_models(database):
    with database.reading() as connection:
        assert not compare_metadata(MigrationContext.configure(connection), Base.metadata)
        indexes = {index["name"] for index in inspect(connection).get_indexes("outbox")}
    assert "ix_outbox_waiting" in indexes


def test_upgrading_again_changes_nothing(database):
    upgrade(database)
    assert schema_is_supported(database)


def test_a_database_of_a_newer_release_is_left_alone(database):
    with database.writing() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
        connection.execute(text("update schema_support set oldest = '9999'"))
    with pytest.raises(StoreError, match="upgraded by a newer release"):
        upgrade(database)


@on_sqlite
def test_a_commit_is_on_the_disk_and_readers_do_not_wait(database):
    with database.reading() as connection:
        assert connection.scalar(text("pragma journal_mode")) == "wal"
        assert connection.scalar(text("pragma synchronous")) == 2  # FULL


@on_postgresql
def test_a_commit_is_on_the_disk_whatever_the_server_is_set_to(database):
    with database.writing() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"


def test_a_reader_sees_one_state_of_the_data(database):
    with database.reading() as connection:
        assert connection.scalar(select(func.count(AnswerRow.id))) == 0
        with database.writing() as other:
            other.execute(an_answer())
        assert connection.scalar(select(func.count(AnswerRow.id))) == 0
    assert count_answers(database) == 1


def test_a_block_that_fails_leaves_nothing(database):
    with pytest.raises(RuntimeError), database.writing() as connection:
        connection.execute(an_answer())
        raise RuntimeError
    assert count_answers(database) == 0


@pytest.mark.parametrize(
    "twice",
    [
        lambda: [an_answer(), an_answer()],
        lambda: [a_response("s"), a_response("t")],
        lambda: [an_answer(), an_event(), an_event()],
    ],
    ids=["one answer per submit", "one response per ticket", "one event per answer"],
)
def test_the_database_holds_what_is_unique(database, twice):
    *before, again = twice()
    for statement in before:
        with database.writing() as connection:
            connection.execute(statement)
    with pytest.raises(StoreError) as raised, database.writing() as connection:
        connection.execute(again)
    assert isinstance(raised.value.__cause__, IntegrityError)


def test_a_stored_time_comes_back_to_the_microsecond_and_in_utc(database):
    time = datetime(2026, 10, 25, 1, 30, 0, 999999, UTC)
    with database.writing() as connection:
        connection.execute(an_answer(answered_at=time))
    with database.reading() as connection:
        read = connection.scalar(select(AnswerRow.answered_at))
    assert (read, read.tzinfo) == (time, UTC)


def test_a_time_without_a_zone_is_refused(database):
    answer = an_answer(answered_at=datetime(2026, 10, 14))  # noqa: DTZ001
    with pytest.raises(StatementError, match="time zone"), database.writing() as connection:
        connection.execute(answer)


def test_many_threads_write_without_being_locked_out(database):
    def write(number: int) -> None:
        for step in range(10):
            with database.writing() as connection:
                connection.execute(an_answer(f"{number}-{step}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count_answers(database) == 160


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, not a database" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        upgrade(Database(f"sqlite:///{path}"))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        upgrade(Database(f"sqlite:///{tmp_path}/file/csat.db"))
