"""Verifies the donation ledger: recomputes everything that it says, and compares it with the
responses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from pipeline.donations.checks.chain import check_chain
from pipeline.donations.checks.earlier_export import EarlierExport, check_export
from pipeline.donations.checks.entries import read_entry
from pipeline.donations.checks.membership import CheckedMonth, check_month, check_total
from pipeline.donations.checks.money import check_money
from pipeline.donations.checks.months import check_months
from pipeline.donations.checks.readers import Readers, open_readers
from pipeline.donations.checks.tickets import check_owners, check_tickets, entries_that_count
from pipeline.donations.comparing import counted_months
from pipeline.donations.ledger import Ledger
from pipeline.partitions import count_cores
from pipeline.sources.base import OnProgress
from pipeline.sources.store import StoreSource
from survey.counting_rules import CountingRules
from survey.errors import CsatError
from survey.settings import Settings
from survey.store.counting import (
    ResponsesOutdated,
    months_with_responses,
    require_current_responses,
)
from survey.store.database import Database
from survey.store.ledger import entries_with_tickets, read_rows
from survey.store.responses import count_all_responses

# With fewer responses, a second reader is not worth the connection.
_RESPONSES_PER_READER = 500_000


class CannotVerify(CsatError):
    """The error that the ledger cannot be compared with the responses; the message says what to
    do."""


@dataclass(frozen=True)
class Check:
    """A check that found no difference: its name, what it has looked at, in words and in figures,
    and what somebody should look into although it is no difference."""

    name: str
    summary: str
    figures: Mapping[str, int | str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def verify_ledger(
    database: Database,
    settings: Settings,
    export: EarlierExport | None = None,
    on_progress: OnProgress = lambda _: None,
) -> Iterator[Check]:
    """Yield each check that found no difference, as it is done. Raise LedgerDiffers at the first
    difference, CannotVerify where nothing can be compared, BadExport, and StoreError.

    `on_progress` is told how many responses were compared.
    """
    with database.reading() as connection:
        rows, kept = read_rows(connection), entries_with_tickets(connection)
    check_chain(rows)
    entries = [read_entry(row) for row in rows]
    yield _describe_chain(rows)
    check_months(entries)
    ledger = Ledger(entries)
    yield _describe_months(ledger)
    check_money(entries)
    yield Check("money", "Every rate, price and amount follows from the entries before it.")
    if export is not None:
        yield _compare_export(export, ledger)
    check_owners(entries, kept)
    with open_readers(database, _count_readers(ledger)) as readers:
        yield _compare_tickets(readers, ledger)
        yield _compare_responses(readers, ledger, database, settings, on_progress)


def _describe_chain(rows: list[dict[str, object]]) -> Check:
    head = str(rows[-1]["hash"]) if rows else ""
    return Check(
        "chain",
        f"{_count(len(rows), 'entry', 'entries')}, each chained to the one before it"
        + (f"; the last hash is {head}." if rows else "."),
        {"entries": len(rows), "last_hash": head},
    )


def _describe_months(ledger: Ledger) -> Check:
    opening, closed = len(ledger.openings), len(ledger.closed)
    names = [str(month) for month in ledger.closed]
    bounds = f", {' to '.join(dict.fromkeys((names[0], names[-1])))}" if names else ""
    return Check(
        "months",
        f"{_count(closed, 'closed month')}{bounds}, one after another, and "
        f"{_count(opening, 'month')} before them; nothing is paid twice.",
        {"closed": closed, "opening": opening},
    )


def _compare_export(export: EarlierExport, ledger: Ledger) -> Check:
    found = check_export(export, ledger)
    counted = ("entry", "entries") if export.is_detailed else ("month", "months")
    later = f", {found.continued:,} of them with further entries since" if found.continued else ""
    without = f"; {_count(found.was_open, 'month')} had no entry yet" if found.was_open else ""
    return Check(
        "export",
        f"{_count(found.confirmed, *counted)} of {export.path} in the ledger as exported"
        f"{later}{without}.",
        {"confirmed": found.confirmed, "continued": found.continued, "open": found.was_open},
    )


def _compare_tickets(readers: Readers, ledger: Ledger) -> Check:
    counting = entries_that_count(ledger.entries)
    tickets = sum(readers.map(check_tickets, counting))
    return Check(
        "tickets",
        f"{_count(tickets, 'ticket')} of {_count(len(counting), 'entry', 'entries')}, each list "
        "with its digest.",
        {"tickets": tickets, "entries": len(counting)},
    )


def _compare_responses(
    readers: Readers,
    ledger: Ledger,
    database: Database,
    settings: Settings,
    on_progress: OnProgress,
) -> Check:
    rules = CountingRules.of(settings)
    _require_comparable(readers.connection, ledger, rules)
    source = StoreSource(database, rules)
    months: list[CheckedMonth] = []
    compared = 0
    counted = counted_months(readers.connection, ledger)
    check = partial(check_month, ledger=ledger, rules=rules, source=source)
    for checked in readers.map(check, counted):
        months.append(checked)
        compared += checked.responses
        on_progress(compared)
    known = {each.month for each in months}
    for month in months_with_responses(readers.connection, rules.timezone):
        if month not in known:
            responses = source.count_responses(readers.connection, month)
            months.append(CheckedMonth(month, responses))
    total = count_all_responses(readers.connection)
    check_total(months, total)
    return _describe_responses(months, len(counted), total)


def _require_comparable(connection: Connection, ledger: Ledger, rules: CountingRules) -> None:
    if ledger.last is not None and ledger.last.close.timezone != str(rules.timezone):
        raise CannotVerify(
            f"the months of the ledger are closed in {ledger.last.close.timezone}, and "
            f"CSAT_TIMEZONE is {rules.timezone}: set it back, and verify again"
        )
    try:
        require_current_responses(connection, rules)
    except ResponsesOutdated:
        raise CannotVerify(
            "a setting has changed that decides what counts, and the responses are not derived "
            "anew yet: run `csat db upgrade`, or wait until `csat serve` has done so, and verify "
            "again"
        ) from None


def _describe_responses(months: list[CheckedMonth], in_ledger: int, total: int) -> Check:
    pending = [change.hedgehogs for each in months for change in each.pending]
    waiting = (
        f" {_count(len(pending), 'change')} since ({sum(pending):+}) for the next close to post."
        if pending
        else ""
    )
    compared = sum(each.responses for each in months[:in_ledger])
    return Check(
        "responses",
        f"{_count(compared, 'response')} of {_count(in_ledger, 'month')} of the ledger, each of "
        f"them counted, none else, and as many as the reports count.{waiting} "
        f"With the open months, {_count(total, 'response')} in all.",
        {
            "months": in_ledger,
            "compared": compared,
            "pending": len(pending),
            "pending_hedgehogs": sum(pending),
            "responses": total,
        },
    )


def _count_readers(ledger: Ledger) -> int:
    responses = sum(map(ledger.counted_in, ledger.months))
    return min(count_cores(), 1 + responses // _RESPONSES_PER_READER)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
