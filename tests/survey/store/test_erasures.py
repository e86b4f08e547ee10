"""What was erased, as the store knows it, and the secrets that it needs."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from survey.erasures import Erasures
from survey.pseudonyms import key_id, make_pseudonym
from survey.settings import SettingsError
from survey.store.erasures import read_erasures
from survey.store.models import ErasureRow, RedactionRow, RetentionRow
from tests.support.events import NOON


def read(database, *secrets):
    with database.reading() as connection:
        return read_erasures(connection, secrets)


@pytest.fixture
def erased(database):
    """A database in which jane was erased under an old secret, and a ticket redacted."""
    proof = {
        "pseudonym": make_pseudonym("jane", "old"),
        "key_id": key_id("old"),
        "erased_at": NOON,
        "confirmed_by": "Ada",
        "counts": "{}",
    }
    with database.writing() as connection:
        connection.execute(insert(ErasureRow), proof)
        connection.execute(insert(RedactionRow), {"ticket_id": "42", "redacted_at": NOON})
    return database


def test_at_first_nothing_is_erased(database):
    assert not read(database)


def test_a_person_is_erased_up_to_the_time_of_the_erasure(erased):
    erasures = read(erased, "new", "old")
    assert erasures.find_pseudonym("jane", NOON) == make_pseudonym("jane", "old")
    assert erasures.find_pseudonym("jane", NOON + timedelta(microseconds=1)) is None
    assert erasures.find_pseudonym("joe", NOON) is None
    assert erasures.tickets == {"42": NOON}


def test_a_secret_that_an_erasure_used_cannot_be_removed(erased):
    with pytest.raises(SettingsError, match="CSAT_SECRET_KEY lacks a secret"):
        read(erased, "new")


def test_what_is_forgotten_keeps_the_secret_with_which_it_began(erased):
    with erased.writing() as connection:
        row = {"key_id": key_id("old"), "forgotten_before": NOON - timedelta(days=1)}
        connection.execute(insert(RetentionRow), row)
    erasures = read(erased, "new", "old")
    assert erasures.forgotten_before == NOON - timedelta(days=1)
    assert erasures.find_pseudonym("joe", NOON - timedelta(days=3)) == make_pseudonym("joe", "old")
    assert erasures.find_pseudonym("joe", NOON) is None


def test_a_person_who_was_erased_has_one_pseudonym_in_what_is_forgotten_later():
    erasures = Erasures(
        secrets=("new", "old"),
        persons={make_pseudonym("jane", "old"): NOON},
        forgotten_before=NOON + timedelta(days=9),
        forgetting_secret="new",
    )
    later = NOON + timedelta(days=3)
    assert erasures.find_pseudonym("jane", later) == make_pseudonym("jane", "old")
    assert erasures.find_pseudonym("joe", later) == make_pseudonym("joe", "new")
