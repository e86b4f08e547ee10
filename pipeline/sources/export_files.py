"""The files that `export:PATH` names: one, those of a folder, those that a pattern matches, or
the same in object storage."""

import fnmatch
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from pipeline.sources.base import SourceError
from survey.addresses import hide_secrets, show_address

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
        return printable_path(self.path) if self.filesystem is None else show_address(self.address)

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
            with pa.OSFile(os.fsencode(self.path)) as file:
                yield file
        else:
            with _as_source_error(self.address, self.filesystem):
                remote = self.filesystem.open(self.path, "rb")
            with remote as file:
                yield file

    def check_unchanged(self) -> None:
        """Raise SourceError where the file is another than it was when it was found."""
        try:
            found = _stat(self.path, self.filesystem)
        except OSError:
            found = None
        except Exception as error:
            if self.filesystem is None:
                raise
            raise SourceError(explain(error, self.address)) from None
        if found != self:
            raise SourceError(f"{self} changed while it was read; run the command again")


def find_files(path: str) -> list[ExportFile]:
    """Return the export files that a path names, by name; raises SourceError where there are none.

    A folder is searched with all folders in it, and those that links lead to. A manifest says
    which files belong to an export. What is missing, or cannot be looked into, is an error.
    """
    filesystem, location = _open_filesystem(path)
    with _as_source_error(path, filesystem):
        return _find(path, location, filesystem)


@contextmanager
def _as_source_error(path: str, filesystem: Any) -> Iterator[None]:
    """Around what a filesystem is asked: what goes wrong there becomes a SourceError."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        # Each package for addresses has errors of its own.
        if filesystem is None and not isinstance(error, OSError):
            raise
        raise SourceError(explain(error, path)) from None


def _find(path: str, location: str, filesystem: Any) -> list[ExportFile]:
    names, shown = _list(location, filesystem), show_address(path)
    if names is None:
        if _PATTERN.search(location):
            raise SourceError(f"{shown} matches no file")
        raise SourceError(f"{shown} does not exist")
    is_one = names == [location]
    manifests = [name for name in names if name.endswith(_MANIFEST)]
    data = sorted(name for name in names if _is_export(name))
    if not data and is_one:
        raise SourceError(f"{shown} is neither .parquet nor .jsonl, which are what PostHog exports")
    if not data:
        raise SourceError(f"{shown} holds no export files: none is .parquet or .jsonl")
    for manifest in manifests:
        _check_manifest(manifest, frozenset(data), filesystem)
    files = [_stat(name, filesystem) for name in data]
    for file in files:
        # An unpacker takes nothing at all for the end of a whole file.
        if file.size == 0:
            raise SourceError(f"{file} is empty; perhaps it was not fetched to its end")
    return files


def _open_filesystem(path: str) -> tuple[Any, str]:
    """Return where the files are, None for this machine, and the path there."""
    if "://" not in path:
        return None, path
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    try:
        filesystem, location = fsspec.core.url_to_fs(path)
    except ImportError as error:
        raise SourceError(_explain_missing_package(path, error)) from None
    except Exception as error:
        # Some connect at once.
        raise SourceError(explain(error, path)) from None
    return None if isinstance(filesystem, LocalFileSystem) else filesystem, str(location)


def _explain_missing_package(path: str, error: ImportError) -> str:
    """Return what to install to read an address; fsspec names the package, ours has only that for
    S3."""
    is_s3 = path.partition("://")[0].rpartition("::")[2] in ("s3", "s3a")
    advice = "it comes with pip install 'csat[s3]'" if is_s3 else hide_secrets(str(error), path)
    return f"{show_address(path)} needs a package that is not installed: {advice}"


def explain(error: Exception, path: str) -> str:
    """Return which file, folder or address cannot be read, and why; the first line of an error says
    it."""
    name, reason = path, str(error).partition("\n")[0]
    if isinstance(error, OSError):
        name = path if error.filename is None else os.fsdecode(error.filename)
        if isinstance(error, FileNotFoundError) and Path(name).is_symlink():
            leads_to = printable_path(os.fsdecode(Path(name).readlink()))
            return f"{printable_path(name)} is a link to {leads_to}, which does not exist"
        # Arrow has sentences of its own.
        reason = os.strerror(error.errno) if error.errno else reason
    reason = hide_secrets(reason, path) or type(error).__name__
    return f"{show_address(printable_path(name))} cannot be read: {reason}"


def printable_path(path: str) -> str:
    """Return the path as text: what is not UTF-8 in a name is written as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _list(location: str, filesystem: Any) -> list[str] | None:
    """Return what a path names; None where there is nothing."""
    if filesystem is None:
        return _list_here(location)
    if _PATTERN.search(location):
        return [str(each) for each in filesystem.glob(location)] or None
    if filesystem.isdir(location):
        return list(_walk_server(location, filesystem))
    return [location] if filesystem.exists(location) else None


