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
        return self.path if self.filesystem is None else show_address(self.address)

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
            raise SourceError(_explain(self.address, error)) from None
        if found != self:
            raise SourceError(f"{self} changed while it was read; run the command again")


def find_files(path: str) -> list[ExportFile]:
    """The export files that a path names, by name; raises SourceError where there are none.

    A manifest says which files belong to an export: one of them that is missing is an error.
    """
    filesystem, place = _open_filesystem(path)
    with _as_source_error(path, filesystem):
        return _find(path, place, filesystem)


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
        raise SourceError(_explain(path, error)) from None


def _explain(path: str, error: Exception) -> str:
    """Why something cannot be read; the first line of an error says what is wrong."""
    said = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    reason = hide_secrets(said, path) or type(error).__name__
    return f"{show_address(path)} cannot be read: {reason}"


def _find(path: str, place: str, filesystem: Any) -> list[ExportFile]:
    names, shown = _list(place, filesystem), show_address(path)
    if names is None:
        if _PATTERN.search(place):
            raise SourceError(f"{shown} matches no file")
        raise SourceError(f"{shown} does not exist")
    is_one = names == [place]
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
    """Where the files are, None for this machine, and the path there."""
    if "://" not in path:
        return None, path
    import fsspec

    try:
        filesystem, place = fsspec.core.url_to_fs(path)
    except ImportError as error:
        raise SourceError(_explain_missing_package(path, error)) from None
    except Exception as error:
        # Some connect at once.
        raise SourceError(_explain(path, error)) from None
    return filesystem, str(place)


def _explain_missing_package(path: str, error: ImportError) -> str:
    """What to install to read an address; fsspec names the package, ours has only that for S3."""
    is_s3 = path.partition("://")[0].rpartition("::")[2] in ("s3", "s3a")
    advice = "it comes with pip install 'csat[s3]'" if is_s3 else hide_secrets(str(error), path)
    return f"{show_address(path)} needs a package that is not installed: {advice}"


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
