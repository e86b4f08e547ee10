"""What was read of each export file, kept for the next time.

A kept partial is used as long as the file is the same, and all that it depends on: the code that
reads, and the rules that say what to read. Deleting any of them, at any time, does no harm.
"""

import hashlib
import io
import json
import sys
import tempfile
import time
import zlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from pipeline.sources.base import CACHE_FOLDER
from pipeline.sources.export_files import ExportFile
from survey.counting_rules import CountingRules, Derived
from survey.private_files import make_folder
from survey.settings import Settings
from survey.store.database import Database

# How long a file must have stood unchanged for what was read of it to be kept.
_SETTLED_SECONDS = 2.0
_CHECKSUM_BYTES = 4
# How the names of kept files end, and how those begin that are being written.
_ENDING, _BEGINNING = ".arrow", "tmp"
# Besides the whole pipeline, what decides over a number.
_CODE = (
    *(
        "survey/counting_rules.py",
        "survey/event_values.py",
        "survey/link_proofs.py",
        "survey/links.py",
        "survey/months.py",
        "survey/pseudonyms.py",
        "survey/scale.py",
        "survey/signing_keys.py",
    ),
    *("survey/teams.py", "survey/vocabulary.py"),
)


class PartialCache:
    """Tables of answers in a folder, a file each, and what they added up to the last time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> pa.Table | None:
        """Return a table by its name; None where there is nothing, or nothing that a checksum
        confirms."""
        try:
            with pa.memory_map(str(self._place(name))) as kept:
                content = kept.read_buffer()
        except OSError:
            return None
        end = content.size - _CHECKSUM_BYTES
        body_end = end - len(name)
        if body_end < 0 or content.slice(body_end, len(name)).to_pybytes() != name.encode():
            return None
        if zlib.crc32(content.slice(0, end)).to_bytes(_CHECKSUM_BYTES) != content.slice(end):
            return None
        return pa.ipc.open_stream(content.slice(0, body_end)).read_all()

    def load_file(self, file: ExportFile, rules: CountingRules) -> pa.Table | None:
        """Return what was read of a file (`answers.SCHEMA`), if it is kept."""
        return self.load(self.name(file, rules))

    def save_file(self, file: ExportFile, rules: CountingRules, table: pa.Table) -> None:
        """Keep what was read of a file; a folder that cannot be written keeps nothing."""
        if self.may_keep(file):
            self.save_table(self.name(file, rules), table)

    def may_keep(self, file: ExportFile) -> bool:
        """Return whether a change of the file would show: clocks of file systems tick slowly, and
        right after a change another may look the same."""
        return file.changed_at is None or time.time() - file.changed_at >= _SETTLED_SECONDS

    def save_table(self, name: str, table: pa.Table) -> None:
        """Keep a table, whole or not at all; it replaces the table whose name is the same up to
        `-`."""
        try:
            make_folder(self._folder)
            with tempfile.NamedTemporaryFile(
                prefix=_BEGINNING, dir=self._folder, delete=False
            ) as beside:
                checked = _Checked(beside)
                with pa.ipc.new_stream(checked, table.schema) as writer:
                    writer.write_table(table)
                checked.write(name.encode())
                beside.write(checked.checksum.to_bytes(_CHECKSUM_BYTES))
            Path(beside.name).replace(self._place(name))
        except OSError:
            return

    def _place(self, name: str) -> Path:
        return self._folder / f"{name.partition('-')[0]}{_ENDING}"

    def name(self, file: ExportFile, rules: CountingRules) -> str:
        """Return the name of what is kept of a file: it begins with the file, and ends with all
        that the content depends on."""
        depends = [file.size, file.stamp, code_version(), rules.fingerprint(Derived.ANSWERS)]
        return f"{digest(file.address)[:24]}-{digest(depends)[:40]}"


def erase_partials(database: Database, _settings: Settings) -> list[str]:
    """Delete what was read of export files: it holds persons, and is read again when it is needed.
    Return what to tell the operator; a line that begins with `remains: ` says what is left to do.

    This covers the folder of this installation, here and beside the database; another one is known
    only to whoever named it by `--cache`.
    """
    folders = {CACHE_FOLDER.resolve()}
    if database.path is not None:
        folders.add((database.path.parent / CACHE_FOLDER.name).resolve())
    deleted, lines = 0, []
    for file in sorted(file for folder in folders for file in _list_kept(folder)):
        try:
            file.unlink(missing_ok=True)
            deleted += 1
        except OSError as error:
            lines.append(f"remains: {file} cannot be deleted: {error.strerror}. Delete it by hand.")
    if deleted:
        lines.append(f"What was read of export files is deleted: {deleted:,} files.")
    return [*lines, "A folder that --cache named is not known here: delete its files by hand."]


def _list_kept(folder: Path) -> list[Path]:
    """Return the files that a cache keeps in a folder, and those of which the writing was broken
    off."""
    return [*folder.glob(f"*{_ENDING}"), *folder.glob(f"{_BEGINNING}*")]


class _Checked(io.RawIOBase):
    """A file, and the checksum of what is written to it: nothing large is held to be summed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.checksum = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.checksum = zlib.crc32(content, self.checksum)
        return self._file.write(content)


def digest(value: object) -> str:
    """Return a digest of what JSON can say."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


@cache
def code_version() -> str:
    """Return a digest of the code that makes partials and counts them, and of what it stands on."""
    found = hashlib.sha256(f"{sys.version_info[:2]} {pa.__version__} {version('duckdb')}".encode())
    root = Path(__file__).parents[2]
    for path in sorted([*root.glob("pipeline/**/*.py"), *(root / name for name in _CODE)]):
        found.update(path.read_bytes())
    return found.hexdigest()
