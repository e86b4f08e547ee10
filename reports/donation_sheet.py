"""The first sheet of the donation workbook: what to pay, to whom, for what, and how it came about.

Amounts and totals are values, as the ledger has them. Beside them stand formulas that compute them
anew from the other cells, so that whoever pays sees that they agree.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from xlsxwriter.utility import (  # type: ignore[import-untyped]
    xl_range_abs,
    xl_rowcol_to_cell,
)

from pipeline.donations.ledger import Charity, ClosedMonth, Ledger, Status
from pipeline.donations.lines import Line
from pipeline.donations.money import count_decimals
from pipeline.donations.summing import (
    AdjustmentSum,
    CurrencyTotal,
    sum_adjustments,
    sum_currencies,
    sum_dues,
)
from reports.donation_wording import name_money, name_month, name_months, name_reason, name_status
from reports.workbooks import Workbook, money_format
from survey.ledger import LedgerEntry
from survey.months import Month

NAME = "to pay"
AGREES, DIFFERS = "agrees", "DIFFERS"

_MONTH, _STATUS, _CHARITY, _REFERENCE, _RESPONSES, _ADJUSTMENTS, _HEDGEHOGS = range(7)
_EACH, _CURRENCY, _AMOUNT, _PAID, _DUE, _PAID_ON, _PAYMENT, _CHECK = range(7, 15)
# The headers of the columns, and their widths in characters.
_COLUMNS = {
    _MONTH: ("Month", 10),
    _STATUS: ("Status", 32),
    _CHARITY: ("Charity", 24),
    _REFERENCE: ("Charity’s reference", 18),
    _RESPONSES: ("Responses", 11),
    _ADJUSTMENTS: ("Adjustments", 12),
    _HEDGEHOGS: ("Hedgehogs", 11),
    _EACH: ("For each", 10),
    _CURRENCY: ("Currency", 9),
    _AMOUNT: ("Amount", 13),
    _PAID: ("Paid", 13),
    _DUE: ("Still due", 13),
    _PAID_ON: ("Paid on", 11),
    _PAYMENT: ("Payment reference", 22),
    _CHECK: ("Check", 10),
}
_ADJUSTMENT_COLUMNS = {
    _MONTH: "Posted in",
    _STATUS: "Why",
    _CHARITY: "Month that it changes",
    _HEDGEHOGS: "Hedgehogs",
    _EACH: "For each",
    _CURRENCY: "Currency",
    _AMOUNT: "Amount",
}
_TEXT_PLACES = (_MONTH, _STATUS, _CHARITY, _REFERENCE, _CURRENCY, _PAYMENT, _CHECK)
_NOTES = (
    "One hedgehog is owed for each response, whatever its rating. The amount is what the responses "
    "and the adjustments come to, rounded once, half to even.",
    "An adjustment is a change of a month after its close. It counts in a month that was closed "
    "later, at the price of the month that it changes, or at that of the later month if the "
    "currency has changed.",
    f"The formulas under Check compute each row anew: they give “{AGREES}” or “{DIFFERS}”.",
)
_COUNT_FORMAT = "#,##0"
_HEADER = {"bold": True, "bottom": 1}
_TOTAL = {"bold": True, "top": 1}
_TOP = {"valign": "top"}
_A4 = 9


class _Check(NamedTuple):
    """A condition as a formula, and whether it holds."""

    formula: str
    holds: bool


def write_summary(
    book: Workbook, ledger: Ledger, lines: Sequence[Line], entries: Sequence[LedgerEntry]
) -> None:
    """Add the sheet about these lines of the ledger, and the entries behind them."""
    _Summary(book, ledger, lines, entries).write()


class _Summary:
    """The sheet while it is written, row by row."""

    def __init__(
        self, book: Workbook, ledger: Ledger, lines: Sequence[Line], entries: Sequence[LedgerEntry]
    ) -> None:
        self._book = book
        self._sheet = book.add_sheet(NAME)
        self._row = 0
        self._lines = {Month.parse(line["month"]): line for line in lines}
        self._closed = {
            month: ledger.closed[month] for month in self._lines if month in ledger.closed
        }
        self._sums = [
            each for closed in self._closed.values() for each in sum_adjustments(closed.adjustments)
        ]
        self._totals = sum_currencies(self._closed.values())
        self._last_entry = entries[-1] if entries else None

    def write(self) -> None:
        self._write_title()
        header = self._row
        self._write_headers({place: name for place, (name, _) in _COLUMNS.items()})
        # A check names cells of rows below its own, so their places are fixed first.
        self._first_month = self._row
        self._first_sum = self._row + len(self._lines) + len(self._totals) + 4
        for month, line in self._lines.items():
            self._write_month(month, line)
        for total in self._totals:
            self._write_currency(total)
        self._write_all_months()
        self._row += 1
        self._write_adjustments()
        self._row += 1
        for note in _NOTES:
            self._text(_MONTH, note)
            self._row += 1
        self._set_up_page(header)

    def _write_title(self) -> None:
        months = list(self._lines)
        names = list(dict.fromkeys(name_month(month) for month in (months[0], months[-1])))
        self._text(_MONTH, f"Hedgehog donations, {' to '.join(names)}", bold=True, font_size=16)
        self._row += 1
        for words in self._list_dues() or ["Nothing is to be paid for these months."]:
            self._text(_MONTH, words, bold=True, font_size=12)
            self._row += 1
        self._text(_MONTH, _name_entry(self._last_entry))
        self._row += 2

    def _list_dues(self) -> list[str]:
        """Return what is to be paid, to whom and for which months, in words."""
        return [
            f"To be paid: {name_money(each.amount, each.currency)}"
            f"{_name_receiver(each.charity)}, for {name_months(each.months)}."
            for each in sum_dues(self._closed.values())
        ]

    def _write_headers(self, names: dict[int, str]) -> None:
        for place, name in names.items():
            self._text(place, name, **_HEADER, align="left" if place in _TEXT_PLACES else "right")
        self._row += 1

    def _write_month(self, month: Month, line: Line) -> None:
        closed = self._closed.get(month)
        self._text(_MONTH, str(month), **_TOP)
        self._text(_STATUS, name_status(Status(line["status"]), closed), **_TOP)
        self._number(_RESPONSES, line["responses"], **_TOP)
        self._number(_ADJUSTMENTS, line["adjustments"], **_TOP)
        self._number(_HEDGEHOGS, line["hedgehogs"], **_TOP)
        checks = [self._check_hedgehogs(line)]
        if closed is not None:
            self._write_closed(closed)
            checks += self._check_closed(closed)
        self._write_check(checks, **_TOP)
        self._row += 1

    def _write_closed(self, closed: ClosedMonth) -> None:
        if closed.charity is not None:
            self._text(_CHARITY, closed.charity.name, **_TOP, text_wrap=True)
            if closed.charity.reference is not None:
                self._text(_REFERENCE, closed.charity.reference, **_TOP, text_wrap=True)
        if closed.rate is None or closed.amount is None:
            return
        decimals = count_decimals(closed.amount)
        self._text(_CURRENCY, closed.rate.currency, **_TOP)
        self._money(_EACH, closed.rate.unit_amount, decimals, **_TOP)
        self._money(_AMOUNT, closed.amount, decimals, **_TOP)
        self._money(_PAID, closed.paid, decimals, **_TOP)
        self._money(_DUE, closed.due, decimals, **_TOP)
        if closed.payments:
            day = self._book.find_format(num_format="yyyy-mm-dd", align="right", **_TOP)
            self._sheet.write_datetime(self._row, _PAID_ON, closed.payments[-1].paid_on, day)
            references = ", ".join(each.payment_reference or "" for each in closed.payments)
            self._text(_PAYMENT, references, **_TOP, text_wrap=True)

    def _check_hedgehogs(self, line: Line) -> _Check:
        responses, adjustments = self._cell(_RESPONSES), self._cell(_ADJUSTMENTS)
        return _Check(
            f"{responses}+{adjustments}={self._cell(_HEDGEHOGS)}",
            line["responses"] + line["adjustments"] == line["hedgehogs"],
        )

    def _check_closed(self, closed: ClosedMonth) -> list[_Check]:
        """Return the checks that the adjustments below make this month's, and that responses and
        adjustments make its amount."""
        sums = [each for each in self._sums if each.month == closed.month]
        checks = [
            _Check(
                f"{self._sum_up(_HEDGEHOGS)}={self._cell(_ADJUSTMENTS)}",
                sum(each.hedgehogs for each in sums) == closed.adjusted,
            )
        ]
        if closed.rate is None or closed.amount is None:
            return checks
        decimals = count_decimals(closed.amount)
        # Half of the minor unit, and a little more, for a spreadsheet computes in binary.
        tolerance = Decimal("0.5001").scaleb(-decimals)
        exact = closed.responses * closed.rate.unit_amount
        exact += sum((each.amount or Decimal(0) for each in sums), Decimal(0))
        responses, each_amount, amount = map(self._cell, (_RESPONSES, _EACH, _AMOUNT))
        return [
            *checks,
            _Check(
                f"ABS({responses}*{each_amount}+{self._sum_up(_AMOUNT)}-{amount})<={tolerance:f}",
                abs(exact - closed.amount) <= tolerance,
            ),
            _Check(
                f"ROUND({self._cell(_PAID)}+{self._cell(_DUE)}-{amount},{decimals})=0",
                closed.paid + closed.due == closed.amount,
            ),
        ]

    def _sum_up(self, place: int) -> str:
        """Return the formula that adds up a column of the adjustments of this row's month."""
        if not self._sums:
            return "0"
        first, last = self._first_sum, self._first_sum + len(self._sums) - 1
        months = xl_range_abs(first, _MONTH, last, _MONTH)
        return (
            f"SUMPRODUCT(({months}={self._cell(_MONTH)})*{xl_range_abs(first, place, last, place)})"
        )

    def _write_currency(self, total: CurrencyTotal) -> None:
        """Write the row that adds up the months with amounts in one currency."""
        decimals = count_decimals(total.amount)
        self._write_blanks(**_TOTAL)
        self._text(_MONTH, f"All months in {total.currency}", **_TOTAL)
        self._text(_CURRENCY, total.currency, **_TOTAL)
        numbers = {
            _RESPONSES: total.responses,
            _ADJUSTMENTS: total.adjusted,
            _HEDGEHOGS: total.hedgehogs,
        }
        amounts = {_AMOUNT: total.amount, _PAID: total.paid, _DUE: total.due}
        for place, number in numbers.items():
            self._number(place, number, **_TOTAL)
        for place, amount in amounts.items():
            self._money(place, amount, decimals, **_TOTAL)
        is_of_currency = f"{self._column(_CURRENCY)}={self._cell(_CURRENCY)}"
        checks = [
            _Check(
                f"ROUND(SUMPRODUCT(({is_of_currency})*{self._column(place)})-{self._cell(place)},"
                f"{decimals})=0",
                True,
            )
            for place in (*numbers, *amounts)
        ]
        self._write_check(checks, **_TOTAL)
        self._row += 1

    def _write_all_months(self) -> None:
        """Write the row that adds up all months, also those without an amount."""
        self._write_blanks(**_TOTAL)
        self._text(_MONTH, "All months, owed or not", **_TOTAL)
        checks = []
        for place, name in (
            (_RESPONSES, "responses"),
            (_ADJUSTMENTS, "adjustments"),
            (_HEDGEHOGS, "hedgehogs"),
        ):
            self._number(place, sum(line[name] for line in self._lines.values()), **_TOTAL)
            checks.append(_Check(f"SUM({self._column(place)})={self._cell(place)}", True))
        self._write_check(checks, **_TOTAL)
        self._row += 1

    def _write_adjustments(self) -> None:
        if not self._sums:
            self._text(_MONTH, "No adjustments were posted in these months.")
            self._row += 1
            return
        self._text(_MONTH, "Adjustments that were posted in these months", bold=True)
        self._row += 1
        self._write_headers(_ADJUSTMENT_COLUMNS)
        for each in self._sums:
            self._write_sum(each, self._closed[each.month])

    def _write_sum(self, each: AdjustmentSum, closed: ClosedMonth) -> None:
        self._text(_MONTH, str(each.month), **_TOP)
        self._text(_STATUS, name_reason(each.reason), **_TOP, text_wrap=True)
        self._text(_CHARITY, str(each.original_month), **_TOP)
        self._number(_HEDGEHOGS, each.hedgehogs, **_TOP)
        if each.unit_amount is not None and each.amount is not None and closed.amount is not None:
            decimals = count_decimals(closed.amount)
            self._text(_CURRENCY, closed.close.currency or "", **_TOP)
            self._money(_EACH, each.unit_amount, decimals, **_TOP)
            self._money(_AMOUNT, each.amount, decimals, **_TOP)
        self._row += 1

    def _set_up_page(self, header: int) -> None:
        for place, (_, width) in _COLUMNS.items():
            self._sheet.set_column(place, place, width)
        differs = self._book.find_format(bold=True, bg_color="#FFC7CE", font_color="#9C0006")
        rule = {"type": "cell", "criteria": "==", "value": f'"{DIFFERS}"', "format": differs}
        self._sheet.conditional_format(header + 1, _CHECK, self._row, _CHECK, rule)
        self._sheet.freeze_panes(header + 1, 1)
        self._sheet.hide_gridlines(2)
        self._sheet.set_landscape()
        self._sheet.set_paper(_A4)
        self._sheet.fit_to_pages(1, 0)
        self._sheet.repeat_rows(header)
        self._sheet.set_footer("&RPage &P of &N")

    def _text(self, place: int, text: str, **properties: object) -> None:
        self._book.write_text(self._sheet, self._row, place, text, **properties)

    def _number(self, place: int, number: int, **properties: object) -> None:
        cell_format = self._book.find_format(num_format=_COUNT_FORMAT, **properties)
        self._sheet.write_number(self._row, place, number, cell_format)

    def _money(self, place: int, amount: Decimal, decimals: int, **properties: object) -> None:
        number_format = money_format(amount, decimals)
        cell_format = self._book.find_format(num_format=number_format, **properties)
        self._sheet.write_number(self._row, place, amount, cell_format)

    def _write_blanks(self, **properties: object) -> None:
        for place in _COLUMNS:
            self._sheet.write_blank(self._row, place, None, self._book.find_format(**properties))

    def _write_check(self, checks: Sequence[_Check], **properties: object) -> None:
        conditions = ",".join(each.formula for each in checks)
        self._sheet.write_formula(
            self._row,
            _CHECK,
            f'=IF(AND({conditions}),"{AGREES}","{DIFFERS}")',
            self._book.find_format(**properties),
            AGREES if all(each.holds for each in checks) else DIFFERS,
        )

    def _cell(self, place: int) -> str:
        """Return the name of a cell of this row."""
        return str(xl_rowcol_to_cell(self._row, place))

    def _column(self, place: int) -> str:
        """Return the names of the cells of all months in a column."""
        last = self._first_month + len(self._lines) - 1
        return str(xl_range_abs(self._first_month, place, last, place))


def _name_receiver(charity: Charity | None) -> str:
    if charity is None:
        return " (no charity was named at the close)"
    return f" to {charity.name}" + (f", reference {charity.reference}" if charity.reference else "")


def _name_entry(entry: LedgerEntry | None) -> str:
    if entry is None:
        return "No entry of the ledger stands behind these months yet."
    recorded_at = entry.recorded_at.isoformat(" ", "minutes")
    return (
        f"The last entry of the ledger behind these months is number {entry.sequence}, of "
        f"{recorded_at}, with the hash {entry.hash}"
    )
