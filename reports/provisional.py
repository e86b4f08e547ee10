"""Whether the numbers of a report may still change, and from when they stand. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from reports.findings import Stage
from reports.wording import name_duration
from survey.periods import Period


@dataclass(frozen=True)
class Standing:
    """How final the numbers of a period are: they stand from an instant on, and until then answers
    may be changed for a while, `window`, after they were given."""

    stage: Stage
    stands_from: datetime
    window: str


def find_standing(
    period: Period, as_of: datetime, edit_window: timedelta, timezone: tzinfo
) -> Standing:
    """Return how final the numbers are: they stand when the period is over and so is the time for
    changes of an answer given at its very end."""
    closes_at = period.bounds(timezone)[1]
    stands_from = closes_at + edit_window
    stage = Stage.FINAL
    if as_of < stands_from:
        stage = Stage.SETTLING if as_of >= closes_at else Stage.RUNNING
    return Standing(stage, stands_from, name_duration(edit_window))
