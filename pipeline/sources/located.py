"""Reduced answers, and where each stands, so that a few of them can be read whole."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from pipeline.clean import RawEvent, read_event_comment
from pipeline.parts import Array, cores
from pipeline.reduced import join
from pipeline.sources.files import ExportFile
from survey.counting_rules import CountingRules
from survey.event_values import rank_copy

Found = TypeVar("Found")


@dataclass(frozen=True)
class Located:
    """Answers (`reduced.SCHEMA`), the files, and the place in `files` of each answer's own."""

    files: Sequence[ExportFile]
    file_of: Array
    answers: pa.Table

    @classmethod
    def of(cls, files: Sequence[ExportFile], tables: list[pa.Table]) -> "Located":
        """The answers of each file one behind the other; empties the list of tables."""
        lengths = [table.num_rows for table in tables]
        file_of = np.repeat(np.arange(len(files), dtype=np.int32), lengths)
        return cls(files, file_of, join(tables))

    def join(self, other: "Located") -> "Located":
        """These answers, and others from other files behind them."""
        return Located(
            [*self.files, *other.files],
            np.concatenate([self.file_of, other.file_of + np.int32(len(self.files))]),
            join([self.answers, other.answers]),
        )

    def read_events(self, places: Sequence[int]) -> list[RawEvent]:
        """The whole events of some answers, in their order; raises SourceError."""

        def read(file: ExportFile, rows: Collection[int]) -> dict[int, RawEvent]:
            return dict(zip(sorted(rows), read_events(file, rows), strict=True))

        return self._look_up(places, read)

    def read_comments(self, places: Sequence[int], rules: CountingRules) -> list[str | None]:
        """The comments of some answers, in their order; raises SourceError."""

        def read(file: ExportFile, rows: Collection[int]) -> dict[int, str | None]:
            found = read_plain_comments(file, rows, rules)
            rest = sorted(set(rows) - found.keys())
            events = read_events(file, rest) if rest else ()
            for row, event in zip(rest, events, strict=True):
                found[row] = read_event_comment(event, rules)
            return found

        return self._look_up(places, read)

    def _look_up(
        self,
        places: Sequence[int],
        read: Callable[[ExportFile, Collection[int]], dict[int, Found]],
    ) -> list[Found]:
        """What `read` finds in the files of some answers, for the row of each."""
        of_file = defaultdict(list)
        rows = self.answers.column("row").take(pa.array(places, pa.int64())).to_pylist()
        for place, row in zip(places, rows, strict=True):
            of_file[int(self.file_of[place])].append((row, place))

        def read_file(number: int) -> dict[int, Found]:
            file, place_of = self.files[number], dict(of_file[number])
            by_row = read(file, place_of)
            file.check_unchanged()
            return {place: by_row[row] for row, place in place_of.items()}

        found: dict[int, Found] = {}
        with ThreadPoolExecutor(cores()) as pool:
            for some in pool.map(read_file, of_file):
                found |= some
        return [found[place] for place in places]

    def weigh(self, places: Sequence[int]) -> list[tuple[str, str]]:
        """Properties and persons of some answers as texts, as `copies.Weigh` wants them."""
        events = self.read_events(places)
        return [rank_copy(event.distinct_id, event.properties) for event in events]


def read_events(file: ExportFile, rows: Collection[int] | None = None) -> Iterator[RawEvent]:
    """The `survey sent` events of a file, or those in some rows or lines; raises SourceError."""
    # Not before they are needed: DuckDB takes a tenth of a second to load.
    from pipeline.sources.jsonl import read_jsonl
    from pipeline.sources.parquet import read_parquet

    return read_parquet(file, rows) if file.is_parquet else read_jsonl(file, rows)


def read_plain_comments(
    file: ExportFile, rows: Collection[int], rules: CountingRules
) -> dict[int, str | None]:
    """The comments in some rows, of those for which no whole event has to be read."""
    if not file.is_parquet:
        return {}
    from pipeline.sources.parquet import read_parquet_comments

    return read_parquet_comments(file, rows, rules)
