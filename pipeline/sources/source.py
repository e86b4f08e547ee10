"""The interface of a source, and finding the one that a command names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from survey.addresses import show_address
from survey.months import Month
from survey.settings import CsatError, Settings
from survey.store.database import Database

if TYPE_CHECKING:
    from pipeline.clean import RawEvent
    from pipeline.counts import MonthCounts, Totals
    from survey.counting_rules import CountingRules

# How many events are held at once where they are handed on as they are read.
EVENTS_AT_ONCE = 5_000

# Called with how many answers have been read so far.
OnProgress = Callable[[int], None]


class SourceError(CsatError):
    """A source that cannot be read; the message names file and row."""


class BadSource(ValueError):
    """A text that names no source."""


class Source(Protocol):
    """Somewhere answers come from. Every method raises SourceError where it cannot be read."""

    @property
    def description(self) -> str:
        """The source in words, for the reader of a report."""

    @property
    def is_store(self) -> bool:
        """Whether this is the project's own store, whose hedgehogs are paid for."""

    def read_answers(self, on_progress: OnProgress) -> pd.DataFrame:
        """Every received answer, cleaned (`schemas.ANSWERS`)."""

    def count_responses(self, on_progress: OnProgress) -> Totals:
        """How many answers there are, and the counts of every month."""

    def count_month(self, month: Month, since: Month, on_progress: OnProgress) -> MonthCounts:
        """What the report of a month derives from, with the counts of the months since another."""


class EventSource(Source, Protocol):
    """A source of events, which can be imported into the store."""

    def read_events(self) -> Iterator[list[RawEvent]]:
        """Every `survey sent` event, some thousands at a time."""


def open_source(
    name: str,
    settings: Settings,
    rules: CountingRules,
    database: Database,
    cache: Path | None = None,
) -> Source:
    """The source that `--source` names: `database`, `export:PATH` or `posthog`; raises BadSource.

    What is read of export files is kept in the folder `cache`, if one is given. Raises
    SettingsError where a setting is missing that the source needs.
    """
    from pipeline.sources.store import StoreSource

    if name == "database":
        return StoreSource(database, rules)
    return open_event_source(name, settings, rules, cache)


def open_event_source(
    name: str, settings: Settings, rules: CountingRules, cache: Path | None = None
) -> EventSource:
    """The source of events that a name says: all but `database`; raises BadSource."""
    from pipeline.sources.export import ExportSource
    from pipeline.sources.partials import PartialCache
    from pipeline.sources.posthog import PostHogSource

    if name == "posthog":
        return PostHogSource(settings, rules)
    kind, _, path = name.partition(":")
    if kind == "export" and path:
        return ExportSource(path, rules, PartialCache(cache) if cache else None)
    raise BadSource(
        f"{show_address(name)!r} is no source; there are database, export:PATH and posthog"
    )


def open_distributed_source(name: str, rules: CountingRules, scheduler: str | None) -> Source:
    """Export files, counted by Dask's workers; raises BadSource for any other source, and
    SourceError where Dask is not installed."""
    kind, _, path = name.partition(":")
    if kind != "export" or not path:
        raise BadSource(f"{show_address(name)!r} is not counted by Dask; it counts export:PATH")
    if find_spec("distributed") is None or find_spec("dask") is None:
        raise SourceError("Dask is not installed; it comes with pip install 'csat[dask]'")
    from pipeline.sources.distributed import DistributedSource

    return DistributedSource(path, rules, scheduler)
