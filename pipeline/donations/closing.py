"""Closes months: counts the responses of a month once and for all, and posts what has changed in
earlier ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from pipeline.donations.comparing import Comparison, compare_ledger
from pipeline.donations.exclusion import find_exclusion_obstacle
from pipeline.donations.kept_rules import KeptRules
from pipeline.donations.ledger import Charity, ClosedMonth, Ledger, Rate
from pipeline.donations.money import round_amount
from pipeline.donations.posting import Change, Posting, post_changes, price_change
from pipeline.sources.base import OnProgress
from survey.counting_rules import CountingRules
from survey.durations import format_duration
from survey.errors import CsatError
from survey.ledger import EntryKind, NewEntry, digest_tickets, join_tickets
from survey.months import Month
from survey.settings import Settings
from survey.store.counting import (
    ResponsesOutdated,
    months_with_responses,
    require_current_responses,
)
from survey.store.database import Database
from survey.store.imports import newest_answer
from survey.store.ledger import (
    Head,
    append_entries,
    find_tickets,
    find_versions,
    read_entries,
    read_head,
    save_settled,
)

# How often a close begins anew because somebody else has added to the ledger meanwhile.
_ATTEMPTS = 5


class CannotClose(CsatError):
    """The error that a month cannot be closed; the message says why, and what to do."""


@dataclass(frozen=True)
class PreparedClose:
    """What a close will write, as the store was when it was prepared.

    `entries` are in the order in which they will stand in the ledger, the close itself last, each
    with the joined tickets that it counts, or None. `posting` says what of the changes of earlier
    months is posted, and what stays pending. `settled` are the versions of the months that will
    agree with their responses.
    """

    month: Month
    posting: Posting
    opening_changes: tuple[Change, ...]
    entries: tuple[tuple[NewEntry, bytes | None], ...]
    head: Head
    settled: dict[Month, int]

    @property
    def close(self) -> NewEntry:
        """The close itself."""
        return self.entries[-1][0]

    @property
    def openings(self) -> list[NewEntry]:
        """The months before the first close, and what has changed in them."""
        return [entry for entry, _ in self.entries if entry.kind is EntryKind.OPENING]


@dataclass(frozen=True)
class Closed:
    """A closed month. `is_new` is false if it was closed before; `pending` are the changes of
    earlier months that wait for the next one; `openings` are the entries of the months before the
    first close that were written with it."""

    line: ClosedMonth
    is_new: bool
    pending: tuple[Change, ...] = ()
    openings: tuple[NewEntry, ...] = ()


def close_month(
    database: Database,
    settings: Settings,
    month: Month,
    *,
    by: str,
    now: datetime,
    without_amount: bool = False,
    on_progress: OnProgress = lambda _: None,
) -> Closed:
    """Close a month. A month that is closed already stays as it is.

    Everything is written in one transaction, or nothing. Who closes meanwhile on another machine
    comes first or second, and the second finds the month closed. Raise CannotClose, and
    CannotCompare.
    """
    for _ in range(_ATTEMPTS):
        with database.reading() as connection:
            # One state of the store says whether the month is closed and what a close would write.
            ledger = Ledger(read_entries(connection))
            if month in ledger.closed:
                return Closed(ledger.closed[month], is_new=False)
            prepared = _prepare(
                connection, ledger, settings, month, by, now, without_amount, on_progress
            )
        if write_close(database, prepared):
            with database.reading() as connection:
                line = Ledger(read_entries(connection)).closed[month]
            return Closed(
                line,
                is_new=True,
                pending=prepared.posting.pending,
                openings=tuple(prepared.openings),
            )
    raise CannotClose(f"{month} was not closed: others add to the ledger all the time; try again")


def prepare_close(
    database: Database,
    settings: Settings,
    month: Month,
    *,
    by: str,
    now: datetime,
    without_amount: bool = False,
    on_progress: OnProgress = lambda _: None,
) -> PreparedClose:
    """Return what a close of this month would write now; write nothing.

    Customers' answers do not wait: all is read in one state of the store, and what changes after it
    is a change of a closed month, like any later one. Raise CannotClose, and CannotCompare.
    """
    with database.reading() as connection:
        ledger = Ledger(read_entries(connection))
        return _prepare(connection, ledger, settings, month, by, now, without_amount, on_progress)


def write_close(database: Database, prepared: PreparedClose) -> bool:
    """Write a close in one transaction; return False, and write nothing, if somebody has added to
    the ledger since it was prepared."""
    with database.writing() as connection:
        if not append_entries(database, connection, prepared.entries, prepared.head):
            return False
        save_settled(connection, prepared.settled)
    return True


def find_obstacle(ledger: Ledger, settings: Settings, month: Month, now: datetime) -> str | None:
    """Return why a month cannot be closed now, and what to do; None if it can, as far as the ledger
    and the calendar say."""
    if ledger.last is not None:
        kept = ledger.last.close.timezone
        if kept != str(settings.timezone):
            return (
                f"CSAT_TIMEZONE is {settings.timezone}, and the months of the ledger are closed in "
                f"{kept}: set it back. A new time zone would count responses twice, or never."
            )
        if month != ledger.next_month:
            return f"months close in order, and the next one is {ledger.next_month}"
    closes_at = month.closes_at(settings.timezone)
    if now < closes_at:
        return f"{month} ends at {closes_at.isoformat()}; it cannot be closed before"
    if now < earliest_close(month, settings):
        return (
            f"{month} has just ended; it can be closed {format_duration(settings.close_grace)} "
            "after its end (CSAT_CLOSE_GRACE), when the last answers are stored"
        )
    return None


def earliest_close(month: Month, settings: Settings) -> datetime:
    """Return from when on a month can be closed: its end, and the time after it in which the last
    answers are stored."""
    return month.closes_at(settings.timezone).astimezone(UTC) + settings.close_grace


def _prepare(
    connection: Connection,
    ledger: Ledger,
    settings: Settings,
    month: Month,
    by: str,
    now: datetime,
    without_amount: bool,
    on_progress: OnProgress,
) -> PreparedClose:
    rules = CountingRules.of(settings)
    rate = ledger.rate_of(month)
    _check(connection, ledger, settings, rules, month, now)
    _check_rate(month, rate, without_amount)
    preparation = _Preparation(connection, ledger, settings, rules, month, by, now)
    comparison = compare_ledger(connection, ledger, rules, on_progress)
    obstacle = find_exclusion_obstacle(connection, ledger, rules, comparison.changes)
    if obstacle is not None:
        raise CannotClose(f"{month} was not closed: {obstacle}")
    return preparation.prepare(rate, comparison, read_head(connection))


def _check(
    connection: Connection,
    ledger: Ledger,
    settings: Settings,
    rules: CountingRules,
    month: Month,
    now: datetime,
) -> None:
    obstacle = find_obstacle(ledger, settings, month, now)
    if obstacle is not None:
        raise CannotClose(f"{month} was not closed: {obstacle}")
    try:
        require_current_responses(connection, rules)
    except ResponsesOutdated:
        raise CannotClose(
            f"{month} was not closed: a setting has changed that decides what counts, and the "
            "responses are not derived anew yet: run `csat db upgrade`, or wait until `csat serve` "
            "has done so"
        ) from None


def _check_rate(month: Month, rate: Rate | None, without_amount: bool) -> None:
    if rate is None and not without_amount:
        raise CannotClose(
            f"{month} was not closed: no rate holds for it. `csat donations rate --from {month} "
            "--amount … --currency …` sets one; --without-amount closes it with nothing to pay."
        )
    if rate is not None and without_amount:
        raise CannotClose(
            f"{month} was not closed: a rate of {rate.unit_amount} {rate.currency} holds for it; "
            "leave out --without-amount"
        )


class _Preparation:
    """The entries of one close, as one state of the store gives them."""

    def __init__(
        self,
        connection: Connection,
        ledger: Ledger,
        settings: Settings,
        rules: CountingRules,
        month: Month,
        by: str,
        now: datetime,
    ) -> None:
        self._connection = connection
        self._ledger = ledger
        self._settings = settings
        self._month = month
        self._by = by
        self._now = now.astimezone(settings.timezone).replace(microsecond=0)
        self._rules = str(KeptRules.of(rules))
        self._newest_answer = newest_answer(connection)

    def prepare(self, rate: Rate | None, comparison: Comparison, head: Head) -> PreparedClose:
        ledger, month = self._ledger, self._month
        # Month follows month without a gap, also if the law has changed the clocks meanwhile.
        last = ledger.last
        opens_at = last.close.closes_at if last else month.opens_at(self._settings.timezone)
        closes_at = month.closes_at(self._settings.timezone)
        assert opens_at is not None  # every close has its bounds
        tickets = self._find_tickets(opens_at, closes_at)
        of_closed = [each for each in comparison.changes if each.month in ledger.closed]
        of_openings = [each for each in comparison.changes if each.month not in ledger.closed]
        posting = post_changes(
            len(tickets), rate, of_closed, lambda change: price_change(ledger, change, rate)
        )
        close, joined = self._count(EntryKind.CLOSE, month, opens_at, closes_at, tickets)
        close = replace(close, **self._name_money(rate, posting))
        openings = self._change_openings(of_openings) if last else self._open()
        adjustments = [(each, None) for each in self._adjust(posting, rate)]
        waiting = {each.month for each in posting.pending}
        bounds = {month: (opens_at, closes_at), **_bounds_of(openings)}
        versions = {**find_versions(self._connection, bounds), **comparison.versions}
        return PreparedClose(
            month=month,
            posting=posting,
            opening_changes=tuple(of_openings),
            entries=(*openings, *adjustments, (close, joined)),
            head=head,
            settled={each: version for each, version in versions.items() if each not in waiting},
        )

    def _open(self) -> list[tuple[NewEntry, bytes | None]]:
        """Return an entry for each month before the first close that has responses."""
        timezone = self._settings.timezone
        entries = []
        for month in months_with_responses(self._connection, timezone):
            if month >= self._month:
                break
            bounds = month.opens_at(timezone), month.closes_at(timezone)
            tickets = self._find_tickets(*bounds)
            entries.append(self._count(EntryKind.OPENING, month, *bounds, tickets))
        return entries

    def _change_openings(self, changes: Sequence[Change]) -> list[tuple[NewEntry, bytes | None]]:
        """Return the entries for what has changed in the months before the first close: nothing is
        owed for them, so one entry counts all changes of a month with the same reason."""
        first = self._ledger.first
        assert first is not None and first.close.timezone is not None
        timezone = ZoneInfo(first.close.timezone)
        entries = []
        ordered = sorted(changes, key=_group_key)
        for (month, hedgehogs, reason), some in groupby(ordered, key=_group_key):
            tickets = [each.ticket_id for each in some]
            bounds = month.opens_at(timezone), month.closes_at(timezone)
            kind = EntryKind.OPENING
            entries.append(
                self._count(kind, month, *bounds, tickets, sign=hedgehogs, reason=reason)
            )
        return entries

    def _adjust(self, posting: Posting, rate: Rate | None) -> list[NewEntry]:
        return [
            NewEntry(
                kind=EntryKind.ADJUSTMENT,
                month=self._month,
                recorded_at=self._now,
                recorded_by=self._by,
                original_month=each.change.month,
                ticket_id=each.change.ticket_id,
                reason=each.change.reason,
                hedgehogs=each.change.hedgehogs,
                unit_amount=each.unit_amount,
                currency=rate.currency if rate else None,
            )
            for each in posting.posted
        ]

    def _count(
        self,
        kind: EntryKind,
        month: Month,
        opens_at: datetime,
        closes_at: datetime,
        tickets: Sequence[str],
        sign: int = 1,
        reason: str | None = None,
    ) -> tuple[NewEntry, bytes | None]:
        """Return an entry that counts these tickets, and the tickets joined."""
        joined = join_tickets(tickets)
        entry = NewEntry(
            kind=kind,
            month=month,
            recorded_at=self._now,
            recorded_by=self._by,
            hedgehogs=sign * len(tickets),
            timezone=str(self._settings.timezone),
            opens_at=opens_at,
            closes_at=closes_at,
            rules=self._rules,
            newest_answer=self._newest_answer,
            tickets_digest=digest_tickets(joined),
            reason=reason,
        )
        return entry, joined

    def _name_money(self, rate: Rate | None, posting: Posting) -> dict[str, Any]:
        """Return what the close says of money: the rate, the amount, and who gets it."""
        charity = charity_of(self._ledger, self._settings, self._month)
        named: dict[str, Any] = {}
        if charity is not None:
            named = {"charity": charity.name, "charity_reference": charity.reference}
        if rate is None or posting.amount is None:
            return named
        return {
            **named,
            "unit_amount": rate.unit_amount,
            "currency": rate.currency,
            "amount": round_amount(posting.amount, rate.currency),
        }

    def _find_tickets(self, opens_at: datetime, closes_at: datetime) -> list[str]:
        return find_tickets(self._connection, opens_at.astimezone(UTC), closes_at.astimezone(UTC))


def charity_of(ledger: Ledger, settings: Settings, month: Month) -> Charity | None:
    """Return who gets the money of a month that is not closed yet: the ledger's charity, or else
    that of the settings."""
    found = ledger.charity_of(month)
    if found is None and settings.charity_name is not None:
        return Charity(settings.charity_name)
    return found


def _group_key(change: Change) -> tuple[Month, int, str]:
    return change.month, change.hedgehogs, change.reason


def _bounds_of(
    openings: Sequence[tuple[NewEntry, bytes | None]],
) -> dict[Month, tuple[datetime, datetime]]:
    return {
        entry.month: (entry.opens_at, entry.closes_at)
        for entry, _ in openings
        if entry.opens_at is not None and entry.closes_at is not None
    }
