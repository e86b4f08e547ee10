"""The files that `export:PATH` names: one, those of a folder, those that a pattern matches, or
the same in object storage."""

import glob
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from pipeline.sources.source import SourceError

_MANIFEST = "_manifest.json"
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class ExportFile:
    """A file as it was when it was found. `stamp` changes when its content does."""

    path: str
    size: int
    stamp: str
    filesystem: Any = None
    # Seconds since 1970; None where the stamp tells any two contents apart.
    changed_at: float | None = None

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """The last part of the path, in lower case."""
        return PurePosixPath(self.path).name.lower()

    @property
    def address(self) -> str:
        """Where the file is, whatever the folder one works in."""
        if self.filesystem is None:
            return str(Path(self.path).absolute())
        return str(self.filesystem.unstrip_protocol(self.path))

    @property
    def is_parquet(self) -> bool:
        """Parquet; what else there is are JSON lines."""
        return ".parquet" in self.name

    @contextmanager
    def open(self) -> Iterator[Any]:
        """The content, as pyarrow reads it."""
        if self.filesystem is None:
            with pa.OSFile(self.path) as file:
                yield file
        else:
            with self.filesystem.open(self.path, "rb") as file:
                yield file

    def check_unchanged(self) -> None:
        """Raise SourceError where the file is another than it was when it was found."""
        try:
            found = _stat(self.path, self.filesystem)
        except OSError:
            found = None
        if found != self:
            raise SourceError(f"{self} changed while it was read; run the command again")


def find_files(path: str) -> list[ExportFile]:
    """The export files that a path names, by name; raises SourceError where there are none.

    A manifest says which files belong to an export: one of them that is missing is an error.
    """
    filesystem, place = _open_filesystem(path)
    try:
        return _find(path, place, filesystem)
    except SourceError:
        raise
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:
        if filesystem is None:
            raise
        # Each package for addresses has errors of its own; the first line says what is wrong.
        reason = _without_user(str(error).partition("\n")[0] or type(error).__name__)
        raise SourceError(f"{_without_user(path)} cannot be read: {reason}") from None


def _find(path: str, place: str, filesystem: Any) -> list[ExportFile]:
    names = _list(place, filesystem)
    if names is None:
        if _PATTERN.search(place):
            raise SourceError(f"{path} matches no file")
        raise SourceError(f"{path} does not exist")
    is_one = names == [place]
    manifests = [name for name in names if name.endswith(_MANIFEST)]
    data = sorted(name for name in names if _is_export(name))
    if not data and is_one:
        raise SourceError(f"{path} is neither .parquet nor .jsonl, which are what PostHog exports")
    if not data:
        raise SourceError(f"{path} holds no export files: none is .parquet or .jsonl")
    for manifest in manifests:
        _check_manifest(manifest, frozenset(data), filesystem)
    files = [_stat(name, filesystem) for name in data]
    for file in files:
        # An unpacker takes nothing at all for the end of a whole file.
        if file.size == 0:
            raise SourceError(f"{file} is empty; perhaps it was not fetched to its end")
    return files


def _open_filesystem(path: str) -> tuple[Any, str]:
    """Where the files are, None for this machine, and the path there."""
    if "://" not in path:
        return None, path
    import fsspec

    try:
        filesystem, place = fsspec.core.url_to_fs(path)
    except ImportError:
        raise SourceError(
            f"{_without_user(path)} needs a package that is not installed; for s3:// it comes with "
            "pip install 'csat[s3]'"
        ) from None
    except ValueError as error:
        raise SourceError(f"{_without_user(path)} cannot be read: {error}") from None
    return filesystem, str(place)


def _without_user(url: str) -> str:
    """An address without what may be a password."""
    return re.sub(r"//[^/@]*@", "//", url)


def _list(place: str, filesystem: Any) -> list[str] | None:
    """What a path names; None where there is nothing."""
    if filesystem is None:
        if Path(place).is_dir():
            return [str(each) for each in Path(place).rglob("*") if not each.is_dir()]
        if Path(place).exists():
            return [place]
        # pathlib's patterns know no absolute paths.
        found = glob.glob(place, recursive=True)  # noqa: PTH207
        return [each for each in found if not Path(each).is_dir()] or None
    if _PATTERN.search(place):
        return [str(each) for each in filesystem.glob(place)] or None
    if filesystem.isdir(place):
        return [str(each) for each in filesystem.find(place)]
    return [place] if filesystem.exists(place) else None


def _is_export(path: str) -> bool:
    """Whether a file is one of events. What PostHog or others put beside them is not."""
    name = PurePosixPath(path).name.lower()
    is_data = ".parquet" in name or ".jsonl" in name
    return is_data and not name.startswith(".") and not name.endswith(_MANIFEST)


def _check_manifest(manifest: str, found: frozenset[str], filesystem: Any) -> None:
    try:
        with _stat(manifest, filesystem).open() as file:
            listed = json.loads(bytes(file.read()))["files"]
        names = [PurePosixPath(name).name for name in listed]
    except OSError as error:
        raise SourceError(f"{manifest} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError):
        raise SourceError(f"{manifest} is not one of PostHog's manifests: no list files") from None
    folder = PurePosixPath(manifest).parent
    for name in names:
        if str(folder / name) not in found:
            raise SourceError(f"{manifest} lists {name}, which is not there; fetch it, too")


def _stat(path: str, filesystem: Any) -> ExportFile:
    if filesystem is None:
        found = Path(path).stat()
        stamp = f"{found.st_mtime_ns}-{found.st_ctime_ns}-{found.st_ino}"
        return ExportFile(path, found.st_size, stamp, changed_at=found.st_mtime)
    filesystem.invalidate_cache()
    described = filesystem.info(path)
    marks = (described.get(name) for name in ("ETag", "etag", "mtime", "LastModified", "created"))
    stamp = next((str(mark) for mark in marks if mark), "")
    return ExportFile(path, int(described["size"] or 0), stamp, filesystem)
