"""The names of backups in a folder, and which of them are more than are kept. Pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_NAME = re.compile(r"csat-\d{8}T\d{6}Z\.db")


def name_backup(at: datetime) -> str:
    """Return the name of a backup of this time: `csat-20261014T093000Z.db`."""
    return f"csat-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.db"


def find_surplus(names: Iterable[str], keep: int) -> list[str]:
    """Return those of the names that are backups, without the `keep` newest, oldest first. What has
    another name is nobody's backup to remove."""
    backups = sorted(name for name in names if _NAME.fullmatch(name))
    return backups[: max(len(backups) - keep, 0)]
