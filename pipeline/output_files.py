"""Files appear whole or not at all, with cells that no spreadsheet takes for formulas."""

import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from survey.errors import CsatError
from survey.private_files import make_folder, open_private

# A cell that starts with one of these is run by spreadsheets (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NEEDS_QUOTES = re.compile(r'[,"\r\n]')


class OutputError(CsatError):
    """A file cannot be written where it was asked for."""


def defuse(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def format_csv(frame: pd.DataFrame) -> str:
    """Return a frame as CSV: header row, `\\n`, ISO times, blank where a value is missing."""
    # Column by column: to take single values out of a column of texts is slow.
    columns = [map(_format_cell, [name, *frame[name].tolist()]) for name in frame]
    return "".join(",".join(row) + "\n" for row in zip(*columns, strict=True))


def _format_cell(value: Any) -> str:
    if isinstance(value, str):
        text = defuse(value)
        # Python's own writer leaves a lone CR unquoted, and readers take it for a new row.
        return '"{}"'.format(text.replace('"', '""')) if _NEEDS_QUOTES.search(text) else text
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def write_files(
    folder: Path, contents: Mapping[str, str], *, replacing: Collection[str] = ()
) -> None:
    """Write all these files into a folder, or none: each is written beside, then put in place.

    Files named in `replacing` that are not written again are removed: they belong to what stood
    there before. Raises OutputError where the folder cannot be made or written.
    """
    with _as_output_error(folder, folder):
        make_folder(folder)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as beside:
            for name, text in contents.items():
                _write_durably(Path(beside, name), text.encode("utf-8"))
            _put_in_place(Path(beside), folder, contents, set(replacing) - set(contents))


def _put_in_place(
    beside: Path, folder: Path, names: Iterable[str], obsolete: Collection[str]
) -> None:
    """Move files into a folder; if one of them cannot be, all that stood there comes back."""
    with ExitStack() as undo:
        for name in (*names, *obsolete):
            target, earlier = folder / name, beside / f"{name}.earlier"
            if target.exists():
                shutil.copy2(target, earlier)
                undo.callback(earlier.replace, target)
            else:
                undo.callback(target.unlink, missing_ok=True)
        for name in names:
            (beside / name).replace(folder / name)
        for name in obsolete:
            (folder / name).unlink(missing_ok=True)
        undo.pop_all()


def write_file(path: Path, content: bytes) -> None:
    """Write one file whole, or leave what was there; raises OutputError."""
    with _as_output_error(path, path.parent):
        make_folder(path.parent)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as beside:
            written = Path(beside, path.name)
            _write_durably(written, content)
            written.replace(path)


def _write_durably(path: Path, content: bytes) -> None:
    with open_private(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _as_output_error(path: Path, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = _explain_place(folder) or error.strerror or str(error)
        raise OutputError(f"{path} cannot be written: {reason}") from None


def _explain_place(folder: Path) -> str | None:
    """Explain what stands where a folder, or one of its parents, would have to be made."""
    for place in (folder, *folder.parents):
        if place.is_symlink() and not place.exists():
            return f"{place} is a link to {place.readlink()}, which does not exist"
        if place.is_file():
            return f"{place} is a file, not a folder"
    return None
