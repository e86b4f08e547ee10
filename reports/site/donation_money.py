"""The pages that record money: a payment, a payment that is taken back, and a rate. Each shows what
will be written before it is."""

from flask import request, url_for
from werkzeug.wrappers import Response

from pipeline.donations.closing import charity_of
from pipeline.donations.ledger import Charity, Ledger, Rate
from pipeline.donations.money import parse_amount, parse_currency, parse_unit_amount
from pipeline.donations.recording import (
    Refused,
    prepare_correction,
    prepare_payment,
    prepare_rate,
)
from reports.donation_wording import name_money, name_month
from reports.shown_donations import show_payment
from reports.site.context import ReportsSite, current_site
from reports.site.donation_confirming import (
    CONFLICT,
    SHOWN,
    Form,
    acting_user,
    digest_shown,
    finish,
    read_ledger,
    refuse,
    write_shown,
)
from reports.site.donations import ACTING
from reports.site.pages import DONATIONS, render_page
from reports.site.roles import allow
from reports.wording import name_date, write_sentence
from survey.months import Month
from survey.store.marks import parse_day
from survey.vocabulary import LONGEST_VALUE
from survey.words import parse_words

Answer = str | Response | tuple[str, int]


def register(site: ReportsSite) -> None:
    """Add the pages."""
    both = ["GET", "POST"]
    month = f"{DONATIONS}/<month:month>"
    site.add_url_rule(f"{month}/pay", "pay_donation", pay_donation, methods=both)
    site.add_url_rule(f"{month}/correct", "correct_donation", correct_donation, methods=both)
    site.add_url_rule(f"{DONATIONS}/rate", "set_rate", set_rate, methods=both)


@allow(*ACTING)
def pay_donation(month: Month) -> Answer:
    """Record that a month was paid."""
    site, (ledger, head) = current_site(), read_ledger()
    closed, now = ledger.closed.get(month), site.clock()
    today = now.astimezone(site.settings.timezone).date()
    if closed is None or not closed.due:
        return _refuse_payment(ledger, month)
    defaults = {"amount": f"{closed.due:f}", "paid_on": str(today), "reference": ""}
    form, values = Form(defaults), {"month": month, "closed": closed, "today": today}
    if form.is_to_be_shown:
        return _show("donation_pay.html", form, values)
    amount = form.read("amount", parse_amount)
    paid_on = form.read("paid_on", parse_day)
    reference = form.read("reference", _parse_words)
    if amount is None or paid_on is None or reference is None:
        return _show("donation_pay.html", form, values), 400
    try:
        entry = prepare_payment(
            ledger, site.settings, month, reference=reference, paid_on=paid_on, amount=amount,
            by=acting_user().name, now=now,
        )  # fmt: skip
    except Refused as error:
        return _show("donation_pay.html", form, values, str(error)), 400
    # The entry has the decimals of its currency, whatever was typed.
    assert entry.amount is not None and entry.currency is not None  # every payment has these
    digest = digest_shown([entry], closed.latest.hash)
    if write_shown(entry, digest, head):
        paid = name_money(entry.amount, entry.currency)
        return finish(
            "pay month",
            f"{month} {paid}, {reference}",
            f"{paid} for {name_month(month)} is recorded as paid on {name_date(paid_on)}.",
            url_for("show_donation", month=month),
        )
    values |= {"entry": entry, "left": closed.due - entry.amount}
    return _confirm("donation_pay_confirm.html", form, values, digest)


@allow(*ACTING)
def correct_donation(month: Month) -> Answer:
    """Take the last payment of a month back."""
    site, (ledger, head) = current_site(), read_ledger()
    closed = ledger.closed.get(month)
    if closed is None or not closed.payments:
        reason = f"{name_month(month)} has no payment that could be taken back"
        return refuse(month, "Nothing was taken back", reason)
    form = Form({"reason": ""})
    values = {"month": month, "payment": show_payment(closed.payments[-1])}
    if form.is_to_be_shown:
        return _show("donation_correct.html", form, values)
    reason_given = form.read("reason", _parse_words)
    if reason_given is None:
        return _show("donation_correct.html", form, values), 400
    entry = prepare_correction(
        ledger, site.settings, month, reason=reason_given, by=acting_user().name, now=site.clock()
    )
    digest = digest_shown([entry], closed.latest.hash)
    if write_shown(entry, digest, head):
        return finish(
            "correct payment",
            f"{month} entry {entry.corrected}, {reason_given}",
            f"The payment of {name_month(month)} is taken back.",
            url_for("show_donation", month=month),
        )
    values |= {"entry": entry}
    return _confirm("donation_correct_confirm.html", form, values, digest)


