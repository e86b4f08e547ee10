"""The donation export: the same file whenever and wherever it is made, and a sheet to pay from."""

import csv
import io
import re
from decimal import Decimal
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import numpy as np
import openpyxl
import pytest
from sqlalchemy import insert

from pipeline.donations.ledger import Ledger
from pipeline.donations.lines import closed_line, open_line
from reports.donation_exports import format_donations, format_entries
from reports.donation_sheet import AGREES, DIFFERS
from reports.exports import ExportKind
from survey.ledger import EntryKind, LedgerEntry, hash_values
from survey.months import Month
from survey.store.models import LedgerEntryRow
from tests.conftest import on_sqlite
from tests.support.command import run_csat_alone
from tests.support.donations import Donations
from tests.support.golden_donations import (
    APRIL,
    AUGUST,
    CELLS,
    DONATIONS_CSV,
    ENTRIES_CSV,
    JULY,
    MAY,
    fill_ledger,
    list_cells,
    list_closed,
    read_golden_ledger,
    read_golden_rows,
)

LONDON = ZoneInfo("Europe/London")
SUMMARY = "to pay"


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return read_golden_ledger()


@pytest.fixture(scope="module")
def workbook(ledger) -> bytes:
    return format_donations(ledger, list_closed(ledger), ExportKind.XLSX)


@pytest.fixture(scope="module")
def summary(workbook):
    """The first sheet, with formulas."""
    return openpyxl.load_workbook(io.BytesIO(workbook))[SUMMARY]


def lines_of(text: str) -> dict[str, dict[str, str]]:
    return {line["month"]: line for line in csv.DictReader(io.StringIO(text))}


class TestTheSameFile:
    """What the first release exported, every later one exports."""

    def test_the_lines(self, ledger):
        exported = format_donations(ledger, list_closed(ledger), ExportKind.CSV)
        assert exported == DONATIONS_CSV.read_bytes()

    def test_the_entries(self, ledger):
        assert format_entries(ledger.entries, ExportKind.CSV) == ENTRIES_CSV.read_bytes()

    def test_the_cells_of_the_workbook(self, workbook):
        assert "".join(list_cells(workbook)) == CELLS.read_text(encoding="utf-8")

    def test_whatever_happens_after_the_month_was_closed_and_paid(self, ledger):
        for month, closed in ledger.closed.items():
            then = Ledger(ledger.entries[: closed.latest.sequence])
            assert len(then.entries) < len(ledger.entries) or month == AUGUST
            for kind in (ExportKind.CSV, ExportKind.XLSX):
                first = format_donations(then, [closed_line(then.closed[month])], kind)
                assert format_donations(ledger, [closed_line(closed)], kind) == first

    def test_a_payment_fills_its_columns_and_changes_no_other(self, ledger):
        close = ledger.closed[APRIL].close
        before = Ledger(ledger.entries[: close.sequence]).closed[APRIL]
        lines = [closed_line(before), closed_line(ledger.closed[APRIL])]
        changed = {name for name in lines[0] if lines[0][name] != lines[1][name]}
        assert changed == {"status", "paid_at", "payment_reference", "ledger_hash"}

    def test_a_store_that_is_filled_today_gives_the_same_lines(self, database, settings):
        store = Donations(database, settings)
        fill_ledger(store)
        exported = format_donations(store.ledger, list_closed(store.ledger), ExportKind.CSV)
        today, then = (
            lines_of(text)
            for text in (exported.decode(), DONATIONS_CSV.read_text(encoding="utf-8"))
        )
        for line in [*today.values(), *then.values()]:
            # The hash covers the fingerprint of the rules, to which a later release may add.
            assert len(line.pop("ledger_hash")) == 64
        assert today == then

    @on_sqlite
    @pytest.mark.parametrize(
        "surroundings",
        [
            {"TZ": "Pacific/Auckland", "LC_ALL": "tr_TR.UTF-8", "CSAT_TIMEZONE": "Asia/Tokyo"},
            {"TZ": "America/New_York", "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"},
        ],
    )
    def test_on_any_machine(self, database, settings, tmp_path, surroundings):
        with database.writing() as connection:
            connection.execute(insert(LedgerEntryRow), read_golden_rows())
        out = tmp_path / "july.csv"
        done = run_csat_alone(
            *("donations", "export", "--month", str(JULY), "--out", str(out)),
            CSAT_DATABASE_URL=settings.database_url,
            **surroundings,
        )
        assert (done.returncode, done.stderr) == (0, "")
        header, *lines = DONATIONS_CSV.read_bytes().splitlines(keepends=True)
        (july,) = (line for line in lines if line.startswith(str(JULY).encode()))
        assert out.read_bytes() == header + july


def test_the_golden_ledger_has_every_kind_of_entry_and_its_chain_is_whole(ledger):
    assert {each.kind for each in ledger.entries} == set(EntryKind)
    assert all(row["hash"] == hash_values(row) for row in read_golden_rows())


