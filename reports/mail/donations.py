"""The mail about a closed month of the donation ledger: what to pay, to whom, for what, and the
export of the month as a file."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from pipeline.donations.ledger import ClosedMonth, Ledger
from pipeline.donations.lines import closed_line
from reports.donation_exports import NAME, format_donations
from reports.donation_wording import name_money, name_month
from reports.environment import make_environment
from reports.exports import ExportKind, name_file
from reports.mail.colours import read_colours
from reports.mail.wrapping import wrap
from reports.site.links import address
from reports.wording import (
    capitalize_first,
    count_things,
    format_number,
    format_signed,
    join_words,
    name_date,
    name_instant,
)
from survey.months import Month
from survey.settings import Settings

# CSV for programs, and a workbook for people.
ATTACHED = (ExportKind.CSV, ExportKind.XLSX)


def render_donation_mail(ledger: Ledger, month: Month, settings: Settings) -> EmailMessage:
    """Return the mail about a closed month, with a subject, but without the headers that are
    different for each recipient."""
    closed = ledger.closed[month]
    title = f"Hedgehog donations, {name_month(month)}"
    task = describe_task(closed)
    values = {
        "title": title,
        "task": capitalize_first(task),
        "facts": list(list_facts(closed)),
        "has_changes": bool(closed.adjustments and closed.rate),
        "unpaid": describe_unpaid(each for each in ledger.closed.values() if each.month < month),
        "is_due": bool(closed.due),
        "command": f"csat donations pay --month {month} --reference … --date …",
        "address": settings.base_url + address(f"donations/{month}", {}),
        "light": read_colours("light"),
        "dark": read_colours("dark"),
        "wrap": wrap,
    }
    environment = make_environment(settings)
    message = EmailMessage()
    # A header is one line, whatever the name of the charity is.
    message["Subject"] = " ".join(f"{title}: {task}".split())
    text = environment.get_template("mail/donations.txt").render(values)
    message.set_content(text.strip() + "\n")
    message.add_alternative(
        environment.get_template("mail/donations.html").render(values), subtype="html"
    )
    for kind in ATTACHED:
        content_type, _, charset = kind.content_type.partition("; charset=")
        maintype, _, subtype = content_type.partition("/")
        # As bytes: of a text the library would write its own ends of lines.
        message.add_attachment(
            format_donations(ledger, [closed_line(closed)], kind),
            maintype=maintype,
            subtype=subtype,
            filename=name_file(str(month), NAME, kind),
            params={"charset": charset} if charset else None,
        )
    return message


def describe_task(closed: ClosedMonth) -> str:
    """Return in words what is to be paid for a month."""
    close = closed.close
    if closed.amount is None:
        return "closed without an amount, so nothing is to be paid"
    if closed.due and closed.rate:
        more = " more" if closed.payments else ""
        to = f" to {close.charity}" if close.charity else ""
        return f"pay {name_money(closed.due, closed.rate.currency)}{more}{to}"
    return "paid" if closed.payments else "nothing is to be paid"


def list_facts(closed: ClosedMonth) -> Iterator[tuple[str, str]]:
    """Yield what the ledger says of a closed month, each fact with its name."""
    close = closed.close
    yield f"Responses of {name_month(closed.month)}", format_number(closed.responses)
    if closed.adjustments:
        number = count_things(len(closed.adjustments), "change")
        yield (
            "Changes of earlier months",
            f"{format_signed(closed.adjusted)} ({number}, which the workbook lists)",
        )
    yield "Hedgehogs", format_number(closed.hedgehogs)
    if closed.rate is not None and closed.amount is not None:
        yield "One hedgehog", name_money(closed.rate.unit_amount, closed.rate.currency)
        yield "Amount", name_money(closed.amount, closed.rate.currency)
    for payment in closed.payments:
        assert payment.amount is not None and payment.paid_on is not None  # every payment has them
        paid = name_money(payment.amount, payment.currency or "")
        yield "Paid", f"{paid} on {name_date(payment.paid_on)}, {payment.payment_reference}"
    if close.charity:
        yield "Charity", close.charity
    if close.charity_reference:
        yield "Reference for the charity", close.charity_reference
    timezone = ZoneInfo(close.timezone or "UTC")
    yield "Closed", f"{name_instant(close.recorded_at, timezone)} by {close.recorded_by}"
    yield "Hash of the latest entry", closed.latest.hash


def describe_unpaid(months: Iterable[ClosedMonth]) -> str | None:
    """Return in words what is still due for these months; None if nothing is."""
    unpaid = [each for each in months if each.due]
    if not unpaid:
        return None
    due: dict[str, Decimal] = {}
    for each in unpaid:
        currency = each.close.currency or ""
        due[currency] = due.get(currency, Decimal(0)) + each.due
    amounts = join_words([name_money(amount, currency) for currency, amount in due.items()])
    verb = "is" if len(unpaid) == 1 else "are"
    return f"{count_things(len(unpaid), 'earlier month')} {verb} not paid in full: {amounts} due."
