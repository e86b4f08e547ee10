"""The interface of a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pandas as pd

from survey.errors import CsatError
from survey.months import Month
from survey.settings import Settings

if TYPE_CHECKING:
    from pipeline.counts import MonthCounts, Totals
    from pipeline.events import AnswerLookup, RawEvent

# Where what was read of export files is kept, if nobody says otherwise.
CACHE_FOLDER = Path("var/exports")

# Said where events are counted and there is no secret to verify what they claim.
TRUST_IS_BELIEVED = (
    "No secret is set (CSAT_LINK_SECRET, CSAT_SECRET_KEY), so the link trust that events claim is "
    "believed."
)
# How many events are held at once where they are handed on as they are read.
EVENTS_AT_ONCE = 5_000

# Called with how many answers have been read so far.
OnProgress = Callable[[int], None]


class SourceError(CsatError):
    """A source that cannot be read; the message names file and row."""


class BadSource(ValueError):
    """A text that names no source."""


class Received(NamedTuple):
    """All answers of a source (`schemas.DEDUPLICATED`), and the lookup of whole answers."""

    answers: pd.DataFrame
    lookup: AnswerLookup


class Source(Protocol):
    """Somewhere answers come from. Every method raises SourceError where it cannot be read."""

    @property
    def description(self) -> str:
        """The source in words, for the reader of a report."""

    @property
    def is_store(self) -> bool:
        """Whether this is the project's own store, whose hedgehogs are paid for."""

    def read_answers(self, on_progress: OnProgress, comments_of: Month | None = None) -> Received:
        """Return every received answer, with its copies marked.

        Of copies that differ in their comments alone, the right one counts for the report of the
        month `comments_of`; otherwise any of them.
        """

    def count_months(self, on_progress: OnProgress) -> Totals:
        """Count the answers, and the responses of every month."""

    def count_month(self, month: Month, since: Month, on_progress: OnProgress) -> MonthCounts:
        """Count what the report of a month needs, and the months since another."""


class EventSource(Source, Protocol):
    """A source of events, which can be imported into the store."""

    def read_events(self) -> Iterator[list[RawEvent]]:
        """Yield every `survey sent` event, some thousands at a time."""


def trust_is_believed(source: Source, settings: Settings) -> bool:
    """Return whether the link trust of a source's answers is what their events claim, because no
    secret can verify it."""
    return not source.is_store and not settings.proof_secrets
