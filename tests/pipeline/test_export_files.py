"""Which files `export:PATH` names, and that none of them is read in part without a word."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.events import DEEPEST
from pipeline.sources import parquet
from pipeline.sources.base import SourceError
from pipeline.sources.cache import PartialCache
from pipeline.sources.export import ExportSource
from survey.counting_rules import CountingRules
from tests.support.events import (
    NOON,
    Event,
    json_line,
    make_event,
    parquet_table,
    write_jsonl,
    write_packed,
    write_parquet,
)
from tests.support.permissions import restrained
from tests.support.s3 import BUCKET, serving_s3
from tests.support.settings import make_settings

SETTINGS = make_settings(rating_question_id="R", comment_question_id="C")
RULES = CountingRules.of(SETTINGS)
# Still October in London, November in Auckland.
EDGE = datetime(2026, 10, 31, 12, 0, 0, tzinfo=UTC)
UUID = "0192f1a4-6d2e-7c3b-9a58-{:012x}"


def answers(*tickets: int) -> list[Event]:
    return [make_event(UUID.format(ticket), ticketId=ticket) for ticket in tickets]


def ignore(_read: int) -> None:
    pass


def count(
    path: object, cache: Path | None = None, on_progress: Callable[[int], None] = ignore
) -> tuple[int, int]:
    """How many answers and how many responses a source has."""
    source = ExportSource(str(path), RULES, PartialCache(cache) if cache else None)
    totals = source.count_months(on_progress)
    return totals.received, int(totals.counts["responses"].sum())


def refusal(path: object, **options) -> str:
    with pytest.raises(SourceError) as refused:
        count(path, **options)
    return str(refused.value)


def months(path: object) -> set[str]:
    counts = ExportSource(str(path), RULES).count_months(ignore).counts
    return set(counts["month"])


# Patterns to a shell, and folders that others take for columns.
HOSTILE_NAMES = [
    *("ab[1].parquet", "a*.parquet", "a?1.parquet", "a{b}1.parquet", "a\\b.parquet"),
    *("a b#%41.parquet", "event=pageview/a.parquet", "timestamp=2025-01-01/a.parquet"),
    "file_index=7/a.parquet",
]


class TestNames:
    @pytest.mark.parametrize(
        ("name", "compression"),
        [
            *((".parquet", "none"), (".parquet.zst", "zstd"), (".parquet.lz4", "lz4")),
            *((".parquet.sz", "snappy"), (".parquet.gz", "gzip"), (".parquet.br", "brotli")),
        ],
    )
    def test_parquet_in_every_compression(self, tmp_path, name, compression):
        path = tmp_path / f"2026-10-01T00:00:00-2026-10-02T00:00:00{name}"
        write_parquet(path, answers(1, 2), compression)
        assert count(path) == (2, 2)

    def test_a_folder_is_read_with_all_folders_in_it(self, tmp_path):
        (tmp_path / "2026" / "10").mkdir(parents=True)
        write_parquet(tmp_path / "2026" / "10" / "a.parquet", answers(1))
        write_jsonl(tmp_path / "2026" / "b.jsonl.gz", answers(2))
        write_jsonl(tmp_path / "c.jsonl.br", answers(3))
        assert count(tmp_path) == (3, 3)

    def test_what_else_lies_in_a_folder_does_not_matter(self, tmp_path):
        write_parquet(tmp_path / "a.parquet", answers(1))
        for name in ("README.md", ".DS_Store", ".a.parquet.crc", "x.csv"):
            (tmp_path / name).write_text("hello")
        assert count(tmp_path) == (1, 1)

    def test_a_pattern_reads_what_it_matches(self, tmp_path):
        for i in range(4):
            write_parquet(tmp_path / f"2026-0{i}.parquet", answers(i))
        assert count(tmp_path / "2026-0[12].parquet") == (2, 2)
        assert count(tmp_path / "**" / "*.parquet") == (4, 4)

    def test_a_file_whose_name_looks_like_a_pattern(self, tmp_path):
        write_parquet(tmp_path / "x[1].parquet", answers(1))
        assert count(tmp_path / "x[1].parquet") == (1, 1)

    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    def test_any_name_is_read_as_it_stands(self, tmp_path, name):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_parquet(tmp_path / "ab1.parquet", answers(1, 2))
        write_parquet(tmp_path / name, answers(3, 4))
        assert count(tmp_path) == (4, 4)
        (tmp_path / "ab1.parquet").unlink()
        assert count(tmp_path) == (2, 2)
        assert months(tmp_path) == {"2026-10"}

    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    def test_any_name_at_an_address_is_read_as_it_stands(self, tmp_path, name):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_parquet(tmp_path / "ab1.parquet", answers(1, 2))
        write_parquet(tmp_path / name, answers(3, 4))
        assert count(f"file://{tmp_path}") == (4, 4)

    def test_a_name_that_is_no_text(self, tmp_path):
        write_parquet(tmp_path / "a", answers(1, 2)).rename(
            tmp_path / os.fsdecode(b"a\xff.parquet")
        )
        write_jsonl(tmp_path / os.fsdecode(b"b\xff.jsonl"), answers(3))
        for cache in (tmp_path / "cache", None):
            assert count(tmp_path / "*.jsonl", cache) == (1, 1)
            assert count(tmp_path / "*.parquet", cache) == (2, 2)
        path = tmp_path / os.fsdecode(b"b\xff.jsonl")
        path.write_text("{")
        assert f"{tmp_path}/b\\xff.jsonl, line 1: not JSON" in refusal(path)
        assert ExportSource(str(path), RULES).description == "the PostHog export b\\xff.jsonl"

    def test_links_to_files_and_folders_are_followed_once(self, tmp_path):
        elsewhere, folder = tmp_path / "elsewhere", tmp_path / "exports"
        for place in (elsewhere / "2025", folder / "2026"):
            place.mkdir(parents=True)
        write_parquet(elsewhere / "2025" / "a.parquet", answers(1))
        write_parquet(elsewhere / "b.parquet", answers(2))
        write_parquet(folder / "2026" / "c.parquet", answers(3))
        (folder / "2025").symlink_to(elsewhere / "2025")
        (folder / "again").symlink_to(elsewhere / "2025")
        (folder / "b.parquet").symlink_to(elsewhere / "b.parquet")
        (folder / "2026" / "up").symlink_to(folder)
        for path in (folder, folder / "**" / "*.parquet", f"file://{folder}"):
            assert count(path) == (3, 3)

    def test_a_link_that_leads_nowhere_is_named(self, tmp_path):
        write_parquet(tmp_path / "a.parquet", answers(1))
        for name in ("2025", "b.parquet"):
            link = tmp_path / name
            link.symlink_to("gone")
            reason = f"{link} is a link to gone, which does not exist"
            assert refusal(tmp_path) == refusal(link) == reason
            link.unlink()
        (tmp_path / "around").symlink_to("around")
        assert f"{tmp_path}/around cannot be read: " in refusal(tmp_path)

    def test_what_may_not_be_read_is_named(self, tmp_path):
        (tmp_path / "2025").mkdir()
        write_parquet(tmp_path / "2025" / "a.parquet", answers(1))
        write_parquet(tmp_path / "b.parquet", answers(2))
        write_jsonl(tmp_path / "c.jsonl", answers(3))
        for name, paths in {
            "2025": ["", "2025", "*/*.parquet", "**/*.parquet", "2025/a.parquet"],
            "2025/a.parquet": ["", "2025/a.parquet"],
            "b.parquet": ["", "*.parquet"],
            "c.jsonl": ["c.jsonl"],
        }.items():
            place = tmp_path / name
            mode = place.stat().st_mode
            place.chmod(0)
            for path in paths:
                with restrained():
                    message = refusal(tmp_path / path)
                assert message.startswith(f"{place}"), path
                assert message.endswith(" cannot be read: Permission denied"), path
            place.chmod(mode)
        assert count(tmp_path) == (3, 3)

    def test_a_folder_of_a_server_that_may_not_be_read_is_named(self, tmp_path, monkeypatch):
        memory = fsspec.filesystem("memory")
        write_parquet(tmp_path / "a.parquet", answers(1))
        memory.put(str(tmp_path), "/exports", recursive=True)
        memory.put(str(tmp_path), "/exports/2025", recursive=True)
        list_folder = type(memory).ls

        def refuse(self, path, *args, **options):
            if path.endswith("2025"):
                raise PermissionError(13, "Permission denied", path)
            return list_folder(self, path, *args, **options)

        monkeypatch.setattr(type(memory), "ls", refuse)
        try:
            assert "/exports/2025 cannot be read: Perm" in refusal("memory://exports")
        finally:
            monkeypatch.undo()
            memory.rm("/exports", recursive=True)

    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("nothing-*.parquet", "matches no file"),
            ("empty", "holds no export files"),
            ("missing", "does not exist"),
            ("ftp", "does not exist"),
        ],
    )
    def test_nothing_to_read_is_said(self, tmp_path, path, reason):
        (tmp_path / "empty").mkdir()
        assert reason in refusal(tmp_path / path)

    def test_addresses_that_fsspec_knows(self, tmp_path):
        memory = fsspec.filesystem("memory")
        write_parquet(tmp_path / "a.parquet", answers(1))
        write_jsonl(tmp_path / "b.jsonl.gz", answers(1, 2))
        memory.put(str(tmp_path), "/exports", recursive=True)
        try:
            assert count("memory://exports") == (3, 2)
            assert count("memory://exports/*.gz") == (2, 2)
            assert count("memory://exports/a.parquet") == (1, 1)
            assert count(f"file://{tmp_path}/a.parquet") == (1, 1)
            assert "matches no file" in refusal("memory://exports/*.br")
            assert "does not exist" in refusal("memory://nowhere")
        finally:
            memory.rm("/exports", recursive=True)

    def test_a_bucket_of_s3(self, tmp_path, monkeypatch):
        folder = tmp_path / "bucket" / "events" / "2026"
        folder.mkdir(parents=True)
        write_parquet(folder / "a.parquet.zst", answers(1, 2), "zstd")
        write_jsonl(folder / "b.jsonl.gz", answers(2, 3))
        cache = tmp_path / "cache"
        with serving_s3(tmp_path / "bucket") as found:
            for name, value in found.items():
                monkeypatch.setenv(name, value)
            assert count(f"s3://{BUCKET}/events/2026/*.parquet.zst") == (2, 2)
            assert count(f"s3://{BUCKET}/events/2026/b.jsonl.gz") == (2, 2)
            assert count(f"s3://{BUCKET}/events", cache) == (4, 3)
            kept = times(cache)
            assert len(kept) == 2
            # An ETag tells that nothing has changed, or that something has.
            assert count(f"s3://{BUCKET}/events", cache) == (4, 3)
            assert times(cache) == kept
            write_jsonl(folder / "b.jsonl.gz", answers(2, 3, 4))
            assert count(f"s3://{BUCKET}/events", cache) == (5, 4)
            assert "s3://nobodys/x does not exist" in refusal("s3://nobodys/x")

    def test_an_address_without_its_package_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "gcsfs", None)
        message = refusal("gs://user:secret@bucket/exports")
        assert "install gcsfs" in message
        assert "csat[s3]" not in message
        assert "secret" not in message

    def test_a_bucket_that_cannot_be_one_is_named_without_a_password(self):
        message = refusal("s3://user:secret@bucket/exports")
        assert message.startswith("s3://user:***@bucket/exports cannot be read: ")
        assert "secret" not in message

    def test_an_address_of_no_kind_that_is_known(self):
        assert "cannot be read" in refusal("nonsense://bucket/exports")


class TestManifests:
    NAME = "2026-10-01T00:00:00-2026-10-02T00:00:00"

    def write(self, folder: Path, *parts: int, manifest: object) -> None:
        for part in parts:
            write_parquet(folder / f"{self.NAME}-{part}.parquet.zst", answers(part))
        (folder / f"{self.NAME}_manifest.json").write_text(json.dumps(manifest))

    def test_all_that_it_lists_is_there(self, tmp_path):
        files = [f"some/prefix/{self.NAME}-{part}.parquet.zst" for part in (0, 1)]
        self.write(tmp_path, 0, 1, manifest={"files": files})
        assert count(tmp_path) == (2, 2)

    def test_a_file_that_it_lists_is_missing(self, tmp_path):
        files = [f"some/prefix/{self.NAME}-{part}.parquet.zst" for part in (0, 1)]
        self.write(tmp_path, 0, manifest={"files": files})
        message = refusal(tmp_path)
        assert f"{self.NAME}_manifest.json lists {self.NAME}-1.parquet.zst" in message

    @pytest.mark.parametrize("content", ["{", "[]", "{}", '{"files": 3}', '{"files": [1]}'])
    def test_one_that_cannot_be_read_is_named(self, tmp_path, content):
        self.write(tmp_path, 0, manifest={})
        (tmp_path / f"{self.NAME}_manifest.json").write_text(content)
        assert "is not one of PostHog's manifests" in refusal(tmp_path)


class TestOverlaps:
    def test_an_event_in_several_files_counts_once(self, tmp_path):
        write_parquet(tmp_path / "a.parquet", answers(1, 2))
        write_parquet(tmp_path / "b.parquet", answers(2, 3))
        write_jsonl(tmp_path / "c.jsonl", answers(1, 3, 4))
        assert count(tmp_path) == (7, 4)

    def test_its_earliest_copy_counts_whatever_file_has_it(self, tmp_path):
        for i, days in enumerate((3, 1, 2)):
            copy = make_event(UUID.format(1), at=NOON + timedelta(days=days * 20), team=f"t{days}")
            write_parquet(tmp_path / f"{i}.parquet", [copy])
        source = ExportSource(str(tmp_path), RULES)
        counts = source.count_months(ignore).counts
        assert counts[["month", "team"]].to_numpy().tolist() == [["2026-11", "t1"]]


class TestColumns:
    def test_their_order_and_further_ones_do_not_matter(self, tmp_path):
        table = parquet_table(answers(1, 2))
        names = ["new", *reversed(table.column_names)]
        pq.write_table(
            table.append_column("new", pa.array([[1], [2]])).select(names), tmp_path / "a.parquet"
        )
        assert count(tmp_path / "a.parquet") == (2, 2)

    def test_a_column_of_nulls_alone(self, tmp_path):
        table = parquet_table(answers(1, 2))
        table = table.set_column(2, "distinct_id", pa.nulls(2, pa.null()))
        pq.write_table(table, tmp_path / "a.parquet")
        assert count(tmp_path / "a.parquet") == (2, 2)

    def test_properties_that_are_nested(self, tmp_path):
        table = parquet_table(answers(1, 2))
        nested = [
            {"ticketId": 1, "$survey_response": "4", "more": {"team": ["x"]}},
            {"ticketId": None, "$survey_response": "4", "more": None},
        ]
        table = table.set_column(4, "properties", pa.array(nested))
        pq.write_table(table, tmp_path / "a.parquet")
        assert count(tmp_path / "a.parquet") == (2, 1)

    def test_nested_properties_that_json_could_not_hold_are_named(self, tmp_path):
        table = parquet_table(answers(1)).set_column(
            4, "properties", pa.array([{"ticketId": b"\xff"}])
        )
        pq.write_table(table, tmp_path / "a.parquet")
        assert "a.parquet, row 1: properties hold what JSON does not know" in refusal(tmp_path)

    def test_files_of_different_columns_count_together(self, tmp_path):
        write_parquet(tmp_path / "a.parquet", answers(1))
        table = parquet_table(answers(2)).drop_columns(["person_id", "elements_chain"])
        times = table.column("timestamp").cast(pa.timestamp("ns", "UTC"))
        place = table.column_names.index("timestamp")
        pq.write_table(table.set_column(place, "timestamp", times), tmp_path / "b.parquet")
        texts = parquet_table(answers(3)).set_column(7, "timestamp", pa.array([NOON.isoformat()]))
        pq.write_table(texts, tmp_path / "c.parquet")
        assert count(tmp_path) == (3, 3)

    @pytest.mark.parametrize("first", [0, 1, 2])
    def test_times_with_a_zone_and_without_count_alike_wherever_the_machine_is(
        self, tmp_path, machine_far_from_utc, first
    ):
        kinds = [pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("ms")]
        for number, kind in enumerate(kinds):
            table = parquet_table([make_event(UUID.format(number), ticketId=number, at=EDGE)])
            times = table.column("timestamp").cast(kind)
            table = table.set_column(table.column_names.index("timestamp"), "timestamp", times)
            pq.write_table(table, tmp_path / f"{(number - first) % 3}.parquet")
        assert count(tmp_path) == (3, 3)
        assert months(tmp_path) == {"2026-10"}

    @pytest.mark.parametrize("name", ["file_index", "file_row_number", "Event", "filename", "UUID"])
    def test_a_further_column_whose_name_has_a_meaning_elsewhere(self, tmp_path, name):
        table = parquet_table(answers(1, 2))
        for place in (0, len(table.column_names)):
            wrong = table.add_column(place, name, pa.array(["7", "8"]))
            pq.write_table(wrong, tmp_path / f"{place}.parquet")
            numbers = table.add_column(place, name, pa.array([7, 8]))
            pq.write_table(numbers, tmp_path / f"{place}n.parquet")
        assert count(tmp_path) == (8, 2)


class TestBadInput:
    def test_a_row_that_is_no_json_is_named_among_many(self, tmp_path):
        table = parquet_table(answers(*range(70_000)))
        texts = table.column("properties").to_pylist()
        texts[66_665] = texts[66_665][:-4]
        table = table.set_column(4, "properties", pa.array(texts))
        pq.write_table(table, tmp_path / "a.parquet", row_group_size=20_000)
        assert "a.parquet, row 66666: properties are not JSON" in refusal(tmp_path)

    @pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
    def test_properties_count_up_to_a_depth_that_is_the_same_for_every_kind(self, tmp_path, name):
        def nested(depth: int) -> Event:
            value: object = 1
            for _ in range(depth - 1):
                value = [value]
            return make_event(UUID.format(1), more=value)

        write = write_parquet if name == "a.parquet" else write_jsonl
        copies = [nested(DEEPEST), nested(DEEPEST - 1)]
        assert count(write(tmp_path / name, copies)) == (2, 1)
        message = refusal(write(tmp_path / name, [nested(DEEPEST + 1)]))
        assert re.search(r", (row|line) 1: properties are nested more than 800 deep", message)
        row = (tmp_path / name).read_bytes()
        if name == "a.jsonl":
            (tmp_path / name).write_bytes(row.replace(b"[" * 700, b"[" * 50_000))
            assert "line 1: nested more than 800 deep" in refusal(tmp_path / name)

    def test_a_line_that_is_not_utf_8_is_named(self, tmp_path):
        lines = [json_line(event).encode() for event in answers(1, 2)]
        (tmp_path / "a.jsonl").write_bytes(b"\n".join([lines[0], b"\xe9" + lines[1]]))
        assert "a.jsonl, line 2: not UTF-8: byte 1 is 0xe9" in refusal(tmp_path)
        (tmp_path / "a.jsonl").write_bytes(lines[0].decode().encode("utf-16"))
        assert "a.jsonl, line 1: not UTF-8: byte 1 is 0xff" in refusal(tmp_path)

    @pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.br"])
    def test_a_packed_file_that_was_cut_says_so(self, tmp_path, name):
        whole = write_jsonl(tmp_path / name, answers(1, 2, 3)).read_bytes()
        (tmp_path / name).write_bytes(whole[:-9])
        message = refusal(tmp_path / name)
        assert message.startswith(f"{tmp_path / name} cannot be unpacked from its beginning: ")
        assert message.endswith("perhaps it was not fetched to its end")

    def test_a_bad_row_of_another_event_does_not_matter(self, tmp_path):
        table = parquet_table([*answers(1), make_event(name="survey shown")])
        table = table.set_column(4, "properties", pa.array(['{"ticketId": 1}', "{"]))
        pq.write_table(table, tmp_path / "a.parquet")
        assert count(tmp_path) == (1, 0)

    def test_a_line_cut_in_the_middle_is_named(self, tmp_path):
        line = json_line(answers(1)[0])
        write_packed(tmp_path / "a.jsonl.gz", f"{line}\n{line[:99]}")
        write_parquet(tmp_path / "b.parquet", answers(2))
        assert "a.jsonl.gz, line 2: not JSON" in refusal(tmp_path)

    @pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
    def test_a_file_that_changes_while_it_is_read_is_named(self, tmp_path, name):
        write = write_parquet if name == "a.parquet" else write_jsonl
        path = write(tmp_path / name, answers(1, 2))

        def replace(_read: int) -> None:
            write(tmp_path / f"new-{name}.part", answers(1, 2, 3)).replace(path)

        assert "changed while it was read" in refusal(path, on_progress=replace)

    def test_a_file_that_goes_away_while_it_is_read_is_named(self, tmp_path):
        path = write_parquet(tmp_path / "a.parquet", answers(1, 2))
        assert "changed" in refusal(path, on_progress=lambda _read: path.unlink())

    def test_properties_of_ten_megabytes_are_read(self, tmp_path):
        long = "x" * 10_000_000
        events = [*answers(1), make_event(UUID.format(2), ticketId=2, more=long), *answers(3)]
        for kind, write in (("parquet", write_parquet), ("jsonl", write_jsonl)):
            assert count(write(tmp_path / f"a.{kind}", events)) == (3, 3)

    def test_events_of_the_future_count_in_their_own_month(self, tmp_path):
        events = [make_event(UUID.format(1), at=NOON.replace(year=2126))]
        source = ExportSource(str(write_parquet(tmp_path / "a.parquet", events)), RULES)
        assert list(source.count_months(ignore).counts["month"]) == ["2126-10"]

    def test_an_export_without_any_answer_counts_nothing(self, tmp_path):
        write_parquet(tmp_path / "a.parquet", [make_event(name="survey shown")])
        assert count(tmp_path) == (0, 0)


@pytest.fixture
def exports(tmp_path) -> Path:
    """Three files that have stood unchanged for long."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for i in range(3):
        os.utime(write_parquet(folder / f"{i}.parquet", answers(i, i + 1)), (i, i))
    return folder


