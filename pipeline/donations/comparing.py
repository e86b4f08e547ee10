"""Compares the months of the ledger with the responses as they are now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from pipeline.donations.kept_rules import KeptRules
from pipeline.donations.ledger import Ledger
from pipeline.donations.posting import Change
from pipeline.sources.base import OnProgress
from survey.counting_rules import CountingRules
from survey.errors import CsatError
from survey.ledger import ChangeReason, EntryKind, LedgerEntry, digest_tickets, split_tickets
from survey.months import Month
from survey.pseudonyms import unify_persons
from survey.rules import Answer, decide
from survey.store.counting import months_with_responses
from survey.store.imports import have_copies, tickets_of_copies
from survey.store.ledger import (
    LastVoidChange,
    ResponseBeginning,
    find_answer_ids,
    find_beginnings,
    find_last_void_changes,
    find_tickets,
    find_versions,
    read_settled,
    read_tickets,
)
from survey.store.models import Origin
from survey.store.responses import answers_of_tickets, find_responses
from survey.store.voids import void_among

_TICKETS_AT_ONCE = 500


class CannotCompare(CsatError):
    """The error that nothing may follow from a comparison; the message says why, and what to do."""


class ResponsesMissing(CannotCompare):
    """The error that answers are in the store no more whose response the ledger has counted."""


class TicketsDamaged(CannotCompare):
    """The error that the tickets of an entry are not kept as the entry counted them."""


class ResponsesChanged(CannotCompare):
    """The error that a response is not the one that its answers make."""


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

    def holds(self, answer: Answer) -> bool:
        """Return whether an answer was given in the month."""
        return self.opens_at <= answer.answered_at < self.closes_at


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
    `on_progress` is told how many tickets were compared. Raise CannotCompare.
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
    check_changes(connection, changes, rules)
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
    """Return the tickets of a month that the ledger counts, after all posted changes; sorted. Raise
    TicketsDamaged."""
    if counted.counted_by is None:
        return []
    tickets = _tickets_of(connection, counted.counted_by)
    if not counted.changed_by:
        return tickets
    found = set(tickets)
    for entry in counted.changed_by:
        if (entry.hedgehogs or 0) > 0:
            found.update(_tickets_of(connection, entry))
        else:
            found.difference_update(_tickets_of(connection, entry))
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


def check_changes(connection: Connection, changes: Sequence[Change], rules: CountingRules) -> None:
    """Check that the responses of changed tickets are those that their answers make. Otherwise
    nobody answered or voided anything, somebody changed the table, and no money may follow. Raise
    ResponsesChanged."""
    months = {each.ticket_id: each.month for each in changes}
    for tickets in _in_batches(list(months)):
        with_voids = rules.with_voids(void_among(connection, tickets))
        stored = find_responses(connection, tickets)
        for ticket_id, answers in answers_of_tickets(connection, tickets).items():
            made, found = decide(answers, with_voids).response, stored.get(ticket_id)
            expected = made and (made.first.distinct_id, made.first.answered_at)
            if expected != (found and (found.distinct_id, found.answered_at)):
                raise ResponsesChanged(
                    f"the response of ticket {ticket_id} has changed since {months[ticket_id]} was "
                    "counted, and its answers do not explain it: the table of responses was "
                    "changed. Restore a backup; or `csat responses void` and `csat responses "
                    "unvoid`, which derives the response of the ticket anew."
                )


class _Reasons:
    """Finds out why tickets of a month count now and did not before, or the other way round."""

    def __init__(
        self,
        connection: Connection,
        counted: CountedMonth,
        ledger: Ledger,
        rules: CountingRules,
    ) -> None:
        assert ledger.last is not None  # a month is counted only after the first close
        self._connection = connection
        self._counted = counted
        self._ledger = ledger
        self._rules = rules
        self._kept = KeptRules.of(rules)
        # A close posts all changes that add, so these have come since the last one. Those that take
        # away may have waited for longer.
        self._last = ledger.last.close

    def find(self, ticket_ids: Sequence[str], now: set[str]) -> dict[str, ChangeReason]:
        """Return the reason for each of these tickets; `now` are those that count."""
        more = [ticket_id for ticket_id in ticket_ids if ticket_id in now]
        less = [ticket_id for ticket_id in ticket_ids if ticket_id not in now]
        return {
            **(self._why_more(more) if more else {}),
            **(self._why_less(less) if less else {}),
        }

    def _why_more(self, ticket_ids: Sequence[str]) -> dict[str, ChangeReason]:
        beginnings = find_beginnings(self._connection, ticket_ids)
        void_changes = find_last_void_changes(self._connection, ticket_ids)
        return {
            ticket_id: self._why_it_counts(
                ticket_id, beginnings.get(ticket_id), void_changes.get(ticket_id)
            )
            for ticket_id in ticket_ids
        }

    def _why_it_counts(
        self,
        ticket_id: str,
        beginning: ResponseBeginning | None,
        void_change: LastVoidChange | None,
    ) -> ChangeReason:
        if beginning is None:
            raise ResponsesMissing(
                f"ticket {ticket_id} has a response in {self._counted.month} that began with no "
                "answer of the store: its answers were deleted or changed, or the response was. "
                "Restore the backup that has them."
            )
        newest = self._last.newest_answer or 0
        late = _late(beginning.source == Origin.SITE.value)
        if beginning.oldest_id > newest:
            return late
        if (
            void_change is not None
            and not void_change.is_void
            and void_change.changed_at >= self._last.recorded_at
        ):
            return ChangeReason.UNVOID
        if beginning.answer_id > newest:
            return late
        if self._kept.differ(KeptRules.parse(self._last.rules)):
            return ChangeReason.SETTINGS
        if self._counts_by_other_secrets(ticket_id):
            return ChangeReason.SETTINGS
        # Without a new answer, another copy of the event counts, or an answer was being stored
        # while the month was counted.
        return ChangeReason.OTHER_PERSON if beginning.newest_id > newest else late

    def _why_less(self, ticket_ids: Sequence[str]) -> dict[str, ChangeReason]:
        void = void_among(self._connection, ticket_ids)
        answers = answers_of_tickets(self._connection, ticket_ids)
        ids = find_answer_ids(self._connection, ticket_ids)
        without = [ticket_id for ticket_id in ticket_ids if not answers[ticket_id]]
        # Of the copies of an event, one that names another ticket counts.
        moved = tickets_of_copies(self._connection, without) if without else frozenset()
        return {
            ticket_id: ChangeReason.VOID
            if ticket_id in void
            else ChangeReason.LATE_IMPORT
            if ticket_id in moved
            else self._why_it_counts_no_more(ticket_id, answers[ticket_id], ids)
            for ticket_id in ticket_ids
        }

    def _why_it_counts_no_more(
        self, ticket_id: str, answers: Sequence[Answer], ids: Mapping[str, int]
    ) -> ChangeReason:
        if not answers:
            raise ResponsesMissing(
                f"the response of ticket {ticket_id} was counted in {self._counted.month}, and its "
                "answers are in the store no more. Restore the backup that has them. If they are "
                "lost for good, `csat responses void --force` takes the ticket out."
            )
        count = self._changed_by.get(ticket_id, self._counted.counted_by)
        assert count is not None  # what counts no more was counted
        known = _known_at(count, answers, ids)
        without_new = decide(known, self._rules).response
        if without_new is None or not self._counted.holds(without_new.first):
            # Without other settings, another copy of an imported event counts.
            changed = self._kept.differ(KeptRules.parse(count.rules))
            if changed or self._is_judged_otherwise(count, known):
                return ChangeReason.SETTINGS
            return ChangeReason.LATE_IMPORT
        response = decide(answers, self._rules).response
        assert response is not None  # an answer more leaves a ticket its response
        persons = unify_persons(
            (response.first.distinct_id, without_new.first.distinct_id), self._rules.secrets
        )
        if len(set(persons.values())) > 1:
            return ChangeReason.OTHER_PERSON
        return _late(response.first.is_from_site)

    def _counts_by_other_secrets(self, ticket_id: str) -> bool:
        """Return whether the answers that the last close knew count in the month, only because
        other secrets judge their trust."""
        if self._has_same_secrets(self._last):
            return False
        answers = answers_of_tickets(self._connection, [ticket_id])[ticket_id]
        ids = find_answer_ids(self._connection, [ticket_id])
        known = _known_at(self._last, answers, ids)
        response = decide(known, self._rules).response
        is_of_month = response is not None and self._counted.holds(response.first)
        return is_of_month and self._is_judged_otherwise(self._last, known)

    def _is_judged_otherwise(self, count: LedgerEntry, known: Sequence[Answer]) -> bool:
        """Return whether other secrets than those of a count judge these answers, and no other copy
        of an event explains a change. The site's own answers need no secret."""
        if self._has_same_secrets(count) or all(answer.is_from_site for answer in known):
            return False
        return not have_copies(self._connection, [answer.uuid for answer in known])

    def _has_same_secrets(self, count: LedgerEntry) -> bool:
        return KeptRules.parse(count.rules).secrets == self._kept.secrets

    @cached_property
    def _changed_by(self) -> dict[str, LedgerEntry]:
        """For each ticket that was changed since the month was counted, the entry that says what
        was known when its last change was posted."""
        return {
            ticket_id: self._ledger.closed[entry.month].close
            if entry.kind is EntryKind.ADJUSTMENT
            else entry
            for entry in self._counted.changed_by
            for ticket_id in _tickets_of(self._connection, entry)
        }


def _known_at(
    count: LedgerEntry, answers: Sequence[Answer], ids: Mapping[str, int]
) -> list[Answer]:
    """Return those of these answers that were stored when a month was counted."""
    return [answer for answer in answers if ids[answer.uuid] <= (count.newest_answer or 0)]


def _late(is_from_site: bool) -> ChangeReason:
    return ChangeReason.LATE_ANSWER if is_from_site else ChangeReason.LATE_IMPORT


def _tickets_of(connection: Connection, entry: LedgerEntry) -> list[str]:
    """Return the tickets that an entry counts or changes. Raise TicketsDamaged if what is kept of
    them is not what the entry counted: nothing must be posted by it."""
    if entry.ticket_id is not None:
        return [entry.ticket_id]
    joined = read_tickets(connection, entry.sequence)
    if joined is None or digest_tickets(joined) != entry.tickets_digest:
        raise TicketsDamaged(
            f"the tickets that entry {entry.sequence} of the ledger counts are lost or changed; "
            "restore the backup that has them. `csat donations verify` says what else differs."
        )
    return split_tickets(joined)


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