def test_money_has_the_decimals_of_its_currency_and_is_rounded_half_to_even(ledger):
    lines = lines_of(format_donations(ledger, list_closed(ledger), ExportKind.CSV).decode())
    amounts = {month: (line["amount"], line["currency"]) for month, line in lines.items()}
    assert amounts["2026-04"] == ("3.50", "GBP")
    assert amounts["2026-06"] == ("275", "JPY")
    # 5 × 0.0625 = 0.3125
    assert amounts["2026-07"] == ("0.312", "KWD")
    assert amounts["2026-03"] == ("", "")


def test_no_file_names_a_customer(workbook):
    """In the store each ticket of the golden ledger has the person `customer of T-…`."""
    files = [DONATIONS_CSV.read_bytes(), ENTRIES_CSV.read_bytes()]
    book = ZipFile(io.BytesIO(workbook))
    files += [book.read(name) for name in book.namelist()]
    assert any(b"T-2026-04-1" in content for content in files)
    assert not any(b"customer of" in content for content in files)


class TestEntriesBehindMonths:
    def test_a_month_has_its_entries_and_the_rates_up_to_it(self, ledger):
        kinds = [(each.kind, str(each.month)) for each in ledger.entries_behind({MAY})]
        assert kinds == [
            (EntryKind.RATE, "2026-04"),
            (EntryKind.RATE, "2026-05"),
            *[(EntryKind.ADJUSTMENT, "2026-05")] * 3,
            (EntryKind.CLOSE, "2026-05"),
            (EntryKind.PAYMENT, "2026-05"),
        ]

    def test_all_months_up_to_an_open_one_have_all_entries(self, ledger):
        months = {*ledger.months, AUGUST.shift(1)}
        assert ledger.entries_behind(months) == list(ledger.entries)

    def test_an_open_month_has_the_rates(self, ledger):
        behind = ledger.entries_behind({AUGUST.shift(1)})
        assert [each.kind for each in behind] == [EntryKind.RATE] * 4

    def test_no_month_has_none(self, ledger):
        assert ledger.entries_behind(set()) == []


