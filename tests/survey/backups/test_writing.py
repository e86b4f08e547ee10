"""A backup of an SQLite store is consistent, whole and checked, or there is none."""

import fcntl
import os
import signal
import sqlite3
import stat
import threading
from contextlib import closing
from datetime import timedelta
from itertools import count

import pytest

from survey.backups.writing import remove_surplus, write_backup
from survey.months import Month
from survey.store import snapshots
from survey.store.errors import StoreError
from survey.store.ledger import append_entries
from survey.store.snapshots import check_store
from tests.support.command import run_csat
from tests.support.customers import Answer
from tests.support.killing import run_killed
from tests.support.ledger_entries import a_rate
from tests.support.receiving import take


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "csat.db"


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


def count_answers(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM answers").fetchone()[0]


def test_a_backup_holds_what_the_store_holds_and_nothing_is_beside_it(
    database, fill, target, clock
):
    fill(20, "thank you")
    written = write_backup(database, target, clock())
    assert written.path == target
    assert files_in(target.parent) == ["csat.db"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert check_store(target) == written.state
    held = {name: written.state.count(name) for name in ("answers", "responses", "outbox")}
    assert held == {"answers": 20, "responses": 20, "outbox": 20}


def test_a_store_that_is_written_meanwhile_is_copied_as_it_was(
    database, settings, target, clock, monkeypatch
):
    # Steps so small that answers come in between.
    monkeypatch.setattr(snapshots, "_PAGES_AT_ONCE", 1)
    take(database, settings, [Answer(f"a{n}", 5, "words " * 50, "s") for n in range(200)], clock())
    stop, written_meanwhile = threading.Event(), count()

    def go_on():
        for number in count():
            if stop.is_set():
                return
            take(database, settings, [Answer(f"b{number}", 1, "later", "s")], clock())
            next(written_meanwhile)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        written = write_backup(database, target, clock())
    finally:
        stop.set()
        thread.join(20)
    assert next(written_meanwhile) > 3
    with database.reading() as connection:
        now = connection.exec_driver_sql("SELECT count(*) FROM answers").scalar_one()
    assert 200 <= written.state.count("answers") == count_answers(target) < now
    # Nothing is half there: each answer has its response and its event.
    assert written.state.count("responses") == written.state.count("outbox")


def test_in_a_folder_it_is_named_by_the_time_and_old_ones_go(database, fill, target, clock):
    folder = target.parent
    fill(1)
    (folder / "notes.txt").write_text("mine")
    for _ in range(3):
        write_backup(database, folder, clock())
        clock.time += timedelta(days=1)
    assert len(files_in(folder)) == 4
    newest = files_in(folder)[-2]
    assert len(remove_surplus(folder, 1)) == 2
    assert files_in(folder) == [newest, "notes.txt"]


def test_an_earlier_backup_of_the_same_store_is_replaced(database, fill, target, clock):
    write_backup(database, target, clock())
    fill(2)
    write_backup(database, target, clock())
    fill(5, submit_id="other")
    write_backup(database, target, clock())
    assert count_answers(target) > 2


def test_a_backup_with_answers_that_the_store_has_lost_is_never_replaced(
    database, fill, target, clock, template
):
    fill(3)
    write_backup(database, target, clock())
    before = target.read_bytes()
    # The store was lost, and a new one made.
    database.close()
    database.path.write_bytes(template.read_bytes())
    for suffix in ("-wal", "-shm"):
        database.path.with_name(database.path.name + suffix).unlink(missing_ok=True)
    with pytest.raises(StoreError, match="answers that this database does not"):
        write_backup(database, target, clock())
    assert target.read_bytes() == before
    assert files_in(target.parent) == ["csat.db"]


def test_a_file_that_is_no_backup_is_never_replaced(database, target, clock):
    target.write_text("my thesis")
    with pytest.raises(StoreError, match="is there already, and no backup"):
        write_backup(database, target, clock())
    assert target.read_text() == "my thesis"
    with pytest.raises(StoreError, match="is the database itself"):
        write_backup(database, database.path, clock())


def test_a_damaged_store_makes_no_backup(database, fill, target, clock):
    fill(50, "words " * 100)
    database.close()
    # A page of an index goes wrong, as on an old disk.
    with closing(sqlite3.connect(database.path)) as connection:
        page = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_answers_1'"
        ).fetchone()
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with database.path.open("r+b") as file:
        file.seek(page[0] * size - 10)
        file.write(b"\xff" * 8)
    with pytest.raises(StoreError, match="the copy is not kept: it is damaged"):
        write_backup(database, target, clock())
    assert files_in(target.parent) == []


def test_a_changed_ledger_makes_no_backup(database, target, clock):
    with database.writing() as connection:
        append_entries(database, connection, [(a_rate(Month(2026, 10), "0.50"), None)])
    write_backup(database, target, clock())
    with closing(sqlite3.connect(database.path)) as connection, connection:
        triggers = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE ledger_entries SET unit_amount = '5.00'")
    before = target.read_bytes()
    with pytest.raises(StoreError, match=r"entry 1 \(rate of 2026-10\) was changed"):
        write_backup(database, target, clock())
    assert target.read_bytes() == before


def test_what_a_killed_backup_left_behind_is_removed(database, fill, target, clock):
    fill(1)
    left = target.parent / ".csat-backup.writing"
    left.mkdir()
    (left / "csat.db").write_text("half")
    write_backup(database, target, clock())
    assert files_in(target.parent) == ["csat.db"]


def test_killed_on_the_way_the_earlier_backup_stays(database, fill, target, clock):
    write_backup(database, target, clock())
    before = target.read_bytes()
    fill(3)
    variables = {"CSAT_DATABASE_URL": f"sqlite:///{database.path}"}
    place = "survey.backups.writing:check_store"
    assert run_killed(place, "after", "backup", str(target), **variables) == -signal.SIGKILL
    assert target.read_bytes() == before
    assert run_csat("backup", str(target), **variables).returncode == 0
    assert files_in(target.parent) == ["csat.db"]
    assert count_answers(target) == 3


def test_two_backups_to_one_folder_do_not_meet(database, target, clock):
    descriptor = os.open(target.parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(StoreError, match="another backup is being written"):
            write_backup(database, target, clock())
    finally:
        os.close(descriptor)
    assert not target.exists()


def test_the_command_says_what_was_written_and_removes_the_oldest(database, fill, tmp_path):
    fill(3)
    folder = tmp_path / "nightly"
    settings = {"CSAT_DATABASE_URL": f"sqlite:///{database.path}"}
    done = run_csat("backup", str(folder), "--keep", "1", **settings)
    assert done.returncode == 0, done.stderr
    (name,) = files_in(folder)
    assert done.stdout.startswith(f"{folder}/{name}: 3 answers")
    (folder / name).rename(folder / "csat-20200101T000000Z.db")
    done = run_csat("backup", str(folder), "--keep", "1", **settings)
    assert "removed csat-20200101T000000Z.db" in done.stdout
    assert len(files_in(folder)) == 1
    # A name that ends like a folder's is one.
    assert run_csat("backup", f"{tmp_path}/new/", **settings).returncode == 0
    assert len(files_in(tmp_path / "new")) == 1


def test_bad_places_are_named(database, tmp_path):
    (tmp_path / "file").touch()
    settings = {"CSAT_DATABASE_URL": f"sqlite:///{database.path}"}
    for target in ("file/backup.db", "/proc/backup.db"):
        done = run_csat("backup", target, **settings)
        assert (done.returncode, target in done.stderr) == (1, True), done.stderr
    done = run_csat("backup", "x.db", CSAT_DATABASE_URL=f"sqlite:///{tmp_path}/none.db")
    assert (done.returncode, "there is no database" in done.stderr) == (1, True)
    assert not (tmp_path / "x.db").exists()


def test_postgresql_has_its_own_program():
    url = "postgresql://csat:s3cret-word@db.example.com/csat"
    done = run_csat("backup", "x", CSAT_DATABASE_URL=url)
    assert done.returncode == 1
    told = "pg_dump --format=custom --file=csat.dump postgresql://csat@db.example.com/csat"
    assert told in done.stderr
    assert "s3cret" not in done.stderr
