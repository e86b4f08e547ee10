"""A disk with a site's database and log on it, which can be filled up and freed again."""

import contextlib
import os
import resource
import subprocess
from pathlib import Path

from tests.support.tree import SiteTree

# Room for the database, and for its log of 4 MB.
SIZE = 32 * 1024 * 1024


# The files of a site, and some more.
INODES = 64


class MountedDisk:
    """A file system in memory; only root can mount one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def mount(self) -> bool:
        """Whether it could be mounted."""
        options = f"size={SIZE},nr_inodes={INODES}"
        return _succeeds("mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder)

    def unmount(self) -> None:
        """Give it back, even while somebody looks at it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def fill(self, free_bytes: int, site: SiteTree) -> None:
        """Leave only about so much for the site to write."""
        state = os.statvfs(self.folder)
        size = max(state.f_bavail * state.f_frsize - free_bytes, 0)
        # The site writes at the same time, and may have taken some of it.
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            filler.write(bytes(size))

    def free(self, site: SiteTree) -> None:
        """Give it room again."""
        self._filler.unlink()

    def use_up_inodes(self) -> None:
        """Leave room for bytes, but for no other file."""
        with contextlib.suppress(OSError):
            self._empty_files().mkdir(exist_ok=True)
            for number in range(INODES):
                (self._empty_files() / f"{number}").touch()

    def free_inodes(self) -> None:
        """Let there be other files again."""
        for file in self._empty_files().iterdir():
            file.unlink()
        self._empty_files().rmdir()

    def _empty_files(self) -> Path:
        return self.folder / "empty"


class JournaledDisk:
    """A disk that its system makes read-only when it finds it damaged, whatever is open there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "disk"
        self.folder.mkdir()
        self._image = folder / "disk.img"

    def mount(self) -> bool:
        """Whether it could be made and mounted."""
        with self._image.open("wb") as image:
            image.truncate(SIZE)
        return _succeeds("mkfs.ext4", "-q", "-F", self._image) and self._mount()

    def damage(self) -> None:
        """Let the system find it damaged: nothing can be written there any more."""
        assert _succeeds("mount", "-o", "remount,abort", self.folder)

    def repair(self) -> None:
        """Do what an operator does when everything that used it has ended."""
        self.unmount()
        # It ends with 1 where it has mended something.
        _succeeds("e2fsck", "-p", self._image)
        assert self._mount()

    def unmount(self) -> None:
        """Give it back."""
        assert _succeeds("umount", self.folder)

    def _mount(self) -> bool:
        return _succeeds("mount", "-o", "loop,errors=remount-ro", self._image, self.folder)


def _succeeds(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class SizeLimit:
    """No file of the site's may grow further: what anybody can do to their own processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, free_bytes: int, site: SiteTree) -> None:
        """From now on no file is written beyond so many bytes."""
        self._limit(site, free_bytes)

    def free(self, site: SiteTree) -> None:
        """Give it room again."""
        self._limit(site, resource.RLIM_INFINITY)

    def _limit(self, site: SiteTree, size: int) -> None:
        for pid in site.processes():
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
