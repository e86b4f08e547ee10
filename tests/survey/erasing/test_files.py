"""What was erased is in no byte of the database's files."""

import sqlite3
import threading

import pytest

from survey.store import sqlite
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.migrate import upgrade
from tests.conftest import on_sqlite

WORDS = "a word that was deleted " * 20


@on_sqlite
def test_a_reader_of_an_older_state_delays_the_cleaning(database, monkeypatch):
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE t (w TEXT)")
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", (WORDS,))
    reader = sqlite3.connect(database.path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM t")
    monkeypatch.setattr(sqlite, "CLEANING_SECONDS", 0.2)
    with pytest.raises(StoreError, match="still holds what was erased"):
        database.clean(())
    monkeypatch.setattr(sqlite, "CLEANING_SECONDS", 20)
    threading.Timer(0.3, reader.close).start()
    database.clean(())
    assert not [
        path for path in database.path.parent.iterdir() if WORDS.encode() in path.read_bytes()
    ]


def test_a_file_of_an_earlier_release_is_written_anew_once(tmp_path):
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as old:
        # Some builds of SQLite overwrite what they delete, others do not.
        old.execute("PRAGMA secure_delete=OFF")
        old.execute("PRAGMA journal_mode=WAL")
        old.execute("CREATE TABLE t (w TEXT)")
        old.executemany("INSERT INTO t VALUES (?)", [(WORDS,)] * 1000)
        old.execute("UPDATE t SET w = '' WHERE rowid > 1")
        old.commit()
        old.execute("DELETE FROM t")
    old.close()
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.clean(())
    assert WORDS.encode() in path.read_bytes()
    assert database.needs_rebuild()
    database.rebuild()
    database.clean(())
    assert WORDS.encode() not in path.read_bytes()
    assert not database.needs_rebuild()
    database.close()


def test_a_file_of_this_release_never_is(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/new.db")
    upgrade(database)
    assert not database.needs_rebuild()
    database.close()
