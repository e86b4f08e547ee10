"""PostHog's batch-export files as a source."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.clean import (
    RawEvent,
    clean_events,
    property_keys,
    quote_said,
    read_events,
    read_person,
    read_ticket,
)
from pipeline.counts import MonthCounts, Totals
from pipeline.reduced import join
from pipeline.reduced_counts import DecidedAnswers, decide_reduced, describe_responses
from pipeline.rules import FrameRules
from pipeline.schemas import RESPONSES, check
from pipeline.sources.files import ExportFile, find_files
from pipeline.sources.partials import PartialCache, read_partials
from pipeline.sources.source import EVENTS_AT_ONCE, OnProgress, SourceError
from survey.months import Month
from survey.settings import Settings


class ExportSource:
    """The `survey sent` events of export files, Parquet or JSON lines.

    `path` is a file, a folder, a pattern or an address that fsspec knows. What was read of a file
    is kept in `cache`, if there is one.
    """

    is_store = False

    def __init__(self, path: str, settings: Settings, cache: PartialCache | None = None) -> None:
        self._path = path
        self._settings = settings
        self._cache = cache

    @property
    def description(self) -> str:
        """The name of the file, folder or pattern."""
        return f"the PostHog export {PurePosixPath(self._path).name}"

    def read_answers(self, on_progress: OnProgress) -> pd.DataFrame:
        """Every `survey sent` event as an answer (`schemas.ANSWERS`), file by file.

        Raises SourceError that names file and row.
        """
        events = []
        files = find_files(self._path)
        for file in files:
            for event in _read(file):
                events.append(event)
                if len(events) % 10_000 == 0:
                    on_progress(len(events))
            file.check_unchanged()
        on_progress(len(events))
        with _naming_depth(self._path):
            return clean_events(events, self._settings)

    def read_events(self) -> Iterator[list[RawEvent]]:
        """Every `survey sent` event, some thousands at a time; raises SourceError that names file
        and row."""
        for file in find_files(self._path):
            events = _read(file)
            while some := list(islice(events, EVENTS_AT_ONCE)):
                yield some
            file.check_unchanged()

    def count_responses(self, rules: FrameRules, on_progress: OnProgress) -> Totals:
        """The counts of every month; raises SourceError that names file and row."""
        reading = self._read_reduced(on_progress)
        decided = self._decide(reading, rules)
        return Totals(decided.answers.num_rows, decided.count_responses())

    def count_month(
        self, month: Month, since: Month, rules: FrameRules, on_progress: OnProgress
    ) -> MonthCounts:
        """What the report of a month derives from; raises SourceError that names file and row."""
        reading = self._read_reduced(on_progress)
        decided = self._decide(reading, rules, month)
        first, latest = decided.find_commented(str(month))
        comments = self._read_comments(reading, latest.tolist())
        commented = describe_responses(decided.answers, first, latest, comments, str(month))
        return MonthCounts(
            counts=decided.count_responses(str(since)),
            comment_counts=decided.count_comments(str(since)),
            commented=check(commented, RESPONSES),
            quality=decided.count_outcomes(str(month)),
        )

    def _read_reduced(self, on_progress: OnProgress) -> "_Reading":
        files = find_files(self._path)
        tables = read_partials(files, self._settings, self._cache, on_progress)
        ends = np.cumsum([table.num_rows for table in tables])
        return _Reading(files, ends, join(tables))

    def _decide(
        self, reading: "_Reading", rules: FrameRules, month: Month | None = None
    ) -> DecidedAnswers:
        timezone, shown = self._settings.timezone, None
        if month is not None:
            opens_at, closes_at = month.bounds(timezone)
            shown = (opens_at, closes_at + rules.edit_window)
        weigh = partial(self._weigh, reading)
        return decide_reduced(reading.answers, rules, timezone, weigh, shown)

    def _weigh(self, reading: "_Reading", places: list[int]) -> list[tuple[str, str]]:
        with _naming_depth(self._path):
            keys = property_keys(self._settings)
            return [
                (quote_said(event.properties, keys), _person_of(event))
                for event in reading.read_again(places)
            ]

    def _read_comments(self, reading: "_Reading", places: list[int]) -> list[str | None]:
        answers = read_events(reading.read_again(places), self._settings)
        return [None if pd.isna(text) else text for text in answers["comment"]]


@dataclass(frozen=True)
class _Reading:
    """All reduced answers, and which file has which: those of a file end where `ends` says."""

    files: Sequence[ExportFile]
    ends: np.ndarray
    answers: pa.Table

    def read_again(self, places: Sequence[int]) -> list[RawEvent]:
        """The whole events at these places, in their order."""
        of_file = defaultdict(list)
        rows = self.answers.column("row").take(pa.array(places, pa.int64())).to_pylist()
        for place, row in zip(places, rows, strict=True):
            of_file[int(np.searchsorted(self.ends, place, side="right"))].append((row, place))
        found: dict[int, RawEvent] = {}
        for number, wanted in of_file.items():
            file = self.files[number]
            place_of = dict(wanted)
            events = _read(file, place_of)
            found |= zip((place_of[row] for row in sorted(place_of)), events, strict=True)
            file.check_unchanged()
        return [found[place] for place in places]


def _person_of(event: RawEvent) -> str:
    return read_person(event.distinct_id, read_ticket(event.properties.get("ticketId")))


def _read(file: ExportFile, rows: Collection[int] | None = None) -> Iterator[RawEvent]:
    # Not before they are needed: the scanner's machine code takes half a second to load.
    from pipeline.sources.jsonl import read_jsonl
    from pipeline.sources.parquet import read_parquet

    return read_parquet(file, rows) if file.is_parquet else read_jsonl(file, rows)


@contextmanager
def _naming_depth(path: str) -> Iterator[None]:
    """Python reads a little deeper than it writes, and events are compared as written."""
    try:
        yield
    except RecursionError:
        raise SourceError(f"{path}: an event's properties are nested too deeply") from None
