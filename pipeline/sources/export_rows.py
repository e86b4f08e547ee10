"""Looking up whole events of export files: a few, by file and row."""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pandas as pd

from pipeline.events import NumberedEvent, RawEvent, read_event_comment
from pipeline.partitions import count_cores
from pipeline.sources.export_files import ExportFile
from survey.counting_rules import CountingRules

Found = TypeVar("Found")


class ExportLookup:
    """The rows of export files (`events.AnswerLookup`)."""

    def __init__(self, files: Sequence[ExportFile], rules: CountingRules) -> None:
        self._files = files
        self._rules = rules

    def read_events(self, answers: pd.DataFrame) -> list[RawEvent]:
        """The events of these answers, in their order; raises SourceError."""

        def read(file: ExportFile, rows: Collection[int]) -> dict[int, RawEvent]:
            return dict(_read_rows(file, rows))

        return self._look_up(answers, read)

    def read_comments(self, answers: pd.DataFrame) -> list[str | None]:
        """The comments of these answers, in their order; raises SourceError."""

        def read(file: ExportFile, rows: Collection[int]) -> dict[int, str | None]:
            found = _read_plain_comments(file, rows, self._rules)
            if rest := set(rows) - found.keys():
                for row, event in _read_rows(file, rest):
                    found[row] = read_event_comment(event, self._rules)
            return found

        return self._look_up(answers, read)

    def _look_up(
        self,
        answers: pd.DataFrame,
        read: Callable[[ExportFile, Collection[int]], dict[int, Found]],
    ) -> list[Found]:
        """What `read` finds for these answers, in their order; each file is opened once."""
        rows_of_file = answers.groupby("file")["row"].apply(set)

        def read_file(number: int) -> dict[int, Found]:
            found = read(self._files[number], rows_of_file[number])
            self._files[number].check_unchanged()
            return found

        with ThreadPoolExecutor(count_cores()) as pool:
            files = rows_of_file.index
            found = dict(zip(files, pool.map(read_file, files), strict=True))
        return [found[file][row] for file, row in zip(answers["file"], answers["row"], strict=True)]


def _read_rows(file: ExportFile, rows: Collection[int]) -> Iterator[NumberedEvent]:
    # Not before they are needed: DuckDB takes a tenth of a second to load.
    from pipeline.sources.jsonl import read_jsonl
    from pipeline.sources.parquet import read_parquet_rows

    return read_parquet_rows(file, rows) if file.is_parquet else read_jsonl(file, rows)


def _read_plain_comments(
    file: ExportFile, rows: Collection[int], rules: CountingRules
) -> dict[int, str | None]:
    """The comments in some rows, of those for which no whole event has to be read."""
    if not file.is_parquet:
        return {}
    from pipeline.sources.parquet import read_parquet_comments

    return read_parquet_comments(file, rows, rules)
