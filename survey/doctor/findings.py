"""What a check of `csat doctor` found, and what to do about it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """What a check found, and what to do about it."""

    check: str
    level: Level
    message: str


def in_one_line(check: str, level: Level, message: str) -> Finding:
    """Return a finding whose message may have had several lines."""
    return Finding(check, level, " ".join(message.split()))


def has_failed(findings: Sequence[Finding]) -> bool:
    """Return whether any check failed; warnings are no failures."""
    return any(finding.level is Level.FAILURE for finding in findings)


def describe_age(age: timedelta) -> str:
    """Return an age in the largest unit of which it has two or more; 0 if the clock went back."""
    seconds = max(int(age.total_seconds()), 0)
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:,} {unit}"
    return f"{seconds} seconds"
