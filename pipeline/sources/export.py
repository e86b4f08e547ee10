"""PostHog's batch-export files as a source."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath

import pandas as pd

from pipeline.aggregate import count_answers, count_month
from pipeline.counts import MonthCounts, Totals
from pipeline.deduplicate import mark_duplicates, shown_between
from pipeline.events import RawEvent
from pipeline.sources.base import EVENTS_AT_ONCE, OnProgress, Received
from pipeline.sources.cache import PartialCache
from pipeline.sources.export_files import ExportFile, find_files, printable_path
from pipeline.sources.export_reading import ExportLookup, FileAnswers, read_file, read_files
from pipeline.sources.incremental import History
from survey.addresses import show_address
from survey.counting_rules import CountingRules
from survey.erasures import NOTHING_ERASED, Erasures
from survey.months import Month


class ExportSource:
    """The `survey sent` events of export files, Parquet or JSON lines.

    `path` is a file, a folder, a pattern or an address that fsspec knows. What was read of a file
    is kept in `cache`, if there is one. A report shows no comment that `erasures` hide.
    """

    is_store = False

    def __init__(
        self,
        path: str,
        rules: CountingRules,
        cache: PartialCache | None = None,
        erasures: Erasures = NOTHING_ERASED,
    ) -> None:
        self._path = path
        self._rules = rules
        self._cache = cache
        self._erasures = erasures

    @property
    def description(self) -> str:
        """The name of the file, folder or pattern."""
        return f"the PostHog export {PurePosixPath(show_address(printable_path(self._path))).name}"

    def read_events(self) -> Iterator[list[RawEvent]]:
        """Yield every `survey sent` event, some thousands at a time; raises SourceError that names
        file and row."""
        for file in find_files(self._path):
            events = (event for _, event in read_file(file))
            while some := list(islice(events, EVENTS_AT_ONCE)):
                yield some
            file.check_unchanged()

    def read_answers(self, on_progress: OnProgress, comments_of: Month | None = None) -> Received:
        """Return every `survey sent` event as an answer; raises SourceError that names file and
        row."""
        files = find_files(self._path)
        lookup = ExportLookup(files, self._rules)
        answers = self._read(files, on_progress).move_into_frame()
        shown = shown_between(comments_of, self._rules)
        return Received(mark_duplicates(answers, lookup, shown), lookup)

    def count_months(self, on_progress: OnProgress) -> Totals:
        """Return the counts of every month; raises SourceError that names file and row."""
        files = find_files(self._path)
        history = self._cache and History(self._cache, self._path, self._rules)
        known = history and history.load(files)
        if known:
            new = self._read(known.new_files, on_progress)
            connected = known.connect(new)
            if connected is not None:
                both = connected.join(new)
                before = self._count(connected.files, connected.move_into_frame())
                after = self._count(both.files, both.move_into_frame())
                return known.add(before, after)
        answers = self._read(files, on_progress).move_into_frame()
        totals = self._count(files, answers)
        if history:
            history.save(files, answers, totals)
        return totals

    def count_month(self, month: Month, since: Month, on_progress: OnProgress) -> MonthCounts:
        """Count what the report of a month needs; raises SourceError that names file and row."""
        received = self.read_answers(on_progress, comments_of=month)
        return count_month(*received, month, since, self._rules, self._erasures)

    def _read(self, files: Sequence[ExportFile], on_progress: OnProgress) -> FileAnswers:
        return read_files(files, self._rules, self._cache, on_progress)

    def _count(self, files: Sequence[ExportFile], answers: pd.DataFrame) -> Totals:
        unique = mark_duplicates(answers, ExportLookup(files, self._rules))
        return count_answers(unique, self._rules)
