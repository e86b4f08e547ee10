"""What docs/security.md names is there: each threat says four things, and each test exists."""

import ast
import re
from functools import cache

import pytest

from tests.support.command import ROOT

TEXT = (ROOT / "docs/security.md").read_text(encoding="utf-8")
THREATS = {
    text.partition("\n")[0]: text.partition("\n")[2]
    for text in re.split(r"^## ", TEXT, flags=re.M)[1:]
}


@cache
def names_in(path: str) -> set[str]:
    """The functions and classes of a file, those in classes as `Class::function`."""
    found = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (each for each in node.body if isinstance(each, ast.FunctionDef))
            found |= {f"{node.name}::{each.name}" for each in inner}
    return found


@pytest.mark.parametrize("threat", THREATS)
def test_each_threat_says_what_stops_and_notices_it_what_remains_and_what_shows_it(threat):
    words = re.findall(r"^- \*\*(.+?)\*\*: ", THREATS[threat], re.M)
    assert words == ["Stops", "Notices", "Remains", "Shown by"]


@pytest.mark.parametrize("threat", THREATS)
def test_each_test_that_is_named_exists(threat):
    named = re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", THREATS[threat])
    assert named
    missing = [f"{path}::{name}" for path, name in named if name not in names_in(path)]
    assert missing == []


def test_nothing_else_is_named_as_a_test():
    assert len(re.findall(r"`tests/", TEXT)) == len(re.findall(r"`tests/[\w/]+\.py::[\w:]+`", TEXT))
