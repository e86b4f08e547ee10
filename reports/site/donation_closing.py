"""`/reports/donations/2026-10/close`: close a month, after a look at what will be written."""

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from pipeline.donations.closing import (
    PreparedClose,
    find_obstacle,
    prepare_close,
    write_close,
)
from pipeline.donations.ledger import Charity, Ledger
from pipeline.query import BadQuery
from reports.donation_wording import name_month
from reports.shown_donation_month import show_sum
from reports.shown_donations import show_changes
from reports.site.context import ReportsSite, current_site
from reports.site.donation_confirming import (
    CONFLICT,
    acting_user,
    digest_shown,
    finish,
    read_ledger,
    refuse,
    was_shown,
)
from reports.site.donations import ACTING
from reports.site.pages import DONATIONS, render_page
from reports.site.roles import allow
from survey.errors import CsatError
from survey.ledger import EntryKind
from survey.months import Month
from survey.store.errors import StoreError


def register(site: ReportsSite) -> None:
    """Add the pages."""
    site.add_url_rule(f"{DONATIONS}/close", "choose_first_close", choose_first_close)
    site.add_url_rule(
        f"{DONATIONS}/<month:month>/close", "close_donation", close_donation,
        methods=["GET", "POST"],
    )  # fmt: skip


@allow(*ACTING)
def choose_first_close() -> Response:
    """Go to the close of the month that the form names."""
    try:
        month = Month.parse(request.args.get("month", "").strip())
    except ValueError as error:
        raise BadQuery(str(error)) from None
    return redirect(url_for("close_donation", month=month), 303)


@allow(*ACTING)
def close_donation(month: Month) -> str | Response | tuple[str, int]:
    """Show what a close will write, or close the month if that was shown before."""
    site, (ledger, _) = current_site(), read_ledger()
    if month in ledger.closed:
        return _show_closed(month)
    without_amount = request.values.get("without_amount") == "1" and not ledger.rate_of(month)
    if not (without_amount or ledger.rate_of(month) or _find_obstacle(ledger, month)):
        return _ask_for_rate(month)
    try:
        prepared = prepare_close(
            site.database,
            site.settings,
            month,
            by=acting_user().name,
            now=site.clock(),
            without_amount=without_amount,
        )
    except StoreError:
        raise
    except CsatError as error:
        return refuse(month, _title(month), str(error))
    digest = _digest(prepared)
    if request.method != "POST":
        return _show(ledger, prepared, digest)
    if was_shown(digest) and write_close(site.database, prepared):
        return finish(
            "close month",
            str(month),
            f"{name_month(month)} is closed.",
            url_for("show_donation", month=month),
        )
    if month in read_ledger()[0].closed:
        return _show_closed(month)
    return _show(ledger, prepared, digest, has_changed=True), CONFLICT


def _find_obstacle(ledger: Ledger, month: Month) -> str | None:
    site = current_site()
    return find_obstacle(ledger, site.settings, month, site.clock())


def _ask_for_rate(month: Month) -> tuple[str, int]:
    name = name_month(month)
    without = url_for("close_donation", month=month, without_amount=1)
    return refuse(
        month,
        _title(month),
        f"no rate says what a hedgehog of {name} is worth; set one, or close the month with "
        "nothing to pay",
        ways_out=[
            ("Set a rate", url_for("set_rate", month=month)),
            ("Close it with nothing to pay", without),
        ],
    )


def _title(month: Month) -> str:
    return f"{name_month(month)} was not closed"


def _show_closed(month: Month) -> Response:
    flash(f"{name_month(month)} is closed already.")
    return redirect(url_for("show_donation", month=month), 303)


def _digest(prepared: PreparedClose) -> str:
    waiting = (
        f"{each.month} {each.ticket_id} {each.hedgehogs} {each.reason}"
        for each in prepared.posting.pending
    )
    return digest_shown((entry for entry, _ in prepared.entries), *waiting)


def _show(
    ledger: Ledger, prepared: PreparedClose, digest: str, *, has_changed: bool = False
) -> str:
    adjustments = [entry for entry, _ in prepared.entries if entry.kind is EntryKind.ADJUSTMENT]
    return render_page(
        "donation_close.html",
        acting_user(),
        month=prepared.month,
        close=prepared.close,
        charity=Charity.of(prepared.close),
        sum=show_sum(prepared.close, adjustments),
        adjustments=adjustments,
        openings=prepared.openings,
        is_first=ledger.first is None,
        pending=show_changes(prepared.posting.pending),
        digest=digest,
        has_changed=has_changed,
    )
