"""What the store has and PostHog has not, and the other way round, with the reasons known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from survey.store.models import Origin
from survey.store.sent import SentAnswer
from survey.vocabulary import COUNTED

# PostHog shows an event some minutes after it has accepted it, and names no limit. This is longer
# than it usually takes, and short enough to come back after.
INGESTION_LAG = timedelta(minutes=15)


class Side(StrEnum):
    """Which of the two lacks an answer."""

    NOT_AT_POSTHOG = "not at PostHog"
    ONLY_AT_POSTHOG = "only at PostHog"


class Reason(StrEnum):
    """Why only one of the two has it."""

    # not at PostHog
    WAITING = "waiting"
    DEAD = "dead"
    IN_FLIGHT = "in flight"
    ERASED = "erased"
    DROPPED = "dropped"
    NEVER_SENT = "never sent"
    # only at PostHog
    NOT_COUNTED = "not counted"
    IMPORTED = "imported"
    OTHER_TIME = "other time"
    UNKNOWN = "unknown"


# Reasons that leave nothing to find out.
EXPLAINED = frozenset(
    {
        *(Reason.WAITING, Reason.DEAD, Reason.IN_FLIGHT, Reason.ERASED),
        *(Reason.NOT_COUNTED, Reason.IMPORTED),
    }
)


@dataclass(frozen=True)
class SentEvent:
    """A `survey sent` event that PostHog has."""

    uuid: str
    at: datetime
    ticket_id: str | None


@dataclass(frozen=True)
class Difference:
    """An answer that only one of the two has. `detail` says more about the reason."""

    at: datetime
    ticket_id: str | None
    uuid: str
    side: Side
    reason: Reason
    detail: str | None = None

    @property
    def is_explained(self) -> bool:
        """Whether the reason leaves nothing to find out."""
        return self.reason in EXPLAINED


@dataclass(frozen=True)
class Reconciliation:
    """The comparison of one month. `expected` and `at_posthog` count uuids; the differences are in
    the order of time."""

    expected: int
    at_posthog: int
    in_both: int
    differences: tuple[Difference, ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """The differences that somebody must look into."""
        return tuple(each for each in self.differences if not each.is_explained)


def compare(
    answers: Iterable[SentAnswer],
    outcomes: Mapping[str, str],
    events: Iterable[SentEvent],
    as_of: datetime,
    retention: timedelta,
) -> Reconciliation:
    """Compare a month's answers with the events of the month that PostHog has.

    `outcomes` says what became of these answers, and of those in the store that have the uuid of an
    event. PostHog was asked at `as_of`, before the store
    was read: what came in between is then on its way, and nothing seems unknown. The outbox
    remembers a delivered event for `retention`.
    """
    stored = {answer.uuid: answer for answer in answers}
    expected = {
        uuid: answer
        for uuid, answer in stored.items()
        if answer.source is Origin.SITE and outcomes.get(uuid) in COUNTED
    }
    # PostHog can hold several copies of one event until it merges them.
    found = {event.uuid: event for event in events}
    lacking = [
        _lacking(expected[uuid], as_of, retention) for uuid in expected.keys() - found.keys()
    ]
    extra = [
        _extra(found[uuid], stored.get(uuid), outcomes.get(uuid))
        for uuid in found.keys() - expected.keys()
    ]
    return Reconciliation(
        expected=len(expected),
        at_posthog=len(found),
        in_both=len(expected.keys() & found.keys()),
        differences=tuple(sorted([*lacking, *extra], key=lambda each: (each.at, each.uuid))),
    )


def _lacking(answer: SentAnswer, as_of: datetime, retention: timedelta) -> Difference:
    reason, detail = _why_not_at_posthog(answer, as_of, retention), None
    if reason is Reason.DEAD:
        detail = answer.reason
    return Difference(
        answer.answered_at, answer.ticket_id, answer.uuid, Side.NOT_AT_POSTHOG, reason, detail
    )


def _why_not_at_posthog(answer: SentAnswer, as_of: datetime, retention: timedelta) -> Reason:
    if answer.dead_at is not None:
        return Reason.DEAD
    if answer.is_waiting:
        return Reason.WAITING
    if answer.is_of_erased:
        return Reason.ERASED
    if answer.delivered_at is not None:
        is_recent = answer.delivered_at > as_of - INGESTION_LAG
        return Reason.IN_FLIGHT if is_recent else Reason.DROPPED
    # The row of a delivered event is deleted some day. For a younger answer without a row nothing
    # was ever sent; for an older one nobody can tell.
    is_young = answer.answered_at > as_of - retention
    return Reason.NEVER_SENT if is_young else Reason.DROPPED


def _extra(event: SentEvent, answer: SentAnswer | None, outcome: str | None) -> Difference:
    """`answer` is the one of this month with the event's uuid, `outcome` that of any month."""
    detail = None
    if outcome is None:
        reason = Reason.UNKNOWN
    elif outcome not in COUNTED:
        reason, detail = Reason.NOT_COUNTED, outcome
    elif answer is None:
        reason = Reason.OTHER_TIME
    else:
        reason = Reason.IMPORTED
    return Difference(event.at, event.ticket_id, event.uuid, Side.ONLY_AT_POSTHOG, reason, detail)
