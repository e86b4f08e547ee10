"""PostHog's batch-export files as a source."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath

import pandas as pd

from pipeline.clean import RawEvent, clean_events, read_events
from pipeline.counts import MonthCounts, Totals
from pipeline.reduced_counts import DecidedAnswers, decide_reduced, describe_responses
from pipeline.rules import FrameRules
from pipeline.schemas import RESPONSES, check
from pipeline.sources.files import ExportFile, find_files
from pipeline.sources.history import History
from pipeline.sources.located import Located, naming_depth
from pipeline.sources.located import read_events as read_whole
from pipeline.sources.partials import PartialCache, read_partials
from pipeline.sources.source import EVENTS_AT_ONCE, OnProgress
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
            for event in read_whole(file):
                events.append(event)
                if len(events) % 10_000 == 0:
                    on_progress(len(events))
            file.check_unchanged()
        on_progress(len(events))
        with naming_depth(self._path):
            return clean_events(events, self._settings)

    def read_events(self) -> Iterator[list[RawEvent]]:
        """Every `survey sent` event, some thousands at a time; raises SourceError that names file
        and row."""
        for file in find_files(self._path):
            events = read_whole(file)
            while some := list(islice(events, EVENTS_AT_ONCE)):
                yield some
            file.check_unchanged()

    def count_responses(self, rules: FrameRules, on_progress: OnProgress) -> Totals:
        """The counts of every month; raises SourceError that names file and row."""
        files = find_files(self._path)
        if self._cache is None:
            return self._count(self._locate(files, on_progress), rules)
        history = History(self._cache, self._path, self._settings, rules)
        known = history.load(files)
        if known is not None:
            new = self._locate(known.new_files, on_progress)
            connected = known.connect(new)
            if connected is not None:
                before = self._count(connected, rules)
                after = self._count(connected.join(new), rules)
                return known.add(before, after)
        found = self._locate(files, on_progress)
        totals = self._count(found, rules)
        history.save(found, totals)
        return totals

    def count_month(
        self, month: Month, since: Month, rules: FrameRules, on_progress: OnProgress
    ) -> MonthCounts:
        """What the report of a month derives from; raises SourceError that names file and row."""
        found = self._locate(find_files(self._path), on_progress)
        decided = self._decide(found, rules, month)
        first, latest = decided.find_commented(str(month))
        answers = read_events(found.read_events(latest.tolist()), self._settings)
        comments = [None if pd.isna(text) else text for text in answers["comment"]]
        commented = describe_responses(decided.answers, first, latest, comments, str(month))
        return MonthCounts(
            counts=decided.count_responses(str(since)),
            comment_counts=decided.count_comments(str(since)),
            commented=check(commented, RESPONSES),
            quality=decided.count_outcomes(str(month)),
        )

    def _locate(self, files: Sequence[ExportFile], on_progress: OnProgress) -> Located:
        return Located.of(files, read_partials(files, self._settings, self._cache, on_progress))

    def _count(self, found: Located, rules: FrameRules) -> Totals:
        decided = self._decide(found, rules)
        return Totals(found.answers.num_rows, decided.count_responses())

    def _decide(
        self, found: Located, rules: FrameRules, month: Month | None = None
    ) -> DecidedAnswers:
        timezone, shown = self._settings.timezone, None
        if month is not None:
            opens_at, closes_at = month.bounds(timezone)
            shown = (opens_at, closes_at + rules.edit_window)
        return decide_reduced(found.answers, rules, timezone, found.weigh, shown)
