"""A table as CSV, workbook and Parquet: the same values in their types, and texts stay texts."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from pipeline.donations.lines import frame_lines, open_line
from pipeline.metrics import TEAM_COLUMNS, tabulate_period
from pipeline.output_files import defuse, format_csv
from reports import workbooks
from reports.columns import ColumnType, type_of
from reports.exports import ExportKind, format_parquet, format_table, name_file
from reports.workbooks import CUT, LONGEST_TEXT, TooManyRows, clean_text, format_workbook
from survey.months import Month
from survey.periods import Period
from survey.teams import parse_teams
from tests.support.examples import examples

LONDON = ZoneInfo("Europe/London")
OCTOBER = Month(2026, 10)
XML = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
TEAMS = parse_teams(["Surveys", "Experiments"])


def team_table() -> pd.DataFrame:
    counts = pd.DataFrame(
        {
            "month": ["2026-09", "2026-10", "2026-10"],
            "team": ["surveys"] * 3,
            "rating": [5, 1, 5],
            "responses": [2, 1, 2],
        }
    )
    comments = pd.DataFrame({"month": ["2026-10"], "team": ["surveys"], "comments": [1]})
    types = {"month": "str", "team": "str"}
    return tabulate_period(
        counts.astype(types), comments.astype(types), Period.of_month(OCTOBER), TEAMS
    )


def comment_table(*comments: str, at: datetime = datetime(2026, 10, 14, 11, 30, 5, 250_000, UTC)):
    n = len(comments)
    return pd.DataFrame(
        {
            "ticket_id": pd.Series([str(40 + i) for i in range(n)], dtype="str"),
            "team": pd.Series(["surveys"] * n, dtype="str"),
            "rating": pd.Series([2] * n, dtype="int64"),
            "comment": pd.Series(comments, dtype="str"),
            "answered_at": pd.Series([at] * n, dtype="datetime64[us, UTC]").dt.tz_convert(LONDON),
            "link_trust": pd.Series(["known"] * n, dtype="str"),
        }
    )


def read_workbook(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def read_sheet(content: bytes):
    return read_workbook(content).active


def read_texts(content: bytes) -> dict[str, str]:
    """The texts of the first sheet by cell, as ECMA-376 says that `_x0041_` is read (ST_Xstring).
    openpyxl leaves some escapes as they are, and some out."""
    book = ZipFile(io.BytesIO(content))
    strings, sheet = (
        ElementTree.fromstring(book.read(f"xl/{part}.xml"))
        for part in ("sharedStrings", "worksheets/sheet1")
    )
    texts = ["".join(unescape(t.text or "") for t in each.iter(f"{XML}t")) for each in strings]
    return {
        cell.attrib["r"]: texts[int(cell.findtext(f"{XML}v", ""))]
        for cell in sheet.iter(f"{XML}c")
        if cell.attrib.get("t") == "s"
    }


def read_parquet(content: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(content))


def read_csv(frame: pd.DataFrame) -> list[list[str]]:
    return list(csv.reader(io.StringIO(format_csv(frame), newline="")))


class TestWorkbook:
    def test_there_is_a_sheet_for_each_table_in_their_order(self):
        book = read_workbook(
            format_workbook({"teams": team_table(), "comments": comment_table("a")})
        )
        assert book.sheetnames == ["teams", "comments"]

    def test_cells_are_typed(self):
        sheet = read_sheet(format_workbook({"teams": team_table()}))
        names = [cell.value for cell in sheet[1]]
        assert names == list(TEAM_COLUMNS)
        empty, surveys, together = (dict(zip(names, row, strict=True)) for row in sheet[2:4])
        assert surveys["month"].value == "2026-10"
        assert (surveys["responses"].value, surveys["responses"].data_type) == (3, "n")
        assert (surveys["csat_pct"].value, surveys["csat_pct"].number_format) == (66.67, "0.00")
        assert (surveys["mean_rating"].value, surveys["mean_rating"].number_format) == (
            3.667,
            "0.000",
        )
        assert surveys["change_pp"].value == -33.33
        assert empty["csat_pct"].value is None
        assert together["team"].value == "all"

    def test_a_time_is_a_real_one_and_the_header_names_its_zone(self):
        sheet = read_sheet(format_workbook({"comments": comment_table("a")}))
        assert sheet["E1"].value == "answered_at (Europe/London)"
        assert sheet["E2"].is_date
        assert sheet["E2"].value == datetime(2026, 10, 14, 12, 30, 5, 250_000)  # noqa: DTZ001

    def test_a_time_that_excel_cannot_count_is_a_text(self):
        at = datetime(1066, 10, 14, 9, 0, tzinfo=UTC)
        sheet = read_sheet(format_workbook({"comments": comment_table("a", at=at)}))
        assert sheet["E2"].value == "1066-10-14 08:58:45"

    def test_a_draft_of_donations_has_times_and_blanks(self):
        sheet = read_sheet(
            format_workbook({"donations": frame_lines([open_line(OCTOBER, LONDON, 12)])})
        )
        cells = {cell.value: sheet.cell(2, cell.column) for cell in sheet[1]}
        assert cells["opens_at (Europe/London)"].value == datetime(2026, 10, 1)  # noqa: DTZ001
        assert cells["closes_at (Europe/London)"].value == datetime(2026, 11, 1)  # noqa: DTZ001
        assert cells["hedgehogs"].value == 12
        assert cells["amount"].value is None

    def test_the_header_stays_and_columns_are_wide_enough(self):
        sheet = read_sheet(format_workbook({"comments": comment_table("x" * 5_000)}))
        assert sheet.freeze_panes == "A2"
        assert sheet["A1"].font.bold
        widths = {letter: sheet.column_dimensions[letter].width for letter in "ADE"}
        assert widths["A"] >= len("ticket_id")
        assert 40 < widths["D"] < 100
        assert widths["E"] >= len("answered_at (Europe/London)")

    def test_the_same_tables_give_the_same_bytes(self, monkeypatch):
        tables = {"teams": team_table(), "comments": comment_table("a", "<r>b</r>")}
        first = format_workbook(tables)
        monkeypatch.setenv("TZ", "Pacific/Auckland")
        assert format_workbook(tables) == first
        core = ZipFile(io.BytesIO(first)).read("docProps/core.xml").decode()
        assert core.count("1980-01-01T00:00:00Z") == 2

    def test_a_table_that_no_sheet_holds_is_refused_with_its_name(self, monkeypatch):
        monkeypatch.setattr(workbooks, "MOST_ROWS", 3)
        assert read_sheet(format_workbook({"comments": comment_table("a", "b")})).max_row == 3
        with pytest.raises(TooManyRows, match="comments has 3 rows, and a sheet holds 2; take CSV"):
            format_workbook({"comments": comment_table("a", "b", "c")})


HOSTILE = [
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil","x")', "{=1}"),
    *("http://evil.example", "mailto:eve@evil.example", "internal:Sheet1!A1", "12", "1e5", "TRUE"),
    *("<script>alert(1)</script>", "<r><t>forged</t></r>", "<r></r>", "<r>_x0041_ </r>", "<r>"),
    *("]]>", "&amp;", "&#0;", "_x0041_", "_x005F_x0041_", "=_x0041_x0042_", "<!-- -->", "#REF!"),
    *("'quoted", "''"),
    *("🦔" * 5_000, "\u202egnp.exe", "\u200f\u2066rtl\u2069", "a\x00b", "\x01\x08\x0b\x1f\x7f\x9f"),
    *("\ufffe\uffff", "two\r\nlines", "one\rline", "\ttab\t", " blanks around ", "\n"),
    *("x" * 40_000, "🦔" * 20_000, "x" + "🦔" * 20_000, "-", "é" * 32_767),
]


class TestHostileTexts:
    def test_no_cell_is_more_than_a_text(self):
        content = format_workbook({"comments": comment_table(*HOSTILE)})
        sheet, texts = read_sheet(content), read_texts(content)
        assert sheet.max_row == len(HOSTILE) + 1
        for row, text in zip(sheet.iter_rows(min_row=2), HOSTILE, strict=True):
            comment = row[3]
            assert comment.data_type == "s"
            assert comment.hyperlink is None
            assert texts[comment.coordinate] == clean_text(text)

    def test_no_part_of_the_workbook_is_a_formula_or_a_link(self):
        book = ZipFile(io.BytesIO(format_workbook({"comments": comment_table(*HOSTILE)})))
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet and "hyperlink" not in sheet
        assert "xl/worksheets/_rels/sheet1.xml.rels" not in book.namelist()
        assert "<t>forged</t>" not in book.read("xl/sharedStrings.xml").decode()

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=_x0041_x0042_"])
    def test_a_cell_that_somebody_edits_stays_a_text(self, text):
        sheet = read_sheet(format_workbook({"comments": comment_table(text, "plain")}))
        assert [sheet[f"D{row}"].quotePrefix for row in (2, 3)] == [True, False]

    def test_parquet_holds_every_text_as_it_was(self):
        table = read_parquet(format_parquet(comment_table(*HOSTILE)))
        assert table["comment"].to_pylist() == HOSTILE

    def test_csv_alone_has_a_quote_before_what_looks_like_a_formula(self):
        rows = read_csv(comment_table(*HOSTILE))
        assert [row[3] for row in rows[1:]] == [defuse(text) for text in HOSTILE]
        assert rows[1][3] == "'=1+1"

    def test_half_a_character_can_stand_in_no_table(self):
        with pytest.raises(UnicodeEncodeError):
            comment_table("\ud83e")


class TestTextsOfCells:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("two\r\nlines", "two\nlines"),
            ("one\rline", "one\nline"),
            ("\ttab\n", "\ttab\n"),
            ("a\x00b\x1f", "a\ufffdb\ufffd"),
            ("\ud83e\ufffe\uffff", "\ufffd\ufffd\ufffd"),
            ("\x7f\x9f\u202e🦔", "\x7f\x9f\u202e🦔"),
        ],
    )
    def test_what_no_cell_can_hold_is_replaced(self, text, expected):
        assert clean_text(text) == expected

    @given(st.text(st.sampled_from("aé🦔"), max_size=6), st.integers(15_000, 33_000))
    @settings(max_examples=examples(8), deadline=None)
    def test_a_text_is_cut_where_excel_counts_its_characters(self, pattern, times):
        text = pattern * times
        cleaned = clean_text(text)
        units = len(cleaned.encode("utf-16-le")) // 2
        assert units <= LONGEST_TEXT
        if len(text.encode("utf-16-le")) // 2 <= LONGEST_TEXT:
            assert cleaned == text
        else:
            assert cleaned.endswith(CUT)
            assert text.startswith(cleaned.removesuffix(CUT))
            assert units >= LONGEST_TEXT - 1


class TestParquet:
    def test_columns_have_their_types(self):
        schema = read_parquet(format_parquet(team_table())).schema
        assert schema.field("month").type == pa.string()
        assert schema.field("responses").type == pa.int64()
        for name in ("csat_pct", "csat_low", "csat_high", "change_pp", "previous_csat_pct"):
            assert pa.types.is_decimal128(schema.field(name).type)
            assert schema.field(name).type.scale == 2
        assert schema.field("mean_rating").type.scale == 3

    def test_columns_without_a_value_have_the_same_types(self):
        full = team_table()
        without = full.assign(**dict.fromkeys(TEAM_COLUMNS[2:]))
        none = full.iloc[:0]
        schemas = [read_parquet(format_parquet(each)).schema for each in (full, without, none)]
        assert schemas[0] == schemas[1] == schemas[2]

    def test_times_keep_their_zone(self):
        table = read_parquet(format_parquet(comment_table("a")))
        assert table.schema.field("answered_at").type == pa.timestamp("us", "Europe/London")
        assert table["answered_at"][0].as_py() == datetime(
            2026, 10, 14, 11, 30, 5, 250_000, tzinfo=UTC
        )

    def test_a_number_with_more_decimals_than_its_column_is_an_error_not_rounded(self):
        frame = team_table()
        frame.loc[0, "csat_pct"] = Decimal("66.666")
        with pytest.raises(pa.ArrowInvalid):
            format_parquet(frame)

    def test_the_same_table_gives_the_same_bytes(self):
        assert format_parquet(team_table()) == format_parquet(team_table())


def decimals(places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(-1000, 1000, places=places)


instants = st.datetimes(
    datetime(1900, 3, 2),  # noqa: DTZ001
    datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)
VALUES = {
    ColumnType.TEXT: st.one_of(st.text(max_size=20), st.sampled_from(HOSTILE[:30])),
    ColumnType.COUNT: st.integers(-(10**15) + 1, 10**15 - 1),
    ColumnType.PERCENT: decimals(2),
    ColumnType.MEAN: decimals(3),
    ColumnType.MONEY: decimals(6),
    ColumnType.HOURS: decimals(2),
    ColumnType.TIME: instants,
    ColumnType.DAY: st.dates(date(1900, 3, 1), date(9998, 12, 31)),
}
NAMES = {
    ColumnType.TEXT: "comment",
    ColumnType.COUNT: "responses",
    ColumnType.PERCENT: "change_pp",
    ColumnType.MEAN: "mean_rating",
    ColumnType.MONEY: "amount",
    ColumnType.HOURS: "p90_hours",
    ColumnType.TIME: "answered_at",
    ColumnType.DAY: "paid_at",
}
rows_of_all_types = st.lists(
    st.tuples(*(st.one_of(st.none(), VALUES[column_type]) for column_type in NAMES)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=rows_of_all_types)
def test_all_kinds_of_files_hold_the_same_values(rows):
    assert {type_of(name) for name in NAMES.values()} == set(ColumnType)
    frame = pd.DataFrame(rows, columns=list(NAMES.values()), dtype="object")
    texts = read_csv(frame)
    parquet = read_parquet(format_parquet(frame)).to_pylist()
    workbook = format_workbook({"rows": frame})
    strings = read_texts(workbook)
    sheet = read_sheet(workbook)
    cells = [
        [strings.get(cell.coordinate, cell.value) for cell in row]
        for row in sheet.iter_rows(min_row=2)
    ]
    assert texts[0] == list(NAMES.values())
    # openpyxl does not count rows without any value at the end.
    cells += [[None] * len(NAMES)] * (len(rows) - len(cells))
    for row, of_csv, of_parquet, of_sheet in zip(rows, texts[1:], parquet, cells, strict=True):
        columns = zip(NAMES, row, of_csv, of_parquet.values(), of_sheet, strict=True)
        for column_type, value, text, in_parquet, in_cell in columns:
            assert in_parquet == value
            check_csv(column_type, value, text)
            check_cell(column_type, value, in_cell)


def check_csv(column_type: ColumnType, value, text: str) -> None:
    if value is None:
        assert text == ""
    elif column_type is ColumnType.TEXT:
        assert text == defuse(value)
    elif column_type is ColumnType.TIME:
        assert datetime.fromisoformat(text) == value
    else:
        assert text == str(value)


def check_cell(column_type: ColumnType, value, found) -> None:
    if value is None:
        assert found is None
    elif column_type is ColumnType.TEXT:
        assert found == clean_text(value)
    elif column_type is ColumnType.TIME:
        # Excel counts in days, and far in the future finely enough for milliseconds alone.
        assert abs(found - value.replace(tzinfo=None)) < timedelta(milliseconds=1)
    elif column_type is ColumnType.DAY:
        assert found.date() == value
    else:
        assert Decimal(str(found)) == value


class TestFiles:
    @pytest.mark.parametrize(
        ("kind", "begins", "content_type"),
        [
            (ExportKind.CSV, b"month,team,", "text/csv; charset=utf-8"),
            (ExportKind.PARQUET, b"PAR1", "application/vnd.apache.parquet"),
            (
                ExportKind.XLSX,
                b"PK",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ),
        ],
    )
    def test_a_table_is_given_in_the_kind_that_its_name_says(self, kind, begins, content_type):
        assert format_table("teams", team_table(), kind).startswith(begins)
        assert kind.content_type == content_type
        assert ExportKind(kind.value) is kind
        assert name_file("2026-10", "teams", kind) == f"csat-2026-10-teams.{kind.value}"

    def test_csv_is_what_the_monthly_files_are(self):
        frame = comment_table("é 🦔")
        assert format_table("comments", frame, ExportKind.CSV) == format_csv(frame).encode("utf-8")

    def test_the_sheet_has_the_name_of_the_table(self):
        content = format_table("teams", team_table(), ExportKind.XLSX)
        assert read_workbook(content).sheetnames == ["teams"]

    def test_the_name_of_a_range_has_no_dots_within(self):
        named = name_file("2026-10-01..2026-10-28", "teams", ExportKind.CSV)
        assert named == "csat-2026-10-01_2026-10-28-teams.csv"
