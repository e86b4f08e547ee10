"""What the rules need of each file: read by several threads, and kept for the next time.

A kept partial is used as long as the file is the same, and all that it depends on: the code that
reads, and the settings that say what to read. Deleting any of them, at any time, does no harm.
"""

import hashlib
import json
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import pyarrow as pa

from pipeline.reduced import SCHEMA, join
from pipeline.sources.files import ExportFile
from pipeline.sources.source import OnProgress
from survey.settings import Settings

# More of them read faster, and each takes some 100 MB.
_MOST_THREADS = 8
# How long a file must have stood unchanged for what was read of it to be kept.
_SETTLED_SECONDS = 2.0
_CHECKSUM_BYTES = 4
# All that decides what is in a partial.
_CODE = (
    *("pipeline/clean.py", "pipeline/extract.py", "pipeline/reduced.py", "pipeline/scan.py"),
    *("pipeline/sources/jsonl.py", "pipeline/sources/parquet.py", "survey/scale.py"),
    *("survey/teams.py", "pipeline/sources/one_by_one.py"),
)


def read_partials(
    files: Sequence[ExportFile],
    settings: Settings,
    cache: "PartialCache | None",
    on_progress: OnProgress,
) -> list[pa.Table]:
    """The reduced answers of each file; raises SourceError that names file and row."""
    count = _Counter(on_progress)
    threads = max(1, min(_MOST_THREADS, len(os.sched_getaffinity(0))))

    def read(file: ExportFile) -> pa.Table:
        kept = cache.load(file, settings) if cache else None
        if kept is not None:
            count.add(kept.num_rows)
            return kept
        table = _reduce(file, settings, count, pool if len(files) < threads else None)
        file.check_unchanged()
        if cache:
            cache.save(file, settings, table)
        return table

    with ThreadPoolExecutor(threads) as pool:
        if len(files) < threads:
            return [read(file) for file in files]
        return list(pool.map(read, files))


def _reduce(
    file: ExportFile, settings: Settings, count: "_Counter", pool: ThreadPoolExecutor | None
) -> pa.Table:
    # Not before they are needed: the scanner's machine code takes half a second to load.
    from pipeline.sources.jsonl import reduce_jsonl
    from pipeline.sources.parquet import count_row_groups, reduce_parquet

    if not file.is_parquet:
        return reduce_jsonl(file, settings, count.add)
    if pool is None:
        return reduce_parquet(file, settings, count.add)
    groups = range(count_row_groups(file))
    return join(pool.map(lambda group: reduce_parquet(file, settings, count.add, group), groups))


class _Counter:
    """How many answers have been read so far, by all threads."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._lock = Lock()
        self._count = 0

    def add(self, some: int) -> None:
        with self._lock:
            self._count += some
            self._on_progress(self._count)


class PartialCache:
    """Partials in a folder, a file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, file: ExportFile, settings: Settings) -> pa.Table | None:
        """What was kept of a file; None where there is nothing, or nothing whole."""
        try:
            with pa.memory_map(str(self._place(file, settings))) as kept:
                content = kept.read_buffer()
        except OSError:
            return None
        end = content.size - _CHECKSUM_BYTES
        if end < 0:
            return None
        body, checksum = content.slice(0, end), content.slice(end).to_pybytes()
        if checksum != _checksum(body):
            return None
        return pa.ipc.open_stream(body).read_all().cast(SCHEMA)

    def save(self, file: ExportFile, settings: Settings, table: pa.Table) -> None:
        """Keep what was read of a file; a folder that cannot be written keeps nothing."""
        # Clocks of file systems tick slowly: right after a change, another may look the same.
        if file.changed_at is not None and time.time() - file.changed_at < _SETTLED_SECONDS:
            return
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, SCHEMA) as writer:
            writer.write_table(table)
        body = sink.getvalue()
        place = self._place(file, settings)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for earlier in self._folder.glob(f"{place.name.partition('-')[0]}-*"):
                earlier.unlink(missing_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as beside:
                beside.write(body)
                beside.write(_checksum(body))
            Path(beside.name).replace(place)
        except OSError:
            return

    def _place(self, file: ExportFile, settings: Settings) -> Path:
        """Where a file's partial is: named after the file, then after all that it depends on."""
        depends = [
            *(file.size, file.stamp, _code_version()),
            *(settings.survey_id, settings.rating_question_id, settings.comment_question_id),
        ]
        return self._folder / f"{_digest(file.address)[:24]}-{_digest(depends)[:40]}.arrow"


def _checksum(body: pa.Buffer) -> bytes:
    return zlib.crc32(body).to_bytes(_CHECKSUM_BYTES)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _code_version() -> str:
    """A digest of the code that makes partials, and of what it stands on."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {pa.__version__}".encode())
    house = Path(__file__).parents[2]
    for name in _CODE:
        digest.update((house / name).read_bytes())
    return digest.hexdigest()
