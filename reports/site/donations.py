"""`/reports/donations`: the donation ledger, one page for all months and one for each, and its
files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Response, abort, request, url_for
from markupsafe import Markup
from sqlalchemy import Connection

from pipeline.donations.closing import charity_of, earliest_close, find_obstacle
from pipeline.donations.ledger import Ledger, Status
from pipeline.donations.lines import Line
from pipeline.donations.listing import list_lines, read_line
from pipeline.donations.posting import Change
from pipeline.query import BadQuery
from reports.charts.hedgehogs import MOST_MONTHS, draw_hedgehogs
from reports.donation_exports import NAME, format_donations
from reports.donation_wording import name_money, name_month, name_reason
from reports.exports import ExportKind, name_file
from reports.shown_donation_month import show_history, show_sum
from reports.shown_donations import (
    ShownMonth,
    show_changes,
    show_due,
    show_month,
    show_months,
    show_paid,
    show_rates,
)
from reports.site.audit import record
from reports.site.context import ReportsSite, current_site
from reports.site.pages import DONATIONS, render_page
from reports.site.roles import allow
from reports.site.sessions import signed_in_user
from reports.wording import name_instant, write_sentence
from survey.counting_rules import CountingRules
from survey.errors import CsatError
from survey.months import Month
from survey.store.counting import require_current_responses
from survey.store.errors import StoreError
from survey.store.ledger import read_entries
from survey.store.responses import count_responses
from survey.vocabulary import Role

# Who may read the ledger, and who may add to it.
READING = (Role.LEAD, Role.FINANCE, Role.ADMIN)
ACTING = (Role.FINANCE, Role.ADMIN)

# A year is folded on the page if so many newer months stand above it.
_FEWEST_OPEN = 6
# Tickets of adjustments on a page; the workbook has all of them.
_MOST_TICKETS = 200


@dataclass(frozen=True)
class NextClose:
    """What can be closed next: the months to choose from, or why there is none."""

    choices: tuple[Month, ...]
    obstacle: str | None


@dataclass(frozen=True)
class Pending:
    """The changes of closed months that wait for the next close. `problem` says why they are not
    known, and what to do."""

    changes: tuple[Change, ...]
    problem: str | None = None


def register(site: ReportsSite) -> None:
    """Add the pages and the files."""
    site.add_url_rule(DONATIONS, "show_donations", show_donations)
    site.add_url_rule(f"{DONATIONS}.<any(csv, xlsx):kind>", "export_ledger", export_ledger)
    site.add_url_rule(f"{DONATIONS}/<month:month>", "show_donation", show_donation)
    site.jinja_env.filters |= {
        "month": name_month,
        "money": name_money,
        "reason": name_reason,
        "read_time": datetime.fromisoformat,
    }


@allow(*READING)
def show_donations() -> str:
    """Show what is due, what has become of every month, and what can be done next."""
    site, user = current_site(), signed_in_user()
    now, timezone = site.clock(), site.settings.timezone
    current = Month.of(now, timezone)
    with site.database.reading() as connection:
        ledger, lines = _read_lines(connection)
        pending = _find_pending(connection, ledger)
    months = show_months(ledger, lines)
    in_force = ledger.rate_of(current)
    return render_page(
        "donations.html",
        user,
        may_act=user is not None and user.role in ACTING,
        is_empty=not ledger.closed,
        months=months,
        years=_group_years(months),
        open_years=_choose_open(months),
        running=next((each for each in months if each.month == current), None),
        due=show_due(ledger),
        paid=show_paid(ledger, current.year),
        year=current.year,
        total=sum(each.hedgehogs for each in months),
        not_owed=sum(each.hedgehogs for each in months if each.status is Status.OPENING),
        rates=show_rates(ledger, current),
        rate=in_force,
        charity=charity_of(ledger, site.settings, current),
        next_close=_find_next(ledger, lines),
        pending=show_changes(pending.changes),
        net=sum(each.hedgehogs for each in pending.changes),
        problem=pending.problem,
        chart=_draw(months[:MOST_MONTHS]),
        first_closed=ledger.first.month if ledger.first else None,
    )


@allow(*READING)
def show_donation(month: Month) -> str:
    """Show one month: how its amount came about, and everything that is on record about it."""
    site, user = current_site(), signed_in_user()
    with site.database.reading() as connection:
        ledger = Ledger(read_entries(connection))
        line = read_line(connection, ledger, site.settings.timezone, month)
        has_begun = month <= Month.of(site.clock(), site.settings.timezone)
        # The page of all months leads to a later one if an answer of it was imported.
        if not has_begun and not line["responses"]:
            abort(404)
        pending = _find_pending(connection, ledger)
        closed = ledger.closed.get(month)
        responses = line["responses"]
        if closed and closed.close.opens_at and closed.close.closes_at:
            bounds = closed.close.opens_at, closed.close.closes_at
            responses = count_responses(connection, *bounds)
    of_month = [each for each in pending.changes if each.month == month]
    return render_page(
        "donation.html",
        user,
        may_act=user is not None and user.role in ACTING,
        shown=show_month(ledger, line),
        line=line,
        closed=closed,
        responses_now=responses,
        counted=ledger.counted_in(month),
        sum=show_sum(closed.close, closed.adjustments) if closed else None,
        adjustments=closed.adjustments if closed else (),
        changes=ledger.changes_of(month),
        pending=of_month,
        problem=pending.problem,
        history=show_history(ledger.entries_of(month)),
        next_close=_find_next(ledger, [line]),
        is_next=month == ledger.next_month,
        most=_MOST_TICKETS,
    )


@allow(*READING)
def export_ledger(kind: str) -> Response:
    """Send the months of the ledger as a file: all, or those of a year."""
    site, year = current_site(), request.args.get("year")
    if year is not None and not (len(year) == 4 and year.isascii() and year.isdigit()):
        raise BadQuery(f"{year!r} is not a year; write it like 2026")
    with site.database.reading() as connection:
        ledger, lines = _read_lines(connection)
    chosen = [each for each in lines if year is None or each["month"].startswith(f"{year}-")]
    if not chosen:
        abort(404)
    file_kind = ExportKind(kind)
    record("export", f"{year or 'all'} {NAME}.{kind}")
    response = Response(
        format_donations(ledger, chosen, file_kind), content_type=file_kind.content_type
    )
    file_name = name_file(year or "all", NAME, file_kind)
    response.headers.set("Content-Disposition", "attachment", filename=file_name)
    return response


def _read_lines(connection: Connection) -> tuple[Ledger, list[Line]]:
    """Return the ledger and the line of each month. Raise ResponsesOutdated while responses are
    derived anew."""
    site = current_site()
    require_current_responses(connection, CountingRules.of(site.settings))
    ledger = Ledger(read_entries(connection))
    return ledger, list_lines(connection, ledger, site.settings.timezone, site.clock())


def _find_pending(connection: Connection, ledger: Ledger) -> Pending:
    try:
        return Pending(current_site().pending.find(connection, ledger))
    except StoreError:
        raise
    except CsatError as error:
        return Pending((), write_sentence(str(error)))


def _find_next(ledger: Ledger, lines: Sequence[Line]) -> NextClose:
    """Return what can be closed now. The first close may be of any month that is over."""
    site = current_site()
    now, settings = site.clock(), site.settings
    if ledger.next_month is not None:
        candidates = [ledger.next_month]
    else:
        candidates = [Month.parse(line["month"]) for line in reversed(lines)]
    choices = [each for each in candidates if not find_obstacle(ledger, settings, each, now)]
    if choices or not candidates:
        return NextClose(tuple(choices), None)
    month = candidates[-1]
    begins = earliest_close(month, settings)
    if now < begins:
        instant = name_instant(begins, settings.timezone)
        return NextClose((), f"{name_month(month)} can be closed from {instant} on.")
    obstacle = find_obstacle(ledger, settings, month, now) or ""
    return NextClose((), write_sentence(obstacle))


def _group_years(months: Sequence[ShownMonth]) -> list[tuple[int, list[ShownMonth]]]:
    years: dict[int, list[ShownMonth]] = {}
    for each in months:
        years.setdefault(each.month.year, []).append(each)
    return list(years.items())


def _choose_open(months: Sequence[ShownMonth]) -> set[int]:
    """Return the years that stand open on the page: those of the newest months."""
    return {each.month.year for each in months[:_FEWEST_OPEN]}


def _draw(months: Sequence[ShownMonth]) -> Markup | None:
    if not any(each.hedgehogs for each in months):
        return None
    oldest_first = tuple(reversed(months))
    addresses = tuple(url_for("show_donation", month=each.month) for each in oldest_first)
    svg = draw_hedgehogs(oldest_first, addresses)
    return Markup(svg)  # nosec B704 # the drawing escapes what it shows
