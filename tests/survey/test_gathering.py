"""Counts are gathered, and written together, whatever happens to the database meanwhile."""

from collections import Counter

import pytest

from survey import gathering
from survey.gathering import Gatherer
from survey.store.errors import StoreError
from tests.support.site import wait_until


class Writer:
    """Keeps what it is given; fails with the errors that it is told to, one after the other."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.written = []

    def __call__(self, counts):
        if self.errors:
            raise self.errors.pop(0)
        self.written.append(dict(counts))


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(gathering, "RETRY_SECONDS", 0.01)


def test_many_are_written_at_once_and_then_the_thread_ends():
    writer = Writer()
    gatherer = Gatherer(writer, 0.05)
    for _ in range(1000):
        gatherer.add("a")
    gatherer.add("b")
    wait_until(lambda: writer.written)
    assert writer.written == [{"a": 1000, "b": 1}]
    wait_until(lambda: not gatherer._is_running)
    gatherer.add("a")
    wait_until(lambda: len(writer.written) == 2)
    assert writer.written[1] == {"a": 1}


def test_what_cannot_be_written_is_kept_and_said_once(capsys):
    writer = Writer(StoreError("the disk is full"), StoreError("the disk is full"))
    gatherer = Gatherer(writer, 0.01)
    gatherer.add("a")
    wait_until(lambda: len(writer.errors) < 2)
    gatherer.add("a")
    wait_until(lambda: sum((Counter(each) for each in writer.written), Counter())["a"] == 2)
    assert "".join(capsys.readouterr()).count("the disk is full") == 1


def test_a_mistake_of_ours_ends_nothing():
    writer = Writer(ValueError("a comment"))
    gatherer = Gatherer(writer, 0.01)
    gatherer.add("lost")
    wait_until(lambda: not writer.errors)
    gatherer.add("b")
    wait_until(lambda: writer.written)
    assert writer.written == [{"b": 1}]


def test_no_more_keys_are_kept_than_memory_holds(monkeypatch):
    monkeypatch.setattr(gathering, "MOST_KEYS", 3)
    writer = Writer()
    gatherer = Gatherer(writer, 0.05)
    for key in "abcdea":
        gatherer.add(key)
    wait_until(lambda: writer.written)
    assert writer.written == [{"a": 2, "b": 1, "c": 1}]