def _list_here(location: str) -> list[str] | None:
    """Return what a path on this machine names; None where there is nothing. Raises OSError."""
    try:
        is_folder = stat.S_ISDIR(Path(location).stat().st_mode)
    except FileNotFoundError:
        if Path(location).is_symlink():
            raise
        return list(dict.fromkeys(_match("", Path(location).parts))) or None
    return _list_files(location) if is_folder else [location]


def _match(folder: str, parts: Sequence[str]) -> Iterator[str]:
    """Yield the files in a folder that the parts of a pattern match; `**` is any number of folders.

    Python's own `glob` says nothing of a folder that cannot be read. Raises OSError.
    """
    part, *rest = parts
    if part == "**":
        for each, _ in _walk(folder):
            yield from _match(each, rest or ["*"])
        return
    names = [part]
    if _PATTERN.search(part):
        with os.scandir(folder or ".") as entries:
            names = fnmatch.filter(sorted(entry.name for entry in entries), part)
    for name in names:
        path = str(Path(folder, name))
        try:
            is_folder = stat.S_ISDIR(Path(path).stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            is_folder = False
            if not Path(path).is_symlink():
                continue
        if rest and is_folder:
            yield from _match(path, rest)
        elif not rest and not is_folder:
            yield path


def _list_files(folder: str) -> list[str]:
    """Return the files of a folder and of all folders in it.

    Raises OSError for a folder that cannot be read, or a link that leads nowhere.
    """
    files = []
    for _, entries in _walk(folder):
        for entry in entries:
            if entry.is_symlink() and not entry.name.startswith("."):
                entry.stat()  # raises an error for a link that leads nowhere
            if not entry.is_dir():
                files.append(entry.path)
    return files


def _walk(folder: str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Yield a folder and all folders in it, and those that links lead to, each once, with what is
    in them; raises OSError."""
    seen = set()
    waiting = [folder]
    while waiting:
        location = waiting.pop()
        found = Path(location).stat()
        if (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            with os.scandir(location) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
            yield location, inside
            waiting += [entry.path for entry in inside if entry.is_dir()]


def _walk_server(location: str, filesystem: Any) -> Iterator[str]:
    """Yield the files of a folder and of all folders in it; raises the errors of the file
    system."""
    from fsspec.asyn import AsyncFileSystem

    if isinstance(filesystem, AsyncFileSystem):
        # Stores of objects have no folders, and list everything at once.
        yield from map(str, filesystem.find(location))
        return
    # `find` says nothing of a folder that cannot be read.
    waiting = [location]
    while waiting:
        for entry in filesystem.ls(waiting.pop(), detail=True):
            if entry["type"] == "directory":
                waiting.append(entry["name"])
            else:
                yield str(entry["name"])


def _is_export(path: str) -> bool:
    """Return whether a file is one of events. What PostHog or others put beside them is not."""
    name = PurePosixPath(path).name.lower()
    is_data = ".parquet" in name or ".jsonl" in name
    return is_data and not name.startswith(".") and not name.endswith(_MANIFEST)


def _check_manifest(manifest: str, found: frozenset[str], filesystem: Any) -> None:
    shown = show_address(manifest)
    try:
        with _stat(manifest, filesystem).open() as file:
            listed = json.loads(bytes(file.read()))["files"]
        names = [PurePosixPath(name).name for name in listed]
    except OSError as error:
        raise SourceError(f"{shown} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError):
        raise SourceError(f"{shown} is not one of PostHog's manifests: no list files") from None
    folder = PurePosixPath(manifest).parent
    for name in names:
        if str(folder / name) not in found:
            raise SourceError(f"{shown} lists {name}, which is not there; fetch it, too")


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
