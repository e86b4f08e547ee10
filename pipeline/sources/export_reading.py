"""Reading export files by several threads: all answers of many, or whole events of a few rows."""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

import pandas as pd
import pyarrow as pa

from pipeline.answers import frame_answers
from pipeline.events import Comment, NumberedEvent, RawEvent, read_event_comment
from pipeline.partitions import count_cores
from pipeline.sources.base import OnProgress
from pipeline.sources.cache import PartialCache
from pipeline.sources.export_files import ExportFile
from survey.counting_rules import CountingRules

Found = TypeVar("Found")

# Exports by the hour are many and small: a query for each would take longer than the reading.
_FILES_AT_ONCE = 32
_BYTES_AT_ONCE = 16 * 1024 * 1024
# More groups of files read faster, and each takes some 100 MB.
_MOST_GROUPS_AT_ONCE = 8


@dataclass(frozen=True)
class FileAnswers:
    """The answers of some files, a table (`answers.SCHEMA`) for each."""

    files: Sequence[ExportFile]
    tables: list[pa.Table]

    def join(self, other: "FileAnswers") -> "FileAnswers":
        """These answers, and those of other files behind them."""
        return FileAnswers([*self.files, *other.files], [*self.tables, *other.tables])

    def move_into_frame(self) -> pd.DataFrame:
        """Return all answers as one frame (`schemas.ANSWERS`); the tables are empty afterwards."""
        return frame_answers(self.tables)


def read_files(
    files: Sequence[ExportFile],
    rules: CountingRules,
    cache: PartialCache | None,
    on_progress: OnProgress,
) -> FileAnswers:
    """Return the answers of these files; raises SourceError that names file and row.

    What the cache has of a file is not read again.
    """
    count = _Counter(on_progress)
    tables: dict[ExportFile, pa.Table] = {}
    for file in files:
        kept = cache.load_file(file, rules) if cache else None
        if kept is not None:
            tables[file] = kept
            count.add(kept.num_rows)
    groups = group_files([file for file in files if file not in tables])
    at_once = max(1, min(count_cores(), len(groups), _MOST_GROUPS_AT_ONCE))

    def read(group: Sequence[ExportFile]) -> list[pa.Table]:
        found = read_group(group, rules, count.add, max(1, count_cores() // at_once))
        for file, table in zip(group, found, strict=True):
            file.check_unchanged()
            if cache:
                cache.save_file(file, rules, table)
        return found

    with ThreadPoolExecutor(at_once) as pool:
        for group, found in zip(groups, pool.map(read, groups), strict=True):
            tables |= zip(group, found, strict=True)
    return FileAnswers(files, [tables.pop(file) for file in files])


def group_files(files: Sequence[ExportFile]) -> list[list[ExportFile]]:
    """Return the files in their order, those together that are of one format and small."""
    groups: list[list[ExportFile]] = []
    size = 0
    for file in files:
        size += file.size
        last = groups[-1] if groups else []
        is_full = len(last) >= _FILES_AT_ONCE or size > _BYTES_AT_ONCE
        if not last or is_full or last[0].is_parquet != file.is_parquet:
            groups.append([file])
            size = file.size
        else:
            last.append(file)
    return groups


def read_group(
    files: Sequence[ExportFile],
    rules: CountingRules,
    on_progress: OnProgress,
    threads: int = 1,
) -> list[pa.Table]:
    """Return the answers of each of these files (`answers.SCHEMA`); raises SourceError that names
    file and row. `on_progress` is told how many more have been read."""
    # Not before they are needed: DuckDB takes a tenth of a second to load.
    from pipeline.sources.jsonl import read_jsonl_answers
    from pipeline.sources.parquet import read_parquet_answers

    if files[0].is_parquet:
        return read_parquet_answers(files, rules, on_progress, threads)
    return [read_jsonl_answers(file, rules, on_progress) for file in files]


def read_file(file: ExportFile, rows: Collection[int] | None = None) -> Iterator[NumberedEvent]:
    """Yield the `survey sent` events of a file, or those in some rows or lines, counted from 1.

    Raises SourceError that names file and row.
    """
    from pipeline.sources.jsonl import read_jsonl
    from pipeline.sources.parquet import read_parquet

    return read_parquet(file, rows) if file.is_parquet else read_jsonl(file, rows)


class ExportLookup:
    """The rows of export files (`events.AnswerLookup`)."""

    def __init__(self, files: Sequence[ExportFile], rules: CountingRules) -> None:
        self._files = files
        self._rules = rules

    def look_up_events(self, answers: pd.DataFrame) -> list[RawEvent]:
        """Return the events of these answers, in their order; raises SourceError."""

        def read(file: ExportFile, rows: Collection[int]) -> dict[int, RawEvent]:
            return dict(read_file(file, rows))

        return self._look_up(answers, read)

    def look_up_comments(self, answers: pd.DataFrame) -> list[Comment]:
        """Return the comments of these answers, in their order; raises SourceError."""

        def read(file: ExportFile, rows: Collection[int]) -> dict[int, Comment]:
            found = _read_plain_comments(file, rows, self._rules)
            if rest := set(rows) - found.keys():
                for row, event in read_file(file, rest):
                    found[row] = read_event_comment(event, self._rules)
            return found

        return self._look_up(answers, read)

    def _look_up(
        self,
        answers: pd.DataFrame,
        read: Callable[[ExportFile, Collection[int]], dict[int, Found]],
    ) -> list[Found]:
        """Return what `read` finds for these answers, in their order; each file is opened once."""
        rows_of_file = answers.groupby("file")["row"].apply(set)

        def read_file(number: int) -> dict[int, Found]:
            found = read(self._files[number], rows_of_file[number])
            self._files[number].check_unchanged()
            return found

        with ThreadPoolExecutor(count_cores()) as pool:
            files = rows_of_file.index
            found = dict(zip(files, pool.map(read_file, files), strict=True))
        return [found[file][row] for file, row in zip(answers["file"], answers["row"], strict=True)]


def _read_plain_comments(
    file: ExportFile, rows: Collection[int], rules: CountingRules
) -> dict[int, Comment]:
    """Return the comments in some rows, of those for which no whole event has to be read."""
    if not file.is_parquet:
        return {}
    from pipeline.sources.parquet import read_parquet_comments

    return read_parquet_comments(file, rows, rules)


class _Counter:
    """How many answers have been read so far, by all threads."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._lock = Lock()
        self._count = 0

    def add(self, some: int) -> None:
        with self._lock:
            self._count += some
            self._on_progress(self._count)
