"""What is found on a real disk."""

import os
from datetime import UTC, datetime

import pytest

from survey.clock import now
from survey.doctor.findings import Level
from survey.doctor.judging_machine import LONGEST_LOG_BYTES
from survey.doctor.machine import check_backups, check_disks, find_newest
from tests.support.settings import make_settings

DAY = 86_400


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


def write(path, age, content=b"x"):
    path.write_bytes(content)
    at = now().timestamp() - age
    os.utime(path, (at, at))
    return datetime.fromtimestamp(at, UTC)


def test_the_newest_backup_is_that_which_is_whole(place):
    assert find_newest(place) is None
    assert find_newest(place / "none") is None
    old = write(place / "a.db", 3 * DAY)
    assert find_newest(place) == find_newest(place / "a.db") == old
    newer = write(place / "b.dump", 2 * DAY)
    for name in (".c.db", "c.db.tmp", "c.part", "b.db-wal"):
        write(place / name, DAY)
    write(place / "empty.db", DAY, b"")
    assert find_newest(place) == newer
    (place / "folder-of-pg-dump").mkdir()
    assert (now() - find_newest(place)).total_seconds() < 60


def test_the_age_of_the_newest_backup_is_judged(place):
    settings = make_settings(backup_path=str(place))
    write(place / "a.db", 2 * DAY)
    (finding,) = check_backups(settings, now())
    assert finding.message.startswith(f"the newest at {place} is 2 days old")
    (finding,) = check_backups(make_settings(), now())
    assert finding.level is Level.OK


def test_each_disk_is_named_once_with_what_lies_on_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = make_settings(backup_path=str(tmp_path / "not/there/yet"))
    (finding,) = check_disks(settings, tmp_path / "csat.db")
    assert finding.message.endswith(" for the database and temporary files and var/ and backups")


def test_a_log_of_the_database_that_grows_is_found(tmp_path):
    with (tmp_path / "csat.db-wal").open("wb") as log:
        log.truncate(LONGEST_LOG_BYTES + 1)
    findings = list(check_disks(make_settings(), tmp_path / "csat.db"))
    assert "(-wal)" in findings[-1].message
