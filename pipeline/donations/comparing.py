"""Compares the months of the ledger with the responses as they are now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from pipeline.donations.ledger import Ledger
from pipeline.donations.posting import Change
from pipeline.sources.base import OnProgress
from survey.counting_rules import CountingRules, Derived
from survey.errors import CsatError
from survey.ledger import ChangeReason, LedgerEntry, split_tickets
from survey.months import Month
from survey.rules import Answer, decide
from survey.store.counting import months_with_responses
from survey.store.ledger import (
    LastVoidChange,
    ResponseBeginning,
    find_beginnings,
    find_last_void_changes,
    find_tickets,
    find_versions,
    read_settled,
    read_tickets,
)
from survey.store.models import Origin
from survey.store.responses import answers_of_tickets
from survey.store.voids import void_among
from survey.vocabulary import Outcome

_TICKETS_AT_ONCE = 500
# Outcomes that only a setting gives to an answer that counted before.
_BY_SETTINGS = {Outcome.TEST, Outcome.OTHER_SURVEY, Outcome.UNVERIFIED}


class ResponsesMissing(CsatError):
    """The error that answers are in the store no more whose response the ledger has counted."""


@dataclass(frozen=True)
class CountedMonth:
    """A month that the ledger has counted, with the bounds of then, whatever the settings are now.

    `counted_by` is the entry that counted it first; None for a month before the first close that
    had no response then. `changed_by` are the entries that have changed the count since.
    """

    month: Month
    opens_at: datetime
    closes_at: datetime
    counted_by: LedgerEntry | None
    changed_by: tuple[LedgerEntry, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """The changes that no entry has posted yet, by month and ticket; and the version of each month
    that was compared, or did not have to be."""

    changes: tuple[Change, ...]
    versions: Mapping[Month, int]


def compare_ledger(
    connection: Connection,
    ledger: Ledger,
    rules: CountingRules,
    on_progress: OnProgress = lambda _: None,
) -> Comparison:
    """Return what has changed in the months of the ledger since they were counted.

    Months whose answers have not changed since the ledger agreed with them are not read again.
    `on_progress` is told how many tickets were compared. Raise ResponsesMissing.
    """
    settled = read_settled(connection)
    months = counted_months(connection, ledger)
    versions = find_versions(
        connection, {each.month: (each.opens_at, each.closes_at) for each in months}
    )
    changes: list[Change] = []
    compared = 0
    for each in months:
        if settled.get(each.month) != versions[each.month]:
            recorded = recorded_tickets(connection, each)
            compared += len(recorded)
            changes += compare_month(connection, each, recorded, ledger, rules)
        on_progress(compared)
    return Comparison(tuple(changes), versions)


def counted_months(connection: Connection, ledger: Ledger) -> list[CountedMonth]:
    """Return the months of the ledger, oldest first, and those before its first close that have
    responses by now. None before the first close."""
    if ledger.first is None:
        return []
    first = ledger.first.close
    assert first.timezone is not None and first.opens_at is not None  # every close has these
    timezone = ZoneInfo(first.timezone)
    opening = set(ledger.openings)
    for month in months_with_responses(connection, timezone):
        if month >= first.month:
            break
        opening.add(month)
    return [
        *(_opening_month(month, ledger, timezone) for month in sorted(opening)),
        *(_closed_month(month, ledger) for month in ledger.closed),
    ]


def recorded_tickets(connection: Connection, counted: CountedMonth) -> list[str]:
    """Return the tickets of a month that the ledger counts, after all posted changes; sorted."""
    if counted.counted_by is None:
        return []
    tickets = split_tickets(read_tickets(connection, counted.counted_by.sequence) or b"")
    if not counted.changed_by:
        return tickets
    found = set(tickets)
    for entry in counted.changed_by:
        if entry.ticket_id is not None:
            changed = [entry.ticket_id]
        else:
            changed = split_tickets(read_tickets(connection, entry.sequence) or b"")
        if (entry.hedgehogs or 0) > 0:
            found.update(changed)
        else:
            found.difference_update(changed)
    return sorted(found)


def compare_month(
    connection: Connection,
    counted: CountedMonth,
    recorded: Sequence[str],
    ledger: Ledger,
    rules: CountingRules,
) -> Iterator[Change]:
    """Yield what has changed in a month, whose recorded tickets are sorted; by ticket. Raise
    ResponsesMissing."""
    current = find_tickets(connection, counted.opens_at, counted.closes_at)
    current.sort()
    if current == recorded:
        return
    reasons = _Reasons(connection, counted, ledger, rules)
    before, now = set(recorded), set(current)
    for some in _in_batches(sorted(before ^ now)):
        found = reasons.find(some, now)
        for ticket_id in some:
            hedgehogs = 1 if ticket_id in now else -1
            yield Change(counted.month, ticket_id, hedgehogs, found[ticket_id])


class _Reasons:
    """Finds out why tickets of a month count now and did not before, or the other way round."""

    def __init__(
        self,
        connection: Connection,
        counted: CountedMonth,
        ledger: Ledger,
        rules: CountingRules,
    ) -> None:
        self._connection = connection
        self._counted = counted
        self._rules = rules
        entry = counted.counted_by or (ledger.first.close if ledger.first else None)
        assert entry is not None  # a month is counted only after the first close
        self._counted_at = entry.recorded_at
        self._newest_answer = entry.newest_answer or 0
        # Settings that changed before the last close have had their effect there.
        last = ledger.last.close.rules if ledger.last else None
        self._settings_changed = last != rules_of_counting(rules)

    def find(self, ticket_ids: Sequence[str], now: set[str]) -> dict[str, ChangeReason]:
        """Return the reason for each of these tickets; `now` are those that count."""
        beginnings = find_beginnings(self._connection, ticket_ids)
        void_changes = find_last_void_changes(self._connection, ticket_ids)
        gone = [ticket_id for ticket_id in ticket_ids if ticket_id not in now]
        void = void_among(self._connection, gone) if gone else frozenset()
        answers = answers_of_tickets(self._connection, gone) if gone else {}
        return {
            ticket_id: self._why_more(beginnings[ticket_id], void_changes.get(ticket_id))
            if ticket_id in now
            else ChangeReason.VOID
            if ticket_id in void
            else self._why_less(ticket_id, beginnings.get(ticket_id), answers[ticket_id])
            for ticket_id in ticket_ids
        }

    def _why_more(
        self, beginning: ResponseBeginning, void_change: LastVoidChange | None
    ) -> ChangeReason:
        if (
            void_change is not None
            and not void_change.is_void
            and void_change.changed_at >= self._counted_at
        ):
            return ChangeReason.UNVOID
        if self._came_late(beginning):
            return _late(beginning)
        return ChangeReason.SETTINGS if self._settings_changed else ChangeReason.OTHER_PERSON

    def _why_less(
        self, ticket_id: str, beginning: ResponseBeginning | None, answers: Sequence[Answer]
    ) -> ChangeReason:
        if not answers:
            raise ResponsesMissing(
                f"the response of ticket {ticket_id} was counted in {self._counted.month}, and its "
                "answers are in the store no more. Restore the backup that has them. If they are "
                "lost for good, `csat responses void --force` takes the ticket out."
            )
        if beginning is None:
            outcomes = set(decide(answers, self._rules).outcomes.values())
            return ChangeReason.SETTINGS if outcomes & _BY_SETTINGS else ChangeReason.LATE_IMPORT
        if self._came_late(beginning):
            began_here = any(
                answer.distinct_id == beginning.distinct_id
                and self._counted.opens_at <= answer.answered_at < self._counted.closes_at
                for answer in answers
            )
            return _late(beginning) if began_here else ChangeReason.OTHER_PERSON
        return ChangeReason.SETTINGS if self._settings_changed else ChangeReason.OTHER_PERSON

    def _came_late(self, beginning: ResponseBeginning) -> bool:
        """Return whether the answer that begins the response was stored after the month was
        counted."""
        return beginning.answer_id > self._newest_answer


def rules_of_counting(rules: CountingRules) -> str:
    """Return what a close keeps of the rules of counting: their fingerprint, and behind a space the
    instant from which unverified answers alone do not count, if there is one."""
    kept = rules.fingerprint(Derived.RESPONSES)
    since = rules.unverified_excluded_from
    return kept if since is None else f"{kept} {since.isoformat()}"


def read_exclusion(kept: str | None) -> datetime | None:
    """Return from when on unverified answers alone did not count, of what a close keeps of the
    rules; None if they all counted."""
    _, _, since = (kept or "").partition(" ")
    return datetime.fromisoformat(since) if since else None


def _late(beginning: ResponseBeginning) -> ChangeReason:
    is_imported = beginning.source == Origin.IMPORT.value
    return ChangeReason.LATE_IMPORT if is_imported else ChangeReason.LATE_ANSWER


def _closed_month(month: Month, ledger: Ledger) -> CountedMonth:
    close = ledger.closed[month].close
    assert close.opens_at is not None and close.closes_at is not None  # every close has these
    return CountedMonth(
        month=month,
        opens_at=close.opens_at.astimezone(UTC),
        closes_at=close.closes_at.astimezone(UTC),
        counted_by=close,
        changed_by=ledger.changes_of(month),
    )


def _opening_month(month: Month, ledger: Ledger, timezone: ZoneInfo) -> CountedMonth:
    entries = ledger.openings.get(month, [])
    counted_by = entries[0] if entries else None
    return CountedMonth(month, *month.bounds(timezone), counted_by, tuple(entries[1:]))


def _in_batches(tickets: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(tickets), _TICKETS_AT_ONCE):
        yield tickets[begin : begin + _TICKETS_AT_ONCE]
