"""Files: cells that read back as they were, no formulas, and whole files or none."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.output_files import (
    OutputError,
    _put_in_place,
    defuse,
    format_csv,
    write_file,
    write_files,
)

HOSTILE = [
    "plain",
    'a "quoted" word',
    "comma, semicolon; tab\t.",
    "two\nlines",
    "two\r\nlines",
    "lone\rreturn",
    "\nleading and trailing\n",
    ' "',
    " spaces ",
    "日本語 🦔 é e\u0301 \u2028\u2029\x85\x0b\x0c",
    "\ufeffmark",
    "\\N",
    "NA",
    "0012",
    "1e5",
    "'",
]


def read_with_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def read_with_pandas(text: str) -> list[list[str]]:
    source = io.BytesIO(text.encode("utf-8"))
    frame = pd.read_csv(source, dtype="str", keep_default_na=False, encoding="utf-8")
    return [list(frame.columns), *frame.to_numpy().tolist()]


class TestCells:
    @pytest.mark.parametrize("read", [read_with_csv, read_with_pandas])
    def test_hostile_texts_read_back_as_they_were(self, read):
        frame = pd.DataFrame({"comment": HOSTILE, "team": HOSTILE[::-1], "n": "x"})
        rows = [["comment", "team", "n"]]
        rows += [[a, b, "x"] for a, b in zip(HOSTILE, HOSTILE[::-1], strict=True)]
        assert read(format_csv(frame)) == rows

    @given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
    def test_any_text_reads_back_but_for_its_defusing(self, texts):
        # No surrogates reach a file: the sources replace them (test_export.py).
        texts = [tuple(t.encode("utf-8", "replace").decode() for t in pair) for pair in texts]
        text = format_csv(pd.DataFrame(texts, columns=["a", "b"]))
        assert read_with_csv(text) == [["a", "b"], *([defuse(c) for c in row] for row in texts)]

    def test_every_row_ends_in_a_newline_and_the_first_is_the_header(self):
        assert format_csv(pd.DataFrame({"a": [1], "b": ["x"]})) == "a,b\n1,x\n"
        assert format_csv(pd.DataFrame(columns=["a", "b"])) == "a,b\n"

    def test_values_are_written_for_machines(self):
        cells = {
            "decimal": [Decimal("0.50")],
            "big": [10**12],
            "none": [None],
            "nan": [float("nan")],
            "missing": [pd.NA],
            "time": [datetime(2026, 10, 25, 0, 30, tzinfo=UTC).astimezone(LONDON)],
        }
        text = format_csv(pd.DataFrame(cells, dtype="object"))
        assert text.splitlines()[1] == "0.50,1000000000000,,,,2026-10-25T01:30:00+01:00"

    def test_missing_whole_numbers_do_not_turn_the_others_into_fractions(self):
        frame = pd.DataFrame({"rating": pd.Series([4, None], dtype="Int64"), "x": "y"})
        assert format_csv(frame) == "rating,x\n4,y\n,y\n"


LONDON = ZoneInfo("Europe/London")


class TestDefusing:
    @pytest.mark.parametrize(
        "text", ["=1+1", "+49 30", "-1", "@SUM(A1)", "\t=1", "\r=1", "=", '=HYPERLINK("x")']
    )
    def test_what_a_spreadsheet_would_run_gets_a_quote_in_front(self, text):
        frame = pd.DataFrame({"comment": [text], "team": ["x"]})
        assert read_with_csv(format_csv(frame))[1] == [f"'{text}", "x"]

    @pytest.mark.parametrize("text", ["", "1-1", " =1", "\n=1", "'=1", "a@b", "–"])
    def test_other_texts_stay_as_they_are(self, text):
        assert defuse(text) == text

    def test_headers_are_cells_too(self):
        assert format_csv(pd.DataFrame({"=1+1": [1]})) == "'=1+1\n1\n"

    def test_a_negative_number_is_no_formula(self):
        frame = pd.DataFrame({"change_pp": [Decimal("-33.33")]}, dtype="object")
        assert format_csv(frame) == "change_pp\n-33.33\n"


def content(folder: Path) -> dict[str, str]:
    """Every file of a folder, hidden ones too."""
    return {p.name: p.read_text("utf-8") if p.is_file() else "" for p in folder.iterdir()}


class TestWriting:
    def test_files_are_utf_8_and_newlines_stay_newlines(self, tmp_path):
        write_files(tmp_path / "a" / "b", {"one.csv": "é\n", "two.csv": "x\r\n"})
        assert (tmp_path / "a" / "b" / "one.csv").read_bytes() == b"\xc3\xa9\n"
        assert (tmp_path / "a" / "b" / "two.csv").read_bytes() == b"x\r\n"

    def test_earlier_files_are_replaced_and_others_left_alone(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        for text in ("old", "new"):
            write_files(tmp_path, {"one.csv": text, "two.csv": text})
        assert content(tmp_path) == {"notes.txt": "mine", "one.csv": "new", "two.csv": "new"}

    @pytest.mark.parametrize("name", ["a.csv", "m.csv", "z.csv"])
    def test_a_failure_in_the_middle_leaves_what_was_there(self, tmp_path, name):
        out = tmp_path / "out"
        old = {"b.csv": "old b", "n.csv": "old n"}
        write_files(out, old)
        (out / name).mkdir()  # a file cannot take its place
        new = {"a.csv": "new", "b.csv": "new", "m.csv": "new", "n.csv": "new", "z.csv": "new"}
        with pytest.raises(OutputError, match="cannot be written"):
            write_files(out, new)
        assert content(out) == {**old, name: ""}

    def test_a_failure_while_files_are_put_in_place_brings_the_earlier_ones_back(self, tmp_path):
        beside, folder = tmp_path / "beside", tmp_path / "folder"
        write_files(folder, {"a.csv": "old a", "old.csv": "old"})
        write_files(beside, {"a.csv": "new", "b.csv": "new"})
        with pytest.raises(FileNotFoundError):
            _put_in_place(beside, folder, ["a.csv", "b.csv", "lost.csv"], ["old.csv"])
        assert content(folder) == {"a.csv": "old a", "old.csv": "old"}

    def test_what_belongs_to_the_files_that_stood_there_goes_with_them(self, tmp_path):
        write_files(tmp_path, {"a.csv": "old", "b.csv": "old", "notes.txt": "mine"})
        write_files(tmp_path, {"a.csv": "new"}, replacing=["a.csv", "b.csv"])
        assert content(tmp_path) == {"a.csv": "new", "notes.txt": "mine"}

    def test_a_text_that_cannot_be_encoded_leaves_what_was_there(self, tmp_path):
        write_files(tmp_path, {"a.csv": "old"})
        with pytest.raises(UnicodeEncodeError):
            write_files(tmp_path, {"a.csv": "new", "b.csv": "\ud800"})
        assert content(tmp_path) == {"a.csv": "old"}

    def test_one_file_likewise(self, tmp_path):
        write_file(tmp_path / "new" / "counts.csv", b"old")
        write_file(tmp_path / "new" / "counts.csv", b"new")
        assert content(tmp_path / "new") == {"counts.csv": "new"}

    @pytest.mark.parametrize("where", ["/proc/nowhere", "file/below", "file"])
    def test_an_unwritable_place_is_named(self, tmp_path, where):
        (tmp_path / "file").write_text("a file, not a folder")
        with pytest.raises(OutputError, match="cannot be written"):
            write_files(tmp_path / where, {"a.csv": "x"})
        with pytest.raises(OutputError, match="cannot be written"):
            write_file(tmp_path / where / "a.csv", b"x")
