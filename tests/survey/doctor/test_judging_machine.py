"""What is said of disks, clocks and backups, and from when on it is a warning."""

from datetime import UTC, datetime, timedelta

import pytest

from survey.doctor.findings import Level
from survey.doctor.judging_machine import (
    MEGABYTE,
    Space,
    judge_backups,
    judge_clock,
    judge_log,
    judge_newest,
    judge_space,
)

NOW = datetime(2026, 10, 14, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
GIGABYTE = 1_000 * MEGABYTE


@pytest.mark.parametrize(
    ("left", "files", "level"),
    [
        (GIGABYTE, 10_000, Level.OK),
        (GIGABYTE, None, Level.OK),
        (GIGABYTE - 1, None, Level.WARNING),
        (100 * MEGABYTE, None, Level.WARNING),
        (100 * MEGABYTE - 1, None, Level.FAILURE),
        (GIGABYTE, 9_999, Level.WARNING),
        (GIGABYTE, 999, Level.FAILURE),
    ],
)
def test_a_disk_needs_room_for_bytes_and_for_files(left, files, level):
    finding = judge_space(Space(["the database", "var/"], left, files))
    assert finding.level is level
    assert "the database and var/" in finding.message


def test_a_disk_that_takes_no_writes_is_a_failure():
    finding = judge_space(Space(["var/"], GIGABYTE, None, is_read_only=True))
    assert (finding.level, "mount it for writing" in finding.message) == (Level.FAILURE, True)


def test_a_log_that_grows_is_told():
    assert judge_log(256 * MEGABYTE) is None
    finding = judge_log(3 * GIGABYTE)
    assert (finding.level, "has 3.0 GB" in finding.message) == (Level.WARNING, True)


def test_a_clock_that_is_wrong_is_told_with_the_direction():
    assert judge_clock("PostHog's", 30 * SECOND).level is Level.OK
    assert judge_clock("PostHog's", -30 * SECOND).level is Level.OK
    behind = judge_clock("PostHog's", 31 * SECOND)
    assert behind.message.startswith("this machine's clock is 31 seconds behind PostHog's: ")
    ahead = judge_clock("PostHog's", -3 * HOUR)
    assert ahead.message.startswith("this machine's clock is 3 hours ahead of PostHog's: ")
    assert behind.level is ahead.level is Level.WARNING


def test_what_is_from_the_future_is_told():
    assert judge_newest("the newest answer", None, NOW) is None
    assert judge_newest("the newest answer", NOW + 30 * SECOND, NOW) is None
    finding = judge_newest("the newest answer", NOW + 3 * HOUR, NOW)
    assert finding.level is Level.WARNING
    assert finding.message.startswith("the newest answer is from 3 hours in the future: ")


def test_a_daily_backup_may_be_late_by_two_hours():
    def level(newest_at, path="/backups"):
        return judge_backups(path, newest_at, NOW).level

    assert level(NOW - 26 * HOUR) is level(None, path=None) is Level.OK
    assert level(NOW - 26 * HOUR - SECOND) is level(None) is Level.WARNING
