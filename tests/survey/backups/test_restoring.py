"""A restored backup is checked first, loses nothing silently, and brings no erased person back."""

import shutil
import signal
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from survey.backups import restoring
from survey.backups.restoring import carry_proofs, restore_backup
from survey.backups.writing import write_backup
from survey.pseudonyms import key_id, make_pseudonym
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.models import ErasureRow, UnsubscribedRow
from survey.store.proofs import add_proofs, read_proofs
from tests.support.command import run_csat
from tests.support.customers import Answer
from tests.support.killing import run_killed
from tests.support.receiving import take
from tests.support.settings import SECRET_KEY, make_settings
from tests.support.site import running_site

OLD, NEW = "the old words", "the new words"


@pytest.fixture
def backup(database, settings, clock, tmp_path):
    """A backup, after which more was answered."""
    take(database, settings, [Answer("1", 5, OLD, "s"), Answer("2", 4, OLD, "s")], clock())
    written = write_backup(database, tmp_path / "backup.db", clock())
    clock.time += timedelta(hours=1)
    take(database, settings, [Answer("3", 1, NEW, "s")], clock())
    return written.path


def tickets(path):
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT ticket_id FROM answers ORDER BY 1")]


def beside(path):
    return sorted(each.name for each in path.parent.iterdir() if each.name.startswith(path.name))


def an_erasure(pseudonym, at, confirmed_by="ada"):
    return {
        "pseudonym": pseudonym,
        "key_id": key_id(SECRET_KEY),
        "erased_at": at,
        "confirmed_by": confirmed_by,
        "counts": "{}",
    }


def test_the_backup_takes_the_place_and_the_database_is_kept(database, settings, backup, clock):
    database.close()
    restored = restore_backup(database, settings, backup, clock())
    path = database.path
    assert tickets(path) == ["1", "2"]
    assert restored.kept.name.startswith("csat.db.replaced-")
    assert tickets(restored.kept) == ["1", "2", "3"]
    assert (restored.state.count("answers"), restored.replaced.count("answers")) == (2, 3)
    for each in (path, restored.kept):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert beside(path) == ["csat.db", "csat.db-writer", restored.kept.name]
    assert not path.with_name(".csat.db.restoring").exists()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_store_goes_on_after_a_restore(database, settings, backup, clock):
    database.close()
    restore_backup(database, settings, backup, clock())
    take(database, settings, [Answer("4", 3, "again", "s")], clock())
    assert tickets(database.path) == ["1", "2", "4"]


@pytest.mark.usefixtures("database")
def test_what_stood_in_the_log_of_a_crashed_store_is_kept_too(settings, backup, clock, tmp_path):
    # As a power failure leaves it: the newest answers are in the -wal file alone.
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("csat.db", "csat.db-wal"):
        shutil.copy(tmp_path / name, crashed / name)
    other = Database(f"sqlite:///{crashed}/csat.db")
    restored = restore_backup(other, settings, backup, clock())
    other.close()
    assert tickets(restored.kept) == ["1", "2", "3"]
    assert tickets(crashed / "csat.db") == ["1", "2"]


def test_nothing_is_replaced_while_a_process_uses_the_database(backup, database, tmp_path):
    database.close()
    with running_site(tmp_path, "--no-deliver") as site:
        done = run_csat("restore", str(backup), CSAT_DATABASE_URL=f"sqlite:///{database.path}")
        assert done.returncode == 1
        assert "is in use by process" in done.stderr
        assert "stop `csat serve`" in done.stderr
        assert any(f"process {pid}" in done.stderr for pid in site.children())
    assert tickets(database.path) == ["1", "2", "3"]
    assert [name for name in beside(database.path) if "replaced" in name] == []


def test_a_damaged_backup_changes_nothing(database, settings, backup, clock):
    database.close()
    size = backup.stat().st_size
    with backup.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 3))
    with pytest.raises(StoreError, match="the backup is not restored"):
        restore_backup(database, settings, backup, clock())
    assert tickets(database.path) == ["1", "2", "3"]
    assert [name for name in beside(database.path) if "replaced" in name] == []


@pytest.mark.parametrize("kind", ["text", "another database", "empty", "missing", "itself"])
def test_what_is_no_backup_changes_nothing(database, settings, clock, tmp_path, kind, fill):
    fill(1)
    file = database.path if kind == "itself" else tmp_path / "backup.db"
    if kind == "another database":
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE songs (name)")
    elif kind in ("text", "empty"):
        file.write_text("dear diary" * 1000 if kind == "text" else "")
    database.close()
    with pytest.raises(StoreError, match=r"not restored|no backup at|database itself"):
        restore_backup(database, settings, file, clock())
    assert len(tickets(database.path)) == 1


