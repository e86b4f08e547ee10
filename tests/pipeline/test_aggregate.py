"""`csat aggregate` as a person runs it: counts in a file, or a reason and no file."""

import csv
import subprocess
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from survey.store.database import Database
from survey.store.voids import void_ticket
from tests.support.command import run_csat
from tests.support.events import (
    NOON,
    json_line,
    make_event,
    parquet_table,
    write_jsonl,
    write_packed,
    write_parquet,
)

EVENTS = [
    make_event("u1", distinct_id="ann", team="Web analytics", **{"$survey_response": 5}),
    make_event("u1", distinct_id="ann", team="Web analytics", **{"$survey_response": 5}),
    make_event("u2", ticketId=43, distinct_id="bob", team=None, **{"$survey_response": 2}),
    make_event("u3", ticketId=44, distinct_id="cem", team="=cmd", **{"$survey_response": 0}),
    make_event("u4", ticketId=45, distinct_id="robot", **{"$survey_response": 5}),
    make_event("u5", at=NOON.replace(month=9, day=30, hour=23), ticketId="é,\n", team="Équipe"),
]
MONTH = ("--month", "2026-10")
COUNTS = [
    ["month", "team", "rating", "responses"],
    ["2026-10", "unassigned", "2", "1"],
    ["2026-10", "web_analytics", "5", "1"],
    ["2026-10", "équipe", "4", "1"],
]


def aggregate(folder: Path, source: str, out: str = "counts.csv", **settings: str):
    """The command, writing to a file of `folder`; without other settings there is no store."""
    defaults = {"CSAT_DATABASE_URL": f"sqlite:///{folder}/none.db"}
    return run_csat(
        "aggregate", "--source", source, "--out", str(folder / out), **{**defaults, **settings}
    )