class TestTheSheetToPayFrom:
    def test_it_comes_first_then_the_lines_and_the_entries(self, workbook):
        book = openpyxl.load_workbook(io.BytesIO(workbook))
        assert book.sheetnames == [SUMMARY, "donations", "entries"]
        with DONATIONS_CSV.open(encoding="utf-8") as file:
            names = next(csv.reader(file))
        headers = [re.sub(r" \(.*", "", cell.value) for cell in book["donations"][1]]
        assert headers == names
        with ENTRIES_CSV.open(encoding="utf-8") as file:
            names = next(csv.reader(file))
        assert [re.sub(r" \(.*", "", cell.value) for cell in book["entries"][1]] == names
        assert book["entries"].max_row == len(read_golden_rows()) + 1

    def test_it_says_what_to_pay_to_whom_and_for_what(self, summary):
        words = [cell.value.replace("\u00a0", " ") for cell in summary["A"][:4]]
        assert words == [
            "Hedgehog donations, February 2026 to August 2026",
            "To be paid: GBP 0.15 to Hedgehog Rescue, reference CSAT 1, for May 2026.",
            "To be paid: JPY 200 to =Igel, reference +49 1, for June 2026.",
            'To be paid: KWD 0.312 to Jeże „Iglaki”, the "hedgehogs", reference @kontrakt, 7, '
            "for July 2026.",
        ]

    def test_it_says_where_no_charity_was_named(self, ledger):
        entries = [
            LedgerEntry(**{**vars(each), "charity": None, "charity_reference": None})
            for each in ledger.entries
        ]
        closed = Ledger(entries).closed[JULY]
        content = format_donations(Ledger(entries), [closed_line(closed)], ExportKind.XLSX)
        words = openpyxl.load_workbook(io.BytesIO(content))[SUMMARY]["A2"].value
        assert words.replace("\u00a0", " ") == (
            "To be paid: KWD 0.312 (no charity was named at the close), for July 2026."
        )

    def test_it_names_the_last_entry(self, summary, ledger):
        assert ledger.entries[-1].hash in summary["A5"].value

    def test_every_currency_has_its_total(self, summary):
        totals = {
            row[8].value: [cell.value for cell in row[4:7]] + [cell.value for cell in row[9:12]]
            for row in summary.iter_rows()
            if str(row[0].value).startswith("All months in")
        }
        assert totals == {
            "GBP": [13, -2, 11, 3.75, 3.6, 0.15],
            "JPY": [5, 0, 5, 275, 75, 200],
            "KWD": [7, -2, 5, 0.312, 0, 0.312],
        }

    def test_adjustments_have_reason_original_month_and_price(self, summary):
        first = next(row[0].row for row in summary.iter_rows() if row[0].value == "Posted in")
        rows = [
            [summary.cell(row, place).value for place in (1, 2, 3, 7, 8, 9, 10)]
            for row in range(first + 1, first + 8)
        ]
        assert rows[1:3] == [
            ["2026-05", "stored after the close", "2026-04", 1, 0.5, "GBP", 0.5],
            ["2026-05", "void: the ticket was taken out", "2026-04", -2, 0.5, "GBP", -1],
        ]

    def test_the_formulas_agree_with_the_values(self, summary):
        checks = list_checks(summary)
        assert len(checks) == 7 + 3 + 1
        assert {compute(summary, check) for check in checks} == {AGREES}

    @pytest.mark.parametrize("column", ["E", "F", "G", "H", "J", "K", "L"])
    def test_the_formulas_find_a_number_that_was_changed(self, workbook, column):
        sheet = openpyxl.load_workbook(io.BytesIO(workbook))[SUMMARY]
        (may,) = (row[0].row for row in sheet.iter_rows(max_row=15) if row[0].value == str(MAY))
        sheet[f"{column}{may}"].value += 1
        assert compute(sheet, f"O{may}") == DIFFERS
        (total,) = (row[0].row for row in sheet.iter_rows() if row[0].value == "All months in GBP")
        assert compute(sheet, f"O{total}") == (AGREES if column == "H" else DIFFERS)

    def test_no_text_of_people_is_a_formula(self, workbook):
        sheet = openpyxl.load_workbook(io.BytesIO(workbook))[SUMMARY]
        (cell,) = (each for each in sheet["C"] if each.value == "=Igel")
        assert (cell.data_type, cell.quotePrefix) == ("s", True)
        formulas = [each for row in sheet.iter_rows() for each in row if each.data_type == "f"]
        assert {each.column_letter for each in formulas} == {"O"}

    def test_it_prints_on_pages_of_full_width_with_the_header_on_each(self, summary):
        assert summary.page_setup.orientation == "landscape"
        assert summary.sheet_properties.pageSetUpPr.fitToPage
        # One page wide is what a file means that names no width.
        assert (summary.page_setup.fitToWidth or 1, summary.page_setup.fitToHeight) == (1, 0)
        assert summary.print_title_rows == "$7:$7"
        assert summary.freeze_panes == "B8"
        assert summary.oddFooter.right.text == "Page &P of &N"

    def test_no_number_is_wider_than_its_column(self, summary):
        for row in summary.iter_rows(min_row=7):
            for cell in row[4:13]:
                width = summary.column_dimensions[cell.column_letter].width
                assert cell.is_date or len(str(cell.value or "")) < width

    def test_an_open_month_owes_nothing_yet(self):
        lines = [open_line(Month(2026, 10), LONDON, 12)]
        content = format_donations(Ledger([]), lines, ExportKind.XLSX)
        sheet = openpyxl.load_workbook(io.BytesIO(content))[SUMMARY]
        words = [cell.value for cell in sheet["A"] if cell.value]
        assert words[:3] == [
            "Hedgehog donations, October 2026",
            "Nothing is to be paid for these months.",
            "No entry of the ledger stands behind these months yet.",
        ]
        assert "No adjustments were posted in these months." in words
        assert [compute(sheet, check) for check in list_checks(sheet)] == [AGREES] * 2

    def test_a_ledger_that_contradicts_itself_shows_it_without_a_spreadsheet(self, ledger):
        """What reads the file without computing, as a preview does, shows the kept results."""
        entries = [
            LedgerEntry(**{**vars(each), "amount": each.amount + Decimal("0.01")})
            if each.kind is EntryKind.CLOSE and each.month == MAY
            else each
            for each in ledger.entries
        ]
        forged = Ledger(entries)
        content = format_donations(forged, [closed_line(forged.closed[MAY])], ExportKind.XLSX)
        sheet = openpyxl.load_workbook(io.BytesIO(content), data_only=True)[SUMMARY]
        shown = [cell.value for cell in sheet["O"] if cell.value in (AGREES, DIFFERS)]
        assert shown == [DIFFERS, AGREES, AGREES]


def list_checks(sheet) -> list[str]:
    return [cell.coordinate for cell in sheet["O"] if cell.data_type == "f"]


def compute(sheet, cell: str) -> str:
    """What a spreadsheet shows in a cell whose formula has the functions that the checks use."""

    def value_of(name: str):
        value = sheet[name].value
        return 0 if value is None else value

    def values_of(first: str, last: str):
        return np.array([value_of(each.coordinate) for (each,) in sheet[f"{first}:{last}"]], object)

    text = sheet[cell].value.removeprefix("=").replace("$", "")
    text = re.sub(r"(?<![<>])=", "==", text)
    text = re.sub(
        r"\b([A-Z]+\d+):([A-Z]+\d+)\b|\b([A-Z]+\d+)\b",
        lambda found: (
            f"value_of('{found[3]}')" if found[3] else f"values_of('{found[1]}', '{found[2]}')"
        ),
        text,
    )
    functions = {
        "IF": lambda condition, yes, no: yes if condition else no,
        "AND": lambda *conditions: all(conditions),
        "ABS": abs,
        "ROUND": round,
        "SUM": np.sum,
        "SUMPRODUCT": np.sum,
    }
    return eval(text, {"value_of": value_of, "values_of": values_of, **functions})