def test_a_backup_of_a_newer_release_changes_nothing(database, settings, backup, clock):
    database.close()
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("UPDATE schema_support SET oldest = '9999'")
    with pytest.raises(StoreError, match="schema 9999, this release knows up to"):
        restore_backup(database, settings, backup, clock())
    assert tickets(database.path) == ["1", "2", "3"]


def test_a_backup_of_an_older_release_is_upgraded(settings, clock, tmp_path):
    from tests.survey.store.test_migrate import AN_ANSWER, upgrade_to

    old = Database(f"sqlite:///{tmp_path}/old.db")
    upgrade_to(old, "0004")
    with old.writing() as connection:
        values = {"uuid": "7", "at": clock().replace(tzinfo=None)}
        connection.execute(AN_ANSWER, values)
    old.close()
    database = Database(settings.database_url)
    restore_backup(database, settings, tmp_path / "old.db", clock())
    take(database, settings, [Answer("8", 3, "again", "s")], clock())
    database.close()
    assert tickets(database.path) == ["7", "8"]


def test_on_a_machine_without_a_database_there_is_one_then(settings, backup, clock, tmp_path):
    database = Database(f"sqlite:///{tmp_path}/new/csat.db")
    restored = restore_backup(database, settings, backup, clock())
    assert (restored.kept, restored.replaced) == (None, None)
    assert tickets(database.path) == ["1", "2"]


def test_a_damaged_database_is_replaced_and_kept_as_it_is(database, settings, backup, clock):
    database.close()
    database.path.write_bytes(b"nothing that a program could read" * 100)
    log = database.path.with_name("csat.db-wal")
    log.write_bytes(b"old changes")
    restored = restore_backup(database, settings, backup, clock())
    assert "not a database" in restored.damage
    assert restored.kept.read_bytes().startswith(b"nothing that")
    assert restored.kept.with_name(f"{restored.kept.name}-wal").read_bytes() == b"old changes"
    assert not log.exists()
    assert tickets(database.path) == ["1", "2"]


@pytest.mark.parametrize("step", ["upgrade", "replace_store", "add_proofs"])
def test_a_failure_on_the_way_changes_nothing(database, settings, backup, clock, monkeypatch, step):
    def fail(*_):
        raise StoreError("no more disk")

    database.close()
    monkeypatch.setattr(restoring, step, fail)
    with pytest.raises(StoreError, match="no more disk"):
        restore_backup(database, settings, backup, clock())
    assert tickets(database.path) == ["1", "2", "3"]
    assert not database.path.with_name(".csat.db.restoring").exists()
    take(database, settings, [Answer("4", 3, "again", "s")], clock())


