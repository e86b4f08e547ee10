"""Who may read the files that we write: their owner alone, whatever the umask.

Answers, comments, links and reports are other people's words. Files have the mode 0600, folders
that we make 0700; a folder that was there already stays as it is.
"""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import IO, Any

FILE_MODE, FOLDER_MODE = 0o600, 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_files_private() -> None:
    """Make all files that this process and its children create from now on readable only by their
    owner, also those that libraries create."""
    os.umask(_OTHERS)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing; raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(FOLDER_MODE)
        folder.chmod(FOLDER_MODE)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def open_private(path: Path, mode: str = "wb", **options: Any) -> IO[Any]:
    """Open a file to write it, as `open` does; one that was there already is for its owner alone,
    too, from then on."""
    return open(path, mode, opener=open_descriptor, **options)


def create_private(path: Path) -> None:
    """Make an empty file where there is none. What is there is not opened: closing it would end
    the locks that this process has on it."""
    with contextlib.suppress(FileExistsError):
        os.close(open_descriptor(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def make_private(path: Path) -> None:
    """Let only the owner read a file that is there; one of somebody else's stays as it is."""
    with contextlib.suppress(OSError):
        if is_open_to_others(path):
            path.chmod(FILE_MODE)


def is_open_to_others(path: Path) -> bool:
    """Return whether somebody else than its owner may read or write a file."""
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def open_descriptor(path: str | Path, flags: int) -> int:
    """Open a file for writing by `os.open`; return its descriptor."""
    descriptor = os.open(path, flags, FILE_MODE)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode) and stat.S_IMODE(mode) != FILE_MODE:
        # The file may be older, or made under a strange umask. Another owner's file is not changed.
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, FILE_MODE)
    return descriptor