@allow(*ACTING)
def set_rate() -> Answer:
    """Record what a hedgehog is worth from a month on, and who gets it."""
    site, (ledger, head) = current_site(), read_ledger()
    form = Form(_rate_defaults(ledger))
    values: dict[str, object] = {"next_month": ledger.next_month}
    if form.is_to_be_shown:
        return _show("donation_rate.html", form, values | _charity_now(ledger, form))
    first = form.read("month", Month.parse)
    amount = form.read("amount", parse_unit_amount)
    currency = form.read("currency", parse_currency)
    charity = form.read("charity", _parse_charity)
    values |= _charity_now(ledger, form)
    if first is None or amount is None or currency is None or form.errors:
        return _show("donation_rate.html", form, values), 400
    try:
        entry = prepare_rate(
            ledger, site.settings, first, Rate(amount, currency), charity,
            by=acting_user().name, now=site.clock(),
        )  # fmt: skip
    except Refused as error:
        return _show("donation_rate.html", form, values, str(error)), 400
    last = ledger.rates[-1] if ledger.rates else None
    digest = digest_shown([entry], last.hash if last else "", str(ledger.next_month))
    price = name_money(amount, currency)
    if write_shown(entry, digest, head):
        return finish(
            "set rate",
            f"{first} {price}" + (f", {charity.name}" if charity else ""),
            f"From {name_month(first)} on, a hedgehog is worth {price}.",
            url_for("show_donations"),
        )
    later = (each for each in ledger.rates if each.month > first)
    values |= {
        "entry": entry,
        "price": price,
        "before": ledger.rate_of(first),
        "receiver_of": charity or charity_of(ledger, site.settings, first),
        "until": min((each.month for each in later), default=None),
        "last": last,
    }
    return _confirm("donation_rate_confirm.html", form, values, digest)


def _rate_defaults(ledger: Ledger) -> dict[str, str]:
    """Return what the form of a rate begins with: the month that is closed next, or before the
    first close that of the address, or the last that is over."""
    site = current_site()
    last_over = Month.of(site.clock(), site.settings.timezone).shift(-1)
    first = request.args.get("month") or str(ledger.next_month or last_over)
    rate = ledger.rate_of(ledger.next_month or last_over)
    return {
        "month": first,
        "amount": "",
        "currency": rate.currency if rate else "",
        "charity": "",
        "charity_reference": "",
    }


def _charity_now(ledger: Ledger, form: Form) -> dict[str, object]:
    """Return who gets the money if the form names nobody."""
    try:
        first = Month.parse(form.fields["month"].strip())
    except ValueError:
        return {"charity": None}
    return {"charity": charity_of(ledger, current_site().settings, first)}


def _parse_words(text: str) -> str:
    return parse_words(text, LONGEST_VALUE)


def _parse_charity(name: str) -> Charity | None:
    """Return the charity that the form names; its reference stands in a field of its own."""
    reference = request.form.get("charity_reference", "").strip()
    if not name and reference:
        raise ValueError("a reference belongs to a charity; name it, too")
    if not name:
        return None
    return Charity(_parse_words(name), _parse_words(reference) if reference else None)


def _refuse_payment(ledger: Ledger, month: Month) -> Answer:
    closed, name = ledger.closed.get(month), name_month(month)
    if closed is None:
        reason = f"{name} is not closed yet, so nothing is due for it; close it first"
    elif closed.payments:
        reason = f"{name} is paid already: see below when, and under which reference"
    else:
        reason = f"{name} was closed with nothing to pay"
    payments = [show_payment(each) for each in closed.payments] if closed else []
    return refuse(month, "Nothing was paid", reason, payments=payments)


def _show(template: str, form: Form, values: dict[str, object], message: str = "") -> str:
    return render_page(
        template,
        acting_user(),
        form=form,
        message=write_sentence(message) if message else "",
        longest=LONGEST_VALUE,
        **values,
    )


def _confirm(template: str, form: Form, values: dict[str, object], digest: str) -> Answer:
    """Show what will be written. If the form had shown something else, the ledger has changed."""
    has_changed = SHOWN in request.form
    page = render_page(
        template, acting_user(), form=form, digest=digest, has_changed=has_changed, **values
    )
    return (page, CONFLICT) if has_changed else page