def check_refused(
    done: subprocess.CompletedProcess[str], folder: Path, *reasons: str, code: int = 1
) -> None:
    """It said why, in words, and left no file behind."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for reason in reasons:
        assert reason in done.stderr
    left = [path.name for path in folder.iterdir() if path.name.startswith(("counts", ".writing"))]
    assert left == []


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl.gz"])
def test_counts_of_an_export(tmp_path, name):
    write = write_parquet if name == "x.parquet" else write_jsonl
    path = write(tmp_path / name, EVENTS)
    done = aggregate(tmp_path, f"export:{path}", CSAT_TEST_DISTINCT_IDS="robot")
    assert done.returncode == 0, done.stderr
    assert "3 responses of 6 answers" in done.stdout
    text = (tmp_path / "counts.csv").read_bytes().decode("utf-8")
    assert "\r" not in text
    assert list(csv.reader(text.splitlines())) == COUNTS
    assert not (tmp_path / "none.db").exists()


def test_counts_of_a_store_as_parquet_and_its_voids_apply_to_exports_too(tmp_path, settings):
    url = settings.database_url
    assert run_csat("db", "upgrade", CSAT_DATABASE_URL=url).returncode == 0
    store = Database(url)
    with store.writing() as session:
        void_ticket(session, "42", "a test of ours", NOON)
    store.close()

    done = aggregate(tmp_path, "database", "counts.parquet", CSAT_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    frame = pd.read_parquet(tmp_path / "counts.parquet")
    assert list(frame.columns) == COUNTS[0]
    assert frame.empty

    path = write_jsonl(tmp_path / "x.jsonl", EVENTS)
    done = aggregate(tmp_path, f"export:{path}", CSAT_DATABASE_URL=url, CSAT_SURVEY_NAME="x")
    assert done.returncode == 0, done.stderr
    teams = pd.read_csv(tmp_path / "counts.csv")["team"]
    assert list(teams) == ["surveys", "unassigned", "équipe"]


def test_a_missing_database_is_said_to_be_missing_and_not_made(tmp_path):
    done = aggregate(tmp_path, "database")
    check_refused(done, tmp_path, "there is no database at", "none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path):
    (tmp_path / "none.db").write_text("hello\n" * 1000)
    check_refused(aggregate(tmp_path, "database"), tmp_path, "the database cannot be used")


BROKEN = json_line(make_event())[:-20]
NESTED = json_line(make_event()).replace('"42"', "[" * 50_000)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("cut.jsonl", f"{json_line(make_event())}\n{BROKEN}", "cut.jsonl, line 2: not JSON"),
        ("deep.jsonl", NESTED, "deep.jsonl, line 1: nested more than 800 deep"),
        ("x.parquet", "hello", "x.parquet is not a whole Parquet file"),
    ],
)
def test_a_bad_text_file_is_named_and_nothing_written(tmp_path, name, content, reason):
    path = write_packed(tmp_path / name, content)
    check_refused(aggregate(tmp_path, f"export:{path}"), tmp_path, reason)


def test_a_file_cut_short_is_named_and_earlier_counts_stay(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl.gz", EVENTS)
    path.write_bytes(path.read_bytes()[:-9])
    (tmp_path / "counts.csv").write_text("earlier")
    done = aggregate(tmp_path, f"export:{path}")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "x.jsonl.gz cannot be unpacked" in done.stderr
    assert (tmp_path / "counts.csv").read_text() == "earlier"


def test_a_bad_row_of_a_parquet_file_is_named(tmp_path):
    table = parquet_table([*EVENTS[:3], make_event("u9")])
    texts = [*table.column("properties").to_pylist()[:3], "{'ticketId': 42}"]
    pq.write_table(table.set_column(4, "properties", pa.array(texts)), tmp_path / "x.parquet")
    done = aggregate(tmp_path, f"export:{tmp_path}/x.parquet")
    check_refused(done, tmp_path, "x.parquet, row 4: properties are not JSON")


def test_a_missing_file_is_said_to_be_so(tmp_path):
    done = aggregate(tmp_path, f"export:{tmp_path}/none.parquet")
    check_refused(done, tmp_path, "none.parquet does not exist")


def test_an_unknown_source_is_bad_usage(tmp_path):
    check_refused(aggregate(tmp_path, "posthog-export:x"), tmp_path, "--source", code=2)


def test_an_unwritable_place_is_a_clear_error(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", EVENTS)
    done = aggregate(tmp_path, f"export:{path}", "x.jsonl/counts.csv")
    check_refused(done, tmp_path, "x.jsonl/counts.csv cannot be written")


def test_a_place_below_a_file_is_named_as_what_it_is(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", EVENTS)
    (tmp_path / "file").write_text("here")
    for command in (("aggregate", "--out", "{}/counts.csv"), ("report", *MONTH, "--out", "{}/out")):
        for place in ("file", "file/deeper"):
            done = run_csat(
                *(word.format(tmp_path / place) for word in command),
                *("--source", f"export:{path}"),
                CSAT_DATABASE_URL=f"sqlite:///{tmp_path}/none.db",
            )
            check_refused(done, tmp_path, f"{tmp_path}/file is a file, not a folder")


def test_a_place_behind_a_link_that_leads_nowhere_is_named(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", EVENTS)
    (tmp_path / "out").symlink_to("gone")
    done = aggregate(tmp_path, f"export:{path}", "out/counts.csv")
    check_refused(done, tmp_path, f"{tmp_path}/out is a link to gone, which does not exist")


@pytest.mark.parametrize(
    ("month", "code"), [("0999-12", 2), ("1000-01", 0), ("1001-01", 0), ("9998-12", 0)]
)
def test_reports_of_months_at_the_ends_of_the_calendar(tmp_path, month, code):
    path = write_jsonl(tmp_path / "x.jsonl", EVENTS)
    done = run_csat(
        *("report", "--month", month, "--out", str(tmp_path / "out")),
        *("--source", f"export:{path}"),
        CSAT_DATABASE_URL=f"sqlite:///{tmp_path}/none.db",
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
