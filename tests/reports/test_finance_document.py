"""docs/finance.md: its walk through a month, run, and its program for auditors."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import csat as command_line
from pipeline.donations.lines import COLUMNS
from reports.commands import donations as commands
from survey.command_line import run_command
from survey.commands import responses
from survey.ledger import ChangeReason, EntryKind
from tests.conftest import on_sqlite
from tests.support.command import ROOT
from tests.support.donations import AUGUST, OCTOBER, SEPTEMBER, Donations
from tests.support.golden_donations import ENTRIES_CSV
from tests.support.settings import SECRET_KEY

DOCUMENT = ROOT / "docs/finance.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
NOVEMBER = OCTOBER.shift(1)

# A block of commands with what they print, and the day before it on which they are run.
WALK = re.compile(r"On (\d+ \w+ \d{4}):\n\n```console\n(.*?)```", re.DOTALL)


@on_sqlite
def test_the_walk_through_a_month_prints_what_the_document_says(
    database, settings, monkeypatch, capsys
):
    monkeypatch.setenv("CSAT_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CSAT_SECRET_KEY", SECRET_KEY)
    run = Walk(Donations(database, settings), monkeypatch, capsys)
    printed = WALK.sub(lambda block: block[0].replace(block[2], run(block[1], block[2])), TEXT)
    assert without_hashes(printed) == without_hashes(TEXT)
    assert run.commands == 13


class Walk:
    """A store whose months go by as the walk says; runs its commands."""

    def __init__(
        self, store: Donations, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.commands = 0
        self._store = store
        self._capsys = capsys
        for module in (commands, responses):
            monkeypatch.setattr(module, "now", lambda: store.now)
        store.respond(AUGUST, 38)
        store.respond(SEPTEMBER, 41)
        store.respond(OCTOBER, 33)
        self._later: dict[str, Callable[[], object]] = {
            "2 November 2026": lambda: store.respond(OCTOBER, 19, prefix="L", day=25),
            "1 December 2026": lambda: store.respond(NOVEMBER, 47),
        }

    def __call__(self, day: str, block: str) -> str:
        """Run the commands of a block; return it with what they print now."""
        self._later.pop(day, lambda: None)()
        self._store.now = datetime.strptime(day, "%d %B %Y").replace(hour=9, tzinfo=UTC)
        return "".join(self._run(line) for line in block.splitlines() if line.startswith("$ "))

    def _run(self, line: str) -> str:
        name, *arguments = shlex.split(line.removeprefix("$ "))
        self.commands += 1
        if name == "cat":
            return f"{line}\n{Path(*arguments).read_text(encoding='utf-8')}"
        assert run_command(command_line.cli, arguments) == 0
        printed = self._capsys.readouterr().out.replace("\u00a0", " ")
        return f"{line}\n{printed}"


def without_hashes(text: str) -> str:
    """The hashes cover the fingerprint of the rules, to which a later release may add."""
    return re.sub(r"\b[0-9a-f]{64}\b", "…", text)


class TestTheProgramForAuditors:
    @pytest.fixture
    def audit(self, tmp_path) -> Callable[[str], subprocess.CompletedProcess[str]]:
        (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)

        def audit(entries: str) -> subprocess.CompletedProcess[str]:
            (tmp_path / "entries.csv").write_bytes(entries.encode())
            return subprocess.run(
                [sys.executable, "-I", "-c", program],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )

        return audit

    def test_it_recomputes_the_chain(self, audit):
        entries = ENTRIES_CSV.read_text(encoding="utf-8")
        last = entries.splitlines()[-1].rpartition(",")[2]
        done = audit(entries)
        assert done.stdout == f"25 entries, the last has the hash {last}\n"

    @pytest.mark.parametrize(
        ("before", "after", "reason"),
        [
            ("3.50,Hedgehog Rescue", "3.51,Hedgehog Rescue", "changed: 5"),
            ("'-BACS 1", "'-BACS 2", "changed: 6"),
            ("fiona,,,,7,", "fiona,,,,8,", "changed: 5"),
            ("\n7,rate", None, "something is missing before entry 8"),
        ],
    )
    def test_it_finds_what_was_changed(self, audit, before, after, reason):
        entries = ENTRIES_CSV.read_text(encoding="utf-8")
        assert before in entries
        if after is None:
            changed = "\n".join(row for row in entries.split("\n") if not row.startswith("7,"))
        else:
            changed = entries.replace(before, after)
        done = audit(changed)
        assert done.returncode == 1
        assert done.stderr.rstrip().endswith(reason)


def test_every_column_kind_and_reason_is_explained():
    explained = set(first_cells())
    assert explained >= {*COLUMNS, *EntryKind, *ChangeReason}


def first_cells() -> Iterator[str]:
    """The names in the first cells of all tables."""
    for row in re.findall(r"^\| (.*?) \|", TEXT, re.MULTILINE):
        yield from re.findall(r"`([^`]+)`", row)
