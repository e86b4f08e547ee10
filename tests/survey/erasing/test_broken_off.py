"""An erasure that is killed between two steps goes on when it is started again."""

import json
import shutil

import pytest

from survey.erasing.person import erase_person
from survey.store.database import Database
from survey.store.erasing import TABLES
from survey.store.models import ErasureRow
from tests.conftest import on_sqlite
from tests.support.erasing import (
    PERSON,
    erase_killed_before,
    find_marks,
    leave_traces,
    settings_of,
)
from tests.support.rows import rows


@pytest.fixture
def settings(database_url):
    return settings_of(database_url)


@on_sqlite
def test_killed_anywhere_it_ends_as_if_it_had_not_been(database, settings, clock, tmp_path):
    leave_traces(database, settings, clock())
    clock.advance(hours=3)
    database.clean(TABLES)
    twin = tmp_path / "twin.db"
    shutil.copy(database.path, twin)
    at_once = Database(f"sqlite:///{twin}")
    expected = erase_person(at_once, settings, PERSON, "Ada", clock())
    killed = 0
    for step in (6, 20, 40, 60, 80, 100):
        killed += not erase_killed_before(settings, step, clock())
    assert killed >= 4
    erase_person(database, settings, PERSON, "Ada", clock())
    database.clean(TABLES)
    assert find_marks(database) == set()
    (proof,) = rows(database, ErasureRow)
    assert json.loads(proof.counts) == dict(expected.counts)
    at_once.close()
