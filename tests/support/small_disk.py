"""A disk with a site's database and log on it, which can be filled up and freed again."""

import contextlib
import os
import resource
import subprocess
from pathlib import Path

from tests.support.tree import SiteTree

# Room for the database, and for its log of 4 MB.
SIZE = 32 * 1024 * 1024


class MountedDisk:
    """A file system in memory; only root can mount one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def mount(self) -> bool:
        """Whether it could be mounted."""
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.folder)]
        done = subprocess.run(command, capture_output=True, check=False)
        return done.returncode == 0

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
