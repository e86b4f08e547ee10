"""The lock files: every dependency in one version, known by the hashes of its files."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = {
    "requirements.lock": (),
    "requirements-test.lock": ("s3", "dask", "bench", "test"),
    "requirements-fuzz.lock": ("fuzz",),
}
REQUIREMENT = re.compile(
    r"(?P<name>[a-z0-9-]+)(\[[a-z,-]+\])?==(?P<version>[^ ;]+)( ; [^-]+)?"
    r"(?P<hashes>( --hash=sha256:[0-9a-f]{64})+)"
)


def requirements_of(lock):
    """The requirements of a lock file, each in one line."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace(" \\\n   ", "")
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def pinned(lock):
    """The versions of a lock file, by name."""
    found = [REQUIREMENT.fullmatch(line) for line in requirements_of(lock)]
    return {match["name"]: match["version"] for match in found if match}


def wanted(extras):
    """The names that pyproject.toml wants."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][each] for each in extras)]
    return {re.split(r"[\[<>=]", each)[0].lower() for lines in lists for each in lines}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_by_hash(lock):
    assert [line for line in requirements_of(lock) if not REQUIREMENT.fullmatch(line)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_that_the_project_wants_is_in_it(lock):
    assert wanted(LOCKS[lock]) - set(pinned(lock)) == set()


def test_what_is_tested_is_what_is_installed():
    installed, tested = pinned("requirements.lock"), pinned("requirements-test.lock")
    assert installed.items() <= tested.items()
