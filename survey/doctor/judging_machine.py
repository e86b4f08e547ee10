"""What `csat doctor` makes of the machine: disks, clocks and backups. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from survey.doctor.findings import Finding, Level, describe_age

MEGABYTE = 1_000_000
# Below these, the disk is nearly full; below those, it is time to make room.
LEAST_BYTES, FEW_BYTES = 100 * MEGABYTE, 1_000 * MEGABYTE
LEAST_FILES, FEW_FILES = 1_000, 10_000
# SQLite writes its log back at 4 MB, unless somebody reads one old state all the time.
LONGEST_LOG_BYTES = 256 * MEGABYTE
# A clock that is wrong by less disturbs nothing.
LARGEST_CLOCK_ERROR = timedelta(seconds=30)
# A daily backup may take some time.
LONGEST_BACKUP_PAUSE = timedelta(hours=26)


@dataclass(frozen=True)
class Space:
    """What is left on a disk, and what of ours lies there. `files` is None for a file system that
    makes as many files as it likes."""

    uses: Sequence[str]
    bytes: int
    files: int | None
    is_read_only: bool = False


def judge_space(space: Space) -> Finding:
    """Return whether a disk has room for more."""
    check, place = "disk", " and ".join(space.uses)
    if space.is_read_only:
        message = f"the disk of {place} takes no writes: mount it for writing"
        return Finding(check, Level.FAILURE, message)
    left = f"{_describe_bytes(space.bytes)} left for {place}"
    if space.files is not None and space.files < FEW_FILES:
        level = Level.FAILURE if space.files < LEAST_FILES else Level.WARNING
        message = (
            f"only {space.files:,} more files (inodes) for {place}: delete small files there, or "
            "move it to another disk"
        )
        return Finding(check, level, message)
    if space.bytes < FEW_BYTES:
        level = Level.FAILURE if space.bytes < LEAST_BYTES else Level.WARNING
        message = (
            f"only {left}: make room, or move it to another disk; on a full disk no answer is taken"
        )
        return Finding(check, level, message)
    return Finding(check, Level.OK, left)


def judge_log(log_bytes: int) -> Finding | None:
    """Return that the log of the SQLite database grows, if it does."""
    if log_bytes <= LONGEST_LOG_BYTES:
        return None
    message = (
        f"the database's log (-wal) has {_describe_bytes(log_bytes)}, because some program reads "
        "one old state for long: end it, and restart `csat serve` if the log stays"
    )
    return Finding("disk", Level.WARNING, message)


def judge_clock(what: str, ahead: timedelta) -> Finding:
    """Return whether this machine's clock agrees with something else, which is `ahead` of it."""
    check = "clock"
    if abs(ahead) <= LARGEST_CLOCK_ERROR:
        return Finding(check, Level.OK, f"it agrees with {what}")
    direction = "behind" if ahead > timedelta() else "ahead of"
    message = (
        f"this machine's clock is {describe_age(abs(ahead))} {direction} {what}: let each machine "
        "set its clock by the network (`timedatectl set-ntp true`)"
    )
    return Finding(check, Level.WARNING, message)


def judge_newest(what: str, newest_at: datetime | None, now: datetime) -> Finding | None:
    """Return that something stored has a time in the future, if it has."""
    if newest_at is None or newest_at - now <= LARGEST_CLOCK_ERROR:
        return None
    message = (
        f"{what} is from {describe_age(newest_at - now)} in the future: this machine's clock is "
        "behind, or that of the machine that stored it was ahead; let each machine set its clock "
        "by the network"
    )
    return Finding("clock", Level.WARNING, message)


def judge_backups(path: str | None, newest_at: datetime | None, now: datetime) -> Finding:
    """Return whether there is a backup that is new enough; `newest_at` is None if there is none."""
    check = "backups"
    if path is None:
        message = "CSAT_BACKUP_PATH is not set, so nobody looks at the age of the backups"
        return Finding(check, Level.OK, message)
    how = "does the timer of `csat backup` (PostgreSQL: pg_dump) run?"
    if newest_at is None:
        return Finding(check, Level.WARNING, f"there is none at {path}: {how}")
    age = describe_age(now - newest_at)
    if now - newest_at > LONGEST_BACKUP_PAUSE:
        return Finding(check, Level.WARNING, f"the newest at {path} is {age} old: {how}")
    return Finding(check, Level.OK, f"the newest is {age} old")


def _describe_bytes(count: int) -> str:
    if count >= 1_000 * MEGABYTE:
        return f"{count / (1_000 * MEGABYTE):,.1f} GB"
    return f"{count // MEGABYTE:,} MB"
