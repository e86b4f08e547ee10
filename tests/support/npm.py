"""Checkers that come from npm's registry: pinned, checked, fetched once, without npm."""

import base64
import hashlib
import io
import json
import subprocess
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.support.command import ROOT

FOLDER = ROOT / "build/npm"


@dataclass(frozen=True)
class NpmFile:
    """One file of a package: `integrity` is what `npm view PACKAGE dist.integrity` says."""

    package: str
    version: str
    member: str
    integrity: str

    def path(self) -> Path:
        """Where the file is; it is fetched where it is missing."""
        path = FOLDER / f"{self.package}-{self.version}" / Path(self.member).name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Beside it first: what is there is whole, whatever interrupts this.
            partial = path.with_suffix(".partial")
            partial.write_bytes(self._fetch())
            partial.rename(path)
        return path

    def _fetch(self) -> bytes:
        name = f"{self.package}-{self.version}.tgz"
        address = f"https://registry.npmjs.org/{self.package}/-/{name}"
        with urllib.request.urlopen(address, timeout=120) as answer:
            archive = answer.read()
        digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
        if f"sha512-{digest}" != self.integrity:
            raise ValueError(f"{address} is not what it was when its checksum was pinned")
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            member = files.extractfile(f"package/{self.member}")
            assert member is not None
            return member.read()


# Finds accessibility problems in a page that a browser shows.
AXE = NpmFile(
    "axe-core",
    "4.14.1",
    "axe.min.js",
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)

# The checker of the W3C: whether HTML is HTML. Needs Java.
NU = NpmFile(
    "vnu-jar",
    "26.9.27",
    "build/dist/vnu.jar",
    "sha512-TkQd5DFfOaWC9ebtvozTsrH2Vaod3jYg+vrOeREzIXxBexLz9+rS2DNtjn7+RPUiZhgli0SghgBX6RJRNea0KA==",
)

# For a program that ends after seconds, Java's best compiler costs more than it saves, and so do
# threads that collect garbage. Code that is compiled less needs a larger stack.
_JAVA = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xss4m")


def check_html(path: Path, *options: str) -> list[str]:
    """What the W3C's checker says of a file, or of those in a folder: each message by its file."""
    command = [*_JAVA, "-jar", NU.path(), "--stdout", "--format", "json", *options, path]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    messages = json.loads(checked.stdout)["messages"]
    return [f"{each['url']}: {each['message']}" for each in messages]