def times(folder: Path) -> dict[str, int]:
    """The partials, and when each was written."""
    return {
        path.name: path.stat().st_mtime_ns
        for path in folder.iterdir()
        if not path.name.startswith("counted")
    }


class TestCache:
    def test_what_is_known_is_not_written_again(self, exports, tmp_path):
        cache = tmp_path / "cache"
        assert count(exports, cache) == (6, 4)
        written = times(cache)
        assert len(written) == 3
        assert count(exports, cache) == (6, 4)
        assert times(cache) == written

    def test_a_file_that_has_changed_is_read_again_and_replaces_its_old_partial(
        self, exports, tmp_path
    ):
        cache = tmp_path / "cache"
        count(exports, cache)
        before = times(cache)
        os.utime(write_parquet(exports / "1.parquet", answers(7, 8, 9)), (9, 9))
        assert count(exports, cache) == (7, 7)
        assert times(cache).keys() == before.keys()
        assert len(times(cache).items() - before.items()) == 1

    def test_other_questions_are_read_anew(self, exports, tmp_path):
        cache = PartialCache(tmp_path / "cache")
        for question in ("R", "C"):
            configured = make_settings(rating_question_id=question, comment_question_id="x")
            ExportSource(str(exports), CountingRules.of(configured), cache).count_months(ignore)
            kept = times(tmp_path / "cache")
            assert len(kept) == 3

    def test_right_after_a_change_nothing_is_kept(self, exports, tmp_path):
        write_parquet(exports / "1.parquet", answers(1, 2))
        count(exports, tmp_path / "cache")
        assert len(times(tmp_path / "cache")) == 2

    def test_a_cache_that_cannot_be_written_keeps_nothing_and_changes_nothing(
        self, exports, tmp_path
    ):
        (tmp_path / "cache").write_text("a file, not a folder")
        assert count(exports, tmp_path / "cache") == (6, 4)

    @pytest.mark.parametrize("content", [b"", b"abc", b"ARROW1" * 100])
    def test_what_is_not_whole_is_made_anew(self, exports, tmp_path, content):
        cache = tmp_path / "cache"
        count(exports, cache)
        for path in cache.iterdir():
            path.write_bytes(content)
        assert count(exports, cache) == (6, 4)
        shutil.rmtree(cache)
        assert count(exports, cache) == (6, 4)

    def test_only_its_owner_may_read_it(self, exports, tmp_path):
        count(exports, tmp_path / "cache")
        assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
        assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "cache").iterdir())


def test_one_large_file_is_divided_and_counted_through(tmp_path):
    table = parquet_table(answers(*range(1000)))
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100)
    read: list[int] = []
    assert count(tmp_path / "a.parquet", on_progress=read.append) == (1000, 1000)
    assert sorted(read) == read
    assert read[-1] == 1000


@pytest.mark.parametrize("most", [0, 100], ids=["whole file", "rows alone"])
def test_a_row_that_is_read_by_itself_does_not_ask_for_the_others(tmp_path, monkeypatch, most):
    # DuckDB lets the comma pass, Python does not: the other row must stay with DuckDB.
    events = [make_event("0192f1a4-6d2e-7c3b-9a58-c5a70000c5a7"), make_event("odd", ticketId=43)]
    table = parquet_table(events)
    texts = table.column("properties").to_pylist()
    place = table.schema.get_field_index("properties")
    table = table.set_column(place, "properties", pa.array([texts[0][:-1] + ",}", texts[1]]))
    pq.write_table(table, tmp_path / "x.parquet")
    monkeypatch.setattr(parquet, "_ROWS_AT_ONCE", most)
    assert count(tmp_path / "x.parquet") == (2, 2)