@pytest.mark.parametrize(
    ("place", "when"),
    [
        ("survey.backups.restoring:upgrade", "before"),
        ("survey.backups.restoring:replace_store", "before"),
        ("survey.store.sole_use:_keep", "before"),
        ("survey.store.sole_use:_keep", "after"),
        ("survey.store.sole_use:sync_folder", "before"),
    ],
)
def test_killed_at_any_step_there_is_one_whole_database_or_the_other(
    database, backup, tmp_path, place, when
):
    database.close()
    variables = {"CSAT_DATABASE_URL": f"sqlite:///{database.path}"}
    assert run_killed(place, when, "restore", str(backup), **variables) == -signal.SIGKILL
    found = tickets(database.path)
    assert found == (["1", "2"] if "sync" in place else ["1", "2", "3"])
    # The site starts, and so does another try.
    assert run_csat("db", "upgrade", **variables).returncode == 0
    with closing(sqlite3.connect(database.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    done = run_csat("restore", str(backup), **variables)
    assert done.returncode == 0, done.stderr
    assert tickets(database.path) == ["1", "2"]
    assert not (tmp_path / ".csat.db.restoring").exists()


def test_who_was_erased_or_unsubscribed_since_stays_so(database, settings, backup, clock):
    at = clock()
    with database.writing() as connection:
        connection.execute(insert(ErasureRow), an_erasure("erased:1", at))
        connection.execute(insert(UnsubscribedRow), {"customer": "c", "unsubscribed_at": at})
    database.close()
    restored = restore_backup(database, settings, backup, clock())
    assert restored.carried == 2
    with database.reading() as connection:
        assert connection.scalars(select(ErasureRow.pseudonym)).all() == ["erased:1"]
        assert connection.scalars(select(UnsubscribedRow.customer)).all() == ["c"]


def test_who_was_erased_since_the_backup_is_erased_from_it_too(database, settings, backup, clock):
    pseudonym = make_pseudonym("customer-1", SECRET_KEY)
    with database.writing() as connection:
        connection.execute(insert(ErasureRow), an_erasure(pseudonym, clock()))
    database.close()
    restored = restore_backup(database, settings, backup, clock())
    assert (restored.carried, restored.erased) == (1, 1)
    held = database.path.read_bytes()
    assert b"customer-1" not in held
    assert b"customer-2" in held
    assert pseudonym.encode() in held
    assert tickets(database.path) == ["1", "2"]


def test_of_two_proofs_the_later_one_holds(database, clock, tmp_path, template):
    shutil.copy(template, tmp_path / "other.db")
    other = Database(f"sqlite:///{tmp_path}/other.db")
    early, late = clock(), clock() + timedelta(days=1)
    for store, rows in {
        database: [an_erasure("erased:1", late, "ours"), an_erasure("erased:2", early, "ours")],
        other: [an_erasure("erased:1", early, "theirs"), an_erasure("erased:2", late, "theirs")],
    }.items():
        with store.writing() as connection:
            connection.execute(insert(ErasureRow), rows)
    assert carry_proofs(other, database) == 1
    assert carry_proofs(other, database) == 0
    with database.reading() as connection:
        found = dict(
            map(tuple, connection.execute(select(ErasureRow.pseudonym, ErasureRow.confirmed_by)))
        )
    other.close()
    assert found == {"erased:1": "ours", "erased:2": "theirs"}


def test_proofs_pass_from_any_database_to_any_other(database, clock, postgresql, _upgraded):
    url = postgresql.create_database(_upgraded)
    other = Database(make_settings(database_url=url).database_url)
    with database.writing() as connection:
        connection.execute(insert(ErasureRow), an_erasure("erased:1", clock()))
    assert add_proofs(other, read_proofs(database)) == 1
    with other.writing() as connection:
        connection.execute(update(ErasureRow).values(erased_at=clock() + timedelta(days=1)))
    assert add_proofs(database, read_proofs(other)) == 1
    other.close()
    postgresql.drop_database(url)


def test_the_drill(database, settings, clock, tmp_path):
    """What docs/operators.md says, from a disaster to a site that counts as before."""
    variables = {
        "CSAT_DATABASE_URL": f"sqlite:///{database.path}",
        "CSAT_SECRET_KEY": SECRET_KEY,
    }
    assert run_csat("db", "upgrade", **variables).returncode == 0
    take(database, settings, [Answer(str(n), 5, OLD, "s") for n in range(30)], clock())
    database.close()
    assert run_csat("aggregate", "--out", "before.csv", **variables).returncode == 0
    done = run_csat("backup", str(tmp_path / "backups.db"), **variables)
    assert done.returncode == 0, done.stderr
    for path in tmp_path.glob("csat.db*"):
        path.unlink()

    done = run_csat("restore", str(tmp_path / "backups.db"), **variables)
    assert done.returncode == 0, done.stderr
    assert "restored: 30 answers, the newest of 2026-" in done.stdout
    assert run_csat("donations", "verify", **variables).returncode == 0
    assert run_csat("aggregate", "--out", "after.csv", **variables).returncode == 0
    assert (tmp_path / "after.csv").read_bytes() == (tmp_path / "before.csv").read_bytes()
    with running_site(tmp_path, "--no-deliver"):
        pass


def test_the_command_says_what_is_lost_and_what_brings_it_back(database, backup):
    database.close()
    done = run_csat("restore", str(backup), CSAT_DATABASE_URL=f"sqlite:///{database.path}")
    assert done.returncode == 0, done.stderr
    assert "lost since the backup: 1 answers" in done.stdout
    assert "csat import posthog" in done.stdout
    for words in (OLD, NEW, "customer-"):
        assert words not in done.stdout


def test_postgresql_has_its_own_programs():
    url = "postgresql://csat:s3cret-word@db.example.com/csat"
    done = run_csat("restore", "x", CSAT_DATABASE_URL=url)
    assert done.returncode == 1
    assert "pg_restore" in done.stderr
    assert "--erasures-from postgresql://csat@db.example.com/csat" in done.stderr
    assert "s3cret" not in done.stderr


def test_bad_usage_is_told():
    assert run_csat("restore").returncode == 2
    assert run_csat("restore", "x", "--erasures-from", "sqlite:///x.db").returncode == 2
    assert run_csat("restore", "--erasures-from", "x.db").returncode == 2
