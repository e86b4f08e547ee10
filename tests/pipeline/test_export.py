"""PostHog's export files: every kind reads the same, and bad ones are named, with the row."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.sources.base import SourceError
from tests.support.events import (
    NOON,
    json_line,
    make_event,
    parquet_table,
    read_export,
    write_jsonl,
    write_packed,
    write_parquet,
)
from tests.support.settings import make_settings

# Without a secret: events are believed.
SETTINGS = make_settings(secret_key=(), rating_question_id="R", comment_question_id="C")

EVENTS = [
    make_event("u0", name="survey shown"),
    make_event("u1", **{"$survey_response_C": 'Quick,\r\nand "kind" 🦔', "link_trust": "signed"}),
    make_event("u2", at=NOON + timedelta(days=40), distinct_id=None, ticketId=43),
    make_event("u3", name="$pageview", properties={}),
    make_event("u2", at=NOON + timedelta(days=40), distinct_id=None, ticketId=43),
    make_event("u4", properties={}),
]


def write(folder: Path, name: str, **options) -> Path:
    kind = write_parquet if ".parquet" in name.lower() else write_jsonl
    return kind(folder / name, EVENTS, **options)


def only_row(path: Path) -> pd.Series:
    frame = read_export(path, SETTINGS)
    assert len(frame) == 1
    return frame.iloc[0]


class TestKinds:
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            *(("x.parquet", {"compression": c}) for c in ("zstd", "snappy", "gzip", "none")),
            ("2026-10-01-2026-11-01.parquet.zst", {}),
            ("X.PARQUET", {}),
            ("x.jsonl", {}),
            ("x.jsonl", {"properties_as_text": True}),
            ("x.jsonl.gz", {}),
            ("x.jsonl.br", {}),
        ],
    )
    def test_every_kind_gives_the_same_answers(self, tmp_path, name, options):
        frame = read_export(write(tmp_path, name, **options), SETTINGS)
        assert list(frame["uuid"]) == ["u1", "u2", "u2", "u4"]
        assert list(frame["is_duplicate"]) == [False, False, True, False]
        first, second = frame.iloc[0], frame.iloc[1]
        assert (first["ticket_id"], first["rating"], first["team"]) == ("42", 4, "surveys")
        assert (first["comment"], first["link_trust"]) == ('Quick,\r\nand "kind" 🦔', "signed")
        assert (first["distinct_id"], first["answered_at"]) == ("jane", NOON)
        assert (second["ticket_id"], second["distinct_id"]) == ("43", "ticket:43")
        assert frame.iloc[3][["ticket_id", "rating", "comment"]].isna().all()

    def test_many_batches_count_their_rows_through(self, tmp_path):
        many = [make_event(f"u{i}", ticketId=i) for i in range(70_000)]
        many[66_000]["properties"] = None
        table = parquet_table(many)
        texts = table.column("properties").to_pylist()
        texts[69_999] = "{"
        pq.write_table(table.set_column(4, "properties", pa.array(texts)), tmp_path / "x.parquet")
        with pytest.raises(SourceError, match=r"x\.parquet, row 70000: properties are not JSON"):
            read_export(tmp_path / "x.parquet", SETTINGS)

    def test_a_gz_of_several_members_is_read_to_its_end(self, tmp_path):
        members = [gzip.compress(f"{json_line(make_event(u))}\n".encode()) for u in "abc"]
        (tmp_path / "x.jsonl.gz").write_bytes(b"".join(members))
        assert list(read_export(tmp_path / "x.jsonl.gz", SETTINGS)["uuid"]) == ["a", "b", "c"]

    def test_blank_lines_windows_line_ends_and_a_mark_at_the_start_do_not_matter(self, tmp_path):
        line = json_line(make_event())
        (tmp_path / "x.jsonl").write_bytes(b"\xef\xbb\xbf" + f"{line}\r\n\r\n\n{line}".encode())
        assert len(read_export(tmp_path / "x.jsonl", SETTINGS)) == 2

    def test_a_file_without_answers_has_none(self, tmp_path):
        shown = [make_event(name="survey shown")]
        for path in (
            write_jsonl(tmp_path / "x.jsonl", shown),
            write_parquet(tmp_path / "x.parquet", shown),
            write_parquet(tmp_path / "y.parquet", []),
        ):
            assert len(read_export(path, SETTINGS)) == 0

    def test_columns_that_are_new_or_missing_but_not_needed_do_not_matter(self, tmp_path):
        table = parquet_table([make_event()]).drop_columns(["person_id", "_inserted_at"])
        pq.write_table(table.append_column("new", pa.array([[1]])), tmp_path / "x.parquet")
        assert only_row(tmp_path / "x.parquet")["ticket_id"] == "42"


class TestValues:
    @pytest.mark.parametrize(
        ("rating", "read"),
        [
            *((4, 4), ("4", 4), (4.0, 4), ("4.0", 4), (" 5 ", 5)),
            *((0, None), (6, None), (100, None), ("0", None), (None, None), ("", None)),
            *((float("nan"), None), (float("inf"), None), (10**400, None), (4.5, None)),
            *((True, None), ([4], None), ({"4": 4}, None), ("4\x00", None)),
        ],
    )
    @pytest.mark.parametrize("name", ["x.parquet", "x.jsonl"])
    def test_ratings_of_the_history(self, tmp_path, name, rating, read):
        event = make_event(properties={"ticketId": 42, "$survey_response": rating})
        kind = write_parquet if ".parquet" in name else write_jsonl
        row = only_row(kind(tmp_path / name, [event]))
        assert (None if pd.isna(row["rating"]) else row["rating"]) == read

    @pytest.mark.parametrize("name", ["x.parquet", "x.jsonl"])
    def test_half_characters_become_question_marks(self, tmp_path, name):
        half = "half \ud83e"
        texts = dict.fromkeys(("ticketId", "$survey_response_1", "team"), half)
        event = make_event(properties={**texts, "$survey_id": half, "link_trust": half})
        event["distinct_id"] = half if name == "x.jsonl" else "half ?"
        kind = write_parquet if name == "x.parquet" else write_jsonl
        row = only_row(kind(tmp_path / name, [event]))
        assert [row[n] for n in ("ticket_id", "comment", "distinct_id")] == ["half ?"] * 3
        assert (row["team"], row["link_trust"]) == ("half", "unverified")

    def test_half_characters_in_copies_do_not_stop_the_comparison(self, tmp_path):
        copies = [make_event(**{"$survey_response_1": text}) for text in ("\ud83e", "\udd94", "x")]
        frame = read_export(write_jsonl(tmp_path / "x.jsonl", copies), SETTINGS)
        assert list(frame["is_duplicate"]) == [True, True, False]

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("2026-10-14T12:00:00.123456+00:00", NOON),
            ("2026-10-14T12:00:00.123456Z", NOON),
            ("2026-10-14 12:00:00.123456", NOON),
            ("2026-10-14T13:00:00.123456+01:00", NOON),
            ("2026-10-14T12:00:00.123456999Z", NOON),
            ("2026-10-14T12:00:00Z", NOON.replace(microsecond=0)),
        ],
    )
    def test_times_as_text_are_utc_unless_they_say_otherwise(
        self, tmp_path, machine_far_from_utc, written, read
    ):
        line = json.dumps({**make_event(), "timestamp": written})
        assert only_row(write_packed(tmp_path / "x.jsonl", line))["answered_at"] == read

    @pytest.mark.parametrize(
        "kind",
        [
            pa.timestamp("us", "UTC"),
            pa.timestamp("us"),
            pa.timestamp("ns", "UTC"),
            pa.timestamp("us", "America/New_York"),
            pa.string(),
            pa.large_string(),
        ],
    )
    def test_times_in_parquet_are_the_same_instant_in_every_type(self, tmp_path, kind):
        times = pa.array([NOON.replace(tzinfo=None)], pa.timestamp("us"))
        if isinstance(kind, pa.TimestampType) and kind.tz:
            times = times.cast(pa.timestamp("us", "UTC"))
        table = parquet_table([make_event()]).set_column(7, "timestamp", times.cast(kind))
        pq.write_table(table, tmp_path / "x.parquet")
        assert only_row(tmp_path / "x.parquet")["answered_at"] == NOON

    def test_finer_than_microseconds_is_cut_off_never_rounded_up(self, tmp_path):
        end = datetime(2026, 10, 31, 23, 59, 59, 999999, UTC)
        nanoseconds = pa.array([int(end.timestamp()) * 10**9 + 999_999_999], pa.int64())
        table = parquet_table([make_event()]).set_column(
            7, "timestamp", nanoseconds.cast(pa.timestamp("ns", "UTC"))
        )
        pq.write_table(table, tmp_path / "x.parquet")
        assert only_row(tmp_path / "x.parquet")["answered_at"] == end

    @pytest.mark.parametrize("quote", ["", '"'])
    def test_a_ticket_has_up_to_200_characters(self, tmp_path, quote):
        for digits, is_ticket in ((200, True), (201, False), (4000, False)):
            ticket = quote + "9" * digits + quote
            line = json_line(make_event()).replace('"42"', ticket)
            row = only_row(write_packed(tmp_path / "x.jsonl", line))
            assert pd.notna(row["ticket_id"]) is is_ticket


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as refused:
        read_export(path, SETTINGS)
    assert str(path) in str(refused.value)
    return str(refused.value)


GOOD = json_line(make_event())
DEEP = "[" * 100_000 + "]" * 100_000


class TestBadLines:
    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (GOOD[: len(GOOD) // 2], "not JSON"),
            ("hello", "not JSON"),
            ("\x00", "not JSON"),
            (GOOD.replace('"42"', DEEP), "nested more than 800 deep"),
            (GOOD.replace('"42"', "9" * 5000), "not JSON"),
            (DEEP, "nested more than 800 deep"),
            ("[1]", "no field event"),
            ('"survey sent"', "no field event"),
            ("null", "no field event"),
            ("{}", "no field event"),
            ('{"event": "survey sent"}', "it has no field uuid, timestamp, properties"),
            (GOOD.replace('"timestamp"', '"time"'), "it has no field timestamp"),
            (GOOD.replace('"uuid"', '"id"'), "it has no field uuid"),
            *(
                (GOOD.replace('"u1"', uuid), "is not a uuid")
                for uuid in ("null", '""', '" "', "1", "[]", '"\\ud800"')
            ),
            *(
                (GOOD.replace(f'"{NOON.isoformat()}"', text), "is not a time")
                for text in ("null", '""', "0", '"yesterday"', '"2026-13-01"', "{}", '"\\ud800"')
            ),
            (GOOD.replace("2026-10-14", "0001-01-01"), "is not a time that an answer can have"),
            (GOOD.replace("2026-10-14", "9999-12-31"), "is not a time that an answer can have"),
            (GOOD.replace("+00:00", "+99:99"), "is not a time"),
            (json.dumps({**make_event(properties={}), "timestamp": "x"}), "is not a time"),
            (json.dumps({**json.loads(GOOD), "properties": "{"}), "properties are not JSON"),
            (json.dumps({**json.loads(GOOD), "properties": DEEP}), "properties are nested more"),
            (json.dumps({**json.loads(GOOD), "properties": "[1]"}), "not a JSON object"),
            (json.dumps({**json.loads(GOOD), "properties": [1]}), "not a JSON object"),
        ],
        ids=lambda value: value[:20],
    )
    def test_the_line_is_named(self, tmp_path, line, reason):
        path = write_packed(tmp_path / "x.jsonl", f"{GOOD}\n\n{line}\n{GOOD}\n")
        message = refusal(path)
        assert "line 3" in message
        assert reason in message

    def test_a_line_that_is_not_utf_8(self, tmp_path):
        path = tmp_path / "x.jsonl"
        path.write_bytes(GOOD.replace("jane", "J\xfcrgen").encode("latin-1"))
        assert "line 1: not UTF-8" in refusal(path)

    def test_a_message_shows_nothing_that_a_customer_wrote(self, tmp_path):
        line = json_line(make_event(**{"$survey_response_1": "between us"}))
        message = refusal(write_packed(tmp_path / "x.jsonl", line[:-3]))
        assert "between us" not in message
        assert "jane" not in message


class TestBadFiles:
    @pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.br"])
    def test_a_packed_file_that_was_cut_anywhere_is_refused(self, tmp_path, name):
        path = write_jsonl(tmp_path / name, EVENTS)
        whole = path.read_bytes()
        for cut in range(0, len(whole), 7):
            path.write_bytes(whole[:cut])
            refusal(path)

    def test_a_parquet_file_that_was_cut_anywhere_is_refused(self, tmp_path):
        path = write_parquet(tmp_path / "x.parquet", EVENTS)
        whole = path.read_bytes()
        for cut in range(0, len(whole), 101):
            path.write_bytes(whole[:cut])
            refusal(path)

    @pytest.mark.parametrize("name", ["x.parquet", "x.parquet.zst", "x.jsonl.gz", "x.jsonl.br"])
    def test_a_text_file_by_another_name_is_refused(self, tmp_path, name):
        (tmp_path / name).write_text("hello\n" * 100)
        refusal(tmp_path / name)

    @pytest.mark.parametrize("name", ["x.parquet", "x.jsonl", "x.jsonl.gz", "x.jsonl.br"])
    def test_an_empty_file_was_not_fetched_whole(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"")
        assert "is empty" in refusal(tmp_path / name)

    def test_a_parquet_file_of_something_else_says_what_is_missing(self, tmp_path):
        pq.write_table(pa.table({"uuid": ["u1"], "person": ["jane"]}), tmp_path / "x.parquet")
        message = refusal(tmp_path / "x.parquet")
        assert "it has no column event, distinct_id, properties, timestamp" in message

    @pytest.mark.parametrize(
        ("position", "name", "column"),
        [
            (0, "uuid", pa.array([1])),
            (1, "event", pa.array([b"survey sent"])),
            (4, "properties", pa.array([[("ticketId", "42")]], pa.map_(pa.string(), pa.string()))),
            (7, "timestamp", pa.array([1_791_979_200])),
            (7, "timestamp", pa.array([NOON.date()])),
        ],
    )
    def test_a_column_of_another_type_is_named(self, tmp_path, position, name, column):
        table = parquet_table([make_event()]).set_column(position, name, column)
        pq.write_table(table, tmp_path / "x.parquet")
        assert f"the column {name} holds" in refusal(tmp_path / "x.parquet")

    @pytest.mark.parametrize(
        ("position", "name", "column", "reason"),
        [
            (0, "uuid", pa.array([None], pa.string()), "None is not a uuid"),
            (4, "properties", pa.array(["{'ticketId': 42}"]), "properties are not JSON"),
            (4, "properties", pa.array(["42"]), "properties are not a JSON object"),
            (4, "properties", pa.array([DEEP]), "properties are nested more"),
            (7, "timestamp", pa.array([None], pa.timestamp("us", "UTC")), "None is not a time"),
            (7, "timestamp", pa.array([10**18]).cast(pa.timestamp("us", "UTC")), "out of range"),
            (7, "timestamp", pa.array(["soon"]), "'soon' is not a time"),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_a_bad_value_is_named_with_its_row(self, tmp_path, position, name, column, reason):
        good = parquet_table([make_event(), make_event("u2", name="survey shown")])
        bad = parquet_table([make_event("u3")]).set_column(position, name, column)
        if bad.schema != good.schema:
            good = good.set_column(position, name, pa.array([NOON.isoformat()] * 2))
        pq.write_table(pa.concat_tables([good, bad]), tmp_path / "x.parquet")
        message = refusal(tmp_path / "x.parquet")
        assert "row 3:" in message
        assert reason in message

    @pytest.mark.parametrize("name", ["distinct_id", "properties"])
    def test_text_that_is_not_utf_8_is_named_with_its_row(self, tmp_path, name):
        table = parquet_table([make_event()])
        broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
        position = table.schema.get_field_index(name)
        pq.write_table(table.set_column(position, name, broken), tmp_path / "x.parquet")
        assert "row 1:" in refusal(tmp_path / "x.parquet")

    def test_a_folder_a_missing_file_and_another_kind_say_so(self, tmp_path):
        (tmp_path / "x.csv").write_text("uuid\n")
        assert "holds no export files" in refusal(tmp_path)
        assert "does not exist" in refusal(tmp_path / "none.parquet")
        assert "neither .parquet nor .jsonl" in refusal(tmp_path / "x.csv")
        assert "cannot be read" in refusal(tmp_path / ("x" * 300 + ".jsonl"))
