"""Looks at the machine: disks, and the newest backup."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from survey.doctor.findings import Finding, Level
from survey.doctor.judging_machine import Space, judge_backups, judge_log, judge_space
from survey.settings import Settings

# A backup that is being written has such a name, or begins with a dot.
_UNFINISHED = (".tmp", ".part", "-wal", "-shm", "-journal")


def check_disks(settings: Settings, database_path: Path | None) -> Iterator[Finding]:
    """Yield what is to be said of each disk that something of ours lies on."""
    places = {"temporary files": Path(tempfile.gettempdir()), "var/": Path("var")}
    if database_path is not None:
        places = {"the database": database_path.parent, **places}
    if settings.backup_path is not None:
        places["backups"] = Path(settings.backup_path)
    uses: dict[int, list[str]] = {}
    folders: dict[int, Path] = {}
    for use, place in places.items():
        folder = _existing(place)
        device = folder.stat().st_dev
        uses.setdefault(device, []).append(use)
        folders.setdefault(device, folder)
    for device, folder in folders.items():
        yield judge_space(_measure(folder, uses[device]))
    if not os.access(tempfile.gettempdir(), os.W_OK):
        message = f"no temporary file can be made in {tempfile.gettempdir()}: check its mode"
        yield Finding("disk", Level.FAILURE, message)
    log = None if database_path is None else database_path.with_name(f"{database_path.name}-wal")
    if log is not None and log.is_file() and (finding := judge_log(log.stat().st_size)):
        yield finding


def check_backups(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield how old the newest backup is."""
    path = settings.backup_path
    yield judge_backups(path, None if path is None else find_newest(Path(path)), now)


def find_newest(path: Path) -> datetime | None:
    """Return when a file, or the newest one in a folder, was written last; None if there is none,
    or it is empty."""
    backups = sorted(path.iterdir()) if path.is_dir() else [path]
    times = [each.stat().st_mtime for each in backups if _is_backup(each)]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _is_backup(path: Path) -> bool:
    if path.name.startswith(".") or path.name.endswith(_UNFINISHED) or not path.exists():
        return False
    # pg_dump can also write a folder.
    return path.is_dir() or path.stat().st_size > 0


def _existing(place: Path) -> Path:
    """Return a folder, or the nearest one above it that exists."""
    place = place.absolute()
    return next(each for each in (place, *place.parents) if each.is_dir())


def _measure(folder: Path, uses: list[str]) -> Space:
    found = os.statvfs(folder)
    return Space(
        uses=uses,
        bytes=found.f_bavail * found.f_frsize,
        files=found.f_favail if found.f_files else None,
        is_read_only=bool(found.f_flag & os.ST_RDONLY),
    )
