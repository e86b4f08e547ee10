"""What was read of export files holds persons: it is deleted, and can be read again."""

import os
from pathlib import Path

import pytest

from pipeline.sources.base import CACHE_FOLDER
from pipeline.sources.cache import erase_partials
from survey.store.database import Database
from tests.support.command import run_csat
from tests.support.events import make_event, write_jsonl
from tests.support.settings import make_settings

PERSON = "jane@example.com"


@pytest.fixture
def aggregate(tmp_path):
    """Count an export file, in a folder of its own: the cache is beside the database there."""
    write_jsonl(tmp_path / "export.jsonl", [make_event(distinct_id=PERSON)])
    # A file that was changed a moment ago is not kept.
    os.utime(tmp_path / "export.jsonl", (1_000_000_000, 1_000_000_000))

    def aggregate():
        done = run_csat("aggregate", "--source", "export:export.jsonl", "--out", "counts.csv")
        assert done.returncode == 0, done.stderr
        return Path("counts.csv").read_bytes()

    return aggregate


def erase(url: str) -> list[str]:
    return erase_partials(Database(url), make_settings(database_url=url))


def holding(folder: Path) -> list[Path]:
    return [
        each
        for each in folder.rglob("*")
        if each.is_file() and PERSON.encode() in each.read_bytes()
    ]


def test_partials_are_deleted_and_made_again(aggregate, tmp_path):
    counts = aggregate()
    assert holding(tmp_path / CACHE_FOLDER)
    # The writing of one was broken off.
    (tmp_path / CACHE_FOLDER / "tmpabc").write_text(PERSON)
    told = erase(f"sqlite:///{tmp_path}/var/csat.db")
    assert told[0].startswith("What was read of export files is deleted: ")
    assert "--cache" in told[-1]
    assert not holding(tmp_path / "var")
    assert aggregate() == counts


def test_those_beside_the_database_are_found_from_anywhere(aggregate, tmp_path, monkeypatch):
    aggregate()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    erase(f"sqlite:///{tmp_path}/var/csat.db")
    assert not holding(tmp_path / "var")


def test_without_a_cache_there_is_nothing_to_delete():
    (told,) = erase("postgresql://nobody@127.0.0.1:1/none")
    assert "--cache" in told


def test_a_file_that_cannot_be_deleted_remains(tmp_path):
    (tmp_path / CACHE_FOLDER / "x.arrow").mkdir(parents=True)
    told, _ = erase(f"sqlite:///{tmp_path}/var/csat.db")
    assert told.startswith(f"remains: {tmp_path / CACHE_FOLDER / 'x.arrow'} cannot be deleted: ")
