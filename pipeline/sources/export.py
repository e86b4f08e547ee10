"""PostHog's batch-export files as a source."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath

import pandas as pd

from pipeline.clean import RawEvent, clean_events
from pipeline.counts import MonthCounts, Totals
from pipeline.sources.files import ExportFile, find_files, printable
from pipeline.sources.history import History
from pipeline.sources.located import Located, read_events
from pipeline.sources.located_counts import (
    count_located,
    count_located_month,
    find_shown_duplicates,
)
from pipeline.sources.partials import PartialCache, read_partials
from pipeline.sources.source import EVENTS_AT_ONCE, OnProgress
from survey.addresses import show_address
from survey.counting_rules import CountingRules
from survey.months import Month


class ExportSource:
    """The `survey sent` events of export files, Parquet or JSON lines.

    `path` is a file, a folder, a pattern or an address that fsspec knows. What was read of a file
    is kept in `cache`, if there is one.
    """

    is_store = False

    def __init__(self, path: str, rules: CountingRules, cache: PartialCache | None = None) -> None:
        self._path = path
        self._rules = rules
        self._cache = cache

    @property
    def description(self) -> str:
        """The name of the file, folder or pattern."""
        return f"the PostHog export {PurePosixPath(show_address(printable(self._path))).name}"

    def read_answers(self, on_progress: OnProgress) -> pd.DataFrame:
        """Every `survey sent` event as an answer (`schemas.ANSWERS`), file by file.

        Raises SourceError that names file and row.
        """
        events: list[RawEvent] = []
        for some in self.read_events():
            events += some
            on_progress(len(events))
        return clean_events(events, self._rules)

    def read_events(self) -> Iterator[list[RawEvent]]:
        """Every `survey sent` event, some thousands at a time; raises SourceError that names file
        and row."""
        for file in find_files(self._path):
            events = read_events(file)
            while some := list(islice(events, EVENTS_AT_ONCE)):
                yield some
            file.check_unchanged()

    def count_responses(self, on_progress: OnProgress) -> Totals:
        """The counts of every month; raises SourceError that names file and row."""
        files = find_files(self._path)
        if self._cache is None:
            return count_located(self._locate(files, on_progress), self._rules)
        history = History(self._cache, self._path, self._rules)
        known = history.load(files)
        if known is not None:
            new = self._locate(known.new_files, on_progress)
            connected = known.connect(new)
            if connected is not None:
                before = count_located(connected, self._rules)
                after = count_located(connected.join(new), self._rules)
                return known.add(before, after)
        found = self._locate(files, on_progress)
        totals = count_located(found, self._rules)
        history.save(found, totals)
        return totals

    def count_month(self, month: Month, since: Month, on_progress: OnProgress) -> MonthCounts:
        """What the report of a month derives from; raises SourceError that names file and row."""
        found = self._locate(find_files(self._path), on_progress)
        is_duplicate = find_shown_duplicates(found, month, self._rules)
        return count_located_month(found, is_duplicate, month, since, self._rules)

    def _locate(self, files: Sequence[ExportFile], on_progress: OnProgress) -> Located:
        return Located.of(files, read_partials(files, self._rules, self._cache, on_progress))
