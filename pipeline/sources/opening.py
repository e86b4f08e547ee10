"""Finding the source that a command names.

Most sources need packages that take long to import: each is imported when it is opened.
"""

from importlib.util import find_spec
from pathlib import Path

from pipeline.sources.base import BadSource, EventSource, Source, SourceError
from survey.addresses import show_address
from survey.counting_rules import CountingRules
from survey.erasures import NOTHING_ERASED, Erasures
from survey.settings import Settings
from survey.store.database import Database
from survey.store.erasures import read_erasures


def open_source(
    name: str,
    settings: Settings,
    rules: CountingRules,
    database: Database,
    cache: Path | None = None,
) -> Source:
    """Return the source that `--source` names: `database`, `export:PATH` or `posthog`; raises
    BadSource.

    What is read of export files is kept in the folder `cache`, if one is given. What was erased
    from `database`, the configured store, is shown by no source. Raises SettingsError where a
    setting is missing that the source needs, or a secret that erasures used.
    """
    erasures = _read_erasures(settings, database)
    if name == "database":
        from pipeline.sources.store import StoreSource

        return StoreSource(database, rules)
    return open_event_source(name, settings, rules, cache, erasures)


def open_event_source(
    name: str,
    settings: Settings,
    rules: CountingRules,
    cache: Path | None = None,
    erasures: Erasures = NOTHING_ERASED,
) -> EventSource:
    """Return the source of events that a name says: all but `database`; raises BadSource. Events
    themselves are given as they are; `erasures` are applied where they are reported."""
    if name == "posthog":
        from pipeline.sources.posthog import PostHogSource

        return PostHogSource(settings, rules, erasures=erasures)
    kind, _, path = name.partition(":")
    if kind == "export" and path:
        from pipeline.sources.cache import PartialCache
        from pipeline.sources.export import ExportSource

        return ExportSource(path, rules, PartialCache(cache) if cache else None, erasures)
    raise BadSource(
        f"{show_address(name)!r} is no source; there are database, export:PATH and posthog"
    )


def open_dask_source(
    name: str, settings: Settings, rules: CountingRules, database: Database, scheduler: str | None
) -> Source:
    """Return export files, counted by Dask's workers; raises BadSource for any other source, and
    SourceError where Dask is not installed. As `open_source` in all else."""
    erasures = _read_erasures(settings, database)
    kind, _, path = name.partition(":")
    if kind != "export" or not path:
        raise BadSource(f"{show_address(name)!r} is not counted by Dask; it counts export:PATH")
    if find_spec("distributed") is None or find_spec("dask") is None:
        raise SourceError("Dask is not installed; it comes with pip install 'csat[dask]'")
    from pipeline.sources.dask import DaskSource

    return DaskSource(path, rules, scheduler, erasures)


def _read_erasures(settings: Settings, database: Database) -> Erasures:
    if not database.exists:
        return NOTHING_ERASED
    with database.reading() as connection:
        return read_erasures(connection, settings.secret_keys)
