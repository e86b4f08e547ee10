"""The interface of a source, and finding the one that a command names."""

from collections.abc import Callable
from typing import Protocol

import pandas as pd

from survey.settings import CsatError, Settings
from survey.store.database import Database

# Called with how many answers have been read so far.
OnProgress = Callable[[int], None]


class SourceError(CsatError):
    """A source that cannot be read; the message names file and row."""


class BadSource(ValueError):
    """A text that names no source."""


class Source(Protocol):
    """Somewhere answers come from."""

    @property
    def description(self) -> str:
        """The source in words, for the reader of a report."""

    @property
    def is_store(self) -> bool:
        """Whether this is the project's own store, whose hedgehogs are paid for."""

    def read_answers(self, on_progress: OnProgress) -> pd.DataFrame:
        """Every received answer, cleaned (`schemas.ANSWERS`); raises SourceError."""


def open_source(name: str, settings: Settings, database: Database) -> Source:
    """The source that `--source` names: `database` or `export:PATH`; raises BadSource."""
    from pipeline.sources.export import ExportSource
    from pipeline.sources.store import StoreSource

    if name == "database":
        return StoreSource(database)
    kind, _, path = name.partition(":")
    if kind == "export" and path:
        return ExportSource(path, settings)
    raise BadSource(f"{name!r} is no source; write database or export:PATH")
