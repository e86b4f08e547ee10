"""PostHog's batch-export files as a source."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from pipeline.clean import RawEvent, clean_events
from pipeline.sources.jsonl import read_jsonl
from pipeline.sources.parquet import read_parquet
from pipeline.sources.source import OnProgress, SourceError
from survey.settings import Settings


class ExportSource:
    """The `survey sent` events of one export file, Parquet or JSON lines."""

    is_store = False

    def __init__(self, path: str, settings: Settings) -> None:
        self._path = Path(path)
        self._settings = settings

    @property
    def description(self) -> str:
        """The file's name."""
        return f"the PostHog export {self._path.name}"

    def read_answers(self, on_progress: OnProgress) -> pd.DataFrame:
        """Every `survey sent` event of the file as an answer (`schemas.ANSWERS`).

        Raises SourceError that names file and row.
        """
        events = []
        for event in _read(self._path):
            events.append(event)
            if len(events) % 10_000 == 0:
                on_progress(len(events))
        on_progress(len(events))
        try:
            return clean_events(events, self._settings)
        except RecursionError:
            raise SourceError(
                f"{self._path}: an event's properties are nested too deeply"
            ) from None


def _read(path: Path) -> Iterator[RawEvent]:
    try:
        if not path.exists():
            raise SourceError(f"{path} does not exist")
        if path.is_dir():
            raise SourceError(f"{path} is a folder; name one file")
        # An unpacker takes nothing at all for the end of a whole file.
        if path.stat().st_size == 0:
            raise SourceError(f"{path} is empty; perhaps it was not fetched to its end")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    name = path.name.lower()
    if ".parquet" in name:
        return read_parquet(path)
    if ".jsonl" in name:
        return read_jsonl(path)
    raise SourceError(f"{path} is neither .parquet nor .jsonl, which are what PostHog exports")
