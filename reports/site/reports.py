"""The pages with numbers: the list of months, a report, the responses behind it, and its files."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from flask import Response, abort, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from pipeline.query import BadQuery, ReportQuery
from reports.exports import ExportKind, format_table, name_file
from reports.page import report_context
from reports.rows import list_rows
from reports.site.audit import record
from reports.site.choices import describe_search, list_choices
from reports.site.context import ReportsSite, current_site
from reports.site.errors import error_page
from reports.site.filters import read_filters
from reports.site.links import WebLinks, address
from reports.site.pages import render_page
from reports.site.responses import (
    LAST_PAGE,
    LONGEST_SEARCH,
    PER_PAGE,
    Search,
    find_responses,
    list_responses,
)
from reports.site.roles import allow
from reports.site.sessions import signed_in_user
from reports.site.weeks import count_weeks
from reports.tables import DONATIONS, list_tables, name_other_tables
from reports.wording import name_period, write_sentence
from reports.workbooks import format_workbook
from survey.periods import Period
from survey.store.counting import ResponsesOutdated
from survey.vocabulary import Role

# The name of the file that has every table, a sheet each.
WORKBOOK = "report"


def register(site: ReportsSite) -> None:
    """Add the pages."""
    kind = "<any(csv, xlsx, parquet):kind>"
    views: dict[str, Callable[..., Any]] = {
        "/reports/period": choose_period,
        "/reports/<period:period>": show_report,
        "/reports/<period:period>/responses": show_responses,
        f"/reports/<period:period>/responses.{kind}": export_responses,
        f"/reports/<period:period>/{DONATIONS}.{kind}": export_donations,
        f"/reports/<period:period>/<name>.{kind}": export_table,
    }
    for path, view in views.items():
        site.add_url_rule(path, view.__name__, view)
    site.register_error_handler(BadQuery, _refuse_query)
    site.register_error_handler(ResponsesOutdated, _ask_to_wait)


def _refuse_query(error: BadQuery) -> tuple[str, int]:
    """Answer 400 with what is wrong with the address."""
    return error_page(400, "This address cannot be read", write_sentence(str(error)))


def _ask_to_wait(_error: ResponsesOutdated) -> tuple[str, int]:
    """Answer 503 while the responses are derived by changed settings."""
    return error_page(
        503,
        "The responses are being derived anew",
        "A setting has changed that decides what counts. Please try again in a minute.",
    )


@allow(Role.LEAD, Role.ADMIN)
def choose_period() -> AnyResponse:
    """Go to the report of the period that the form names: its first and its last day."""
    first, last = request.args.get("from", "").strip(), request.args.get("to", "").strip()
    period = _parse(f"{first}..{last}")
    return redirect(address(period.name, read_filters()), 303)


@allow(Role.LEAD, Role.ADMIN)
def show_report(period: str) -> str:
    """Show the report of a period, as the filters say."""
    site = current_site()
    query = ReportQuery.parse(period, read_filters())
    links = WebLinks(query)
    numbers = site.loader.load(query)
    record("read report", _describe(query))
    return render_page(
        "report.html",
        signed_in_user(),
        **report_context(numbers, site.settings, links),
        query=query,
        choices=list_choices(query, site.settings),
        other_tables=name_other_tables(numbers),
    )


@allow(Role.LEAD, Role.ADMIN)
def show_responses(period: str) -> str:
    """Show the responses behind a number, the lowest ratings first, a page at a time."""
    site, search = current_site(), _read_search(period)
    page = request.args.get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 0
    if not 1 <= number <= LAST_PAGE:
        raise BadQuery(f"{page!r} is no page; there are up to {LAST_PAGE}")
    numbers = site.loader.load(search.query)
    found = find_responses(search, numbers, site.database, site.settings, number)
    record("read responses", _describe(search.query, search))
    return render_page(
        "responses.html",
        signed_in_user(),
        search=search,
        query=search.query,
        links=WebLinks(search.query),
        choices=list_choices(search.query, site.settings),
        heading=describe_search(search, found.total, site.settings),
        period_name=name_period(search.query.period),
        rows=list_rows(found.rows),
        page=number,
        pages=min(-(-found.total // PER_PAGE), LAST_PAGE),
        address=lambda name="responses", **more: address(
            f"{search.query.period}/{name}", {**search.parameters(), **more}
        ),
    )


@allow(Role.LEAD, Role.ADMIN)
def export_responses(period: str, kind: str) -> Response:
    """Send the responses behind a number as a file."""
    site, search = current_site(), _read_search(period)
    numbers = site.loader.load(search.query)
    frame = list_responses(search, numbers, site.database, site.settings)
    record("export responses", f"{_describe(search.query, search)}, {kind}")
    return _send({"responses": frame}, "responses", ExportKind(kind), search.query)


@allow(Role.LEAD, Role.FINANCE, Role.ADMIN)
def export_donations(period: str, kind: str) -> Response:
    """Send a month's line of the donation export; no filter changes it."""
    query = ReportQuery(_parse(period))
    numbers = current_site().loader.load(query)
    if numbers.donations is None:
        abort(404)
    record("export", f"{query.period} {DONATIONS}.{kind}")
    return _send({DONATIONS: numbers.donations}, DONATIONS, ExportKind(kind), query)


@allow(Role.LEAD, Role.ADMIN)
def export_table(period: str, name: str, kind: str) -> Response:
    """Send a table of a report as a file, or all tables as one workbook."""
    query = ReportQuery.parse(period, read_filters())
    tables = dict(list_tables(current_site().loader.load(query)))
    if name == WORKBOOK and kind == "xlsx":
        chosen = tables
    elif name == "weeks":
        chosen = {name: count_weeks(query)}
    elif name in tables:
        chosen = {name: tables[name]}
    else:
        abort(404)
    record("export", f"{_describe(query)} {name}.{kind}")
    return _send(chosen, name, ExportKind(kind), query)


def _send(
    tables: dict[str, pd.DataFrame], name: str, kind: ExportKind, query: ReportQuery
) -> Response:
    """Return tables as a file to keep: one table, or a workbook of several."""
    if len(tables) > 1:
        body = format_workbook(tables)
    else:
        body = format_table(*next(iter(tables.items())), kind)
    response = Response(body, content_type=kind.content_type)
    file_name = name_file(query.period.name, name, kind)
    response.headers.set("Content-Disposition", "attachment", filename=file_name)
    return response


def _parse(period: str) -> Period:
    return ReportQuery.parse(period, {}).period


def _read_search(period: str) -> Search:
    text, phrase = (request.args.get(name, "").strip() for name in ("q", "phrase"))
    if len(text) > LONGEST_SEARCH or len(phrase) > LONGEST_SEARCH:
        raise BadQuery(f"a search can have {LONGEST_SEARCH} characters")
    return Search(
        ReportQuery.parse(period, read_filters()),
        commented_only=request.args.get("commented") == "1" or bool(text or phrase),
        text=text,
        phrase=phrase,
    )


def _describe(query: ReportQuery, search: Search | None = None) -> str:
    """Return what was asked for in one line, for the record of who looked at what."""
    parameters = search.parameters() if search else query.parameters()
    return " ".join([query.period.name, *(f"{name}={value}" for name, value in parameters.items())])
