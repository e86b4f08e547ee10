"""Group commit: together where they come together, and nobody pays for a neighbour."""

import threading
import time

import pytest

from survey.store import group_commit
from survey.store.errors import RefusedData, StoreError
from survey.store.group_commit import GroupCommit
from tests.support.site import wait_until


class Recorder:
    """Remembers the groups; `gate` holds back the first commit until others have come."""

    def __init__(self):
        self.groups = []
        self.gate = threading.Event()
        self.entered = threading.Event()

    def __call__(self, items):
        first = not self.groups
        self.groups.append(list(items))
        if first:
            self.entered.set()
            self.gate.wait(10)
        if "poison" in items:
            raise RefusedData("a row that the database never takes")
        if "outage" in items:
            raise StoreError("the database has gone")
        if "bug" in items:
            raise ZeroDivisionError
        return [f"{item} stored" for item in items]


def outcome_of(future):
    """What came of an item: its result, or the kind of its error."""
    error = future.exception(10)
    return future.result() if error is None else type(error)


def submit_behind_a_first(items):
    """A first one commits alone; the items come meanwhile."""
    recorder = Recorder()
    group = GroupCommit(recorder)
    first = group.submit("first")
    recorder.entered.wait(10)
    futures = {item: group.submit(item) for item in items}
    assert not any(future.done() for future in (first, *futures.values()))
    recorder.gate.set()
    assert outcome_of(first) == "first stored"
    return recorder.groups, {item: outcome_of(future) for item, future in futures.items()}


def test_one_alone_is_committed_alone():
    recorder = Recorder()
    recorder.gate.set()
    assert GroupCommit(recorder).submit("one").result(10) == "one stored"
    assert recorder.groups == [["one"]]


def test_those_who_come_during_a_commit_are_committed_together():
    items = [f"item {number}" for number in range(20)]
    groups, outcomes = submit_behind_a_first(items)
    assert outcomes == {item: f"{item} stored" for item in items}
    assert [len(group) for group in groups] == [1, 20]


def test_a_group_is_not_larger_than_a_transaction_should_be():
    items = [f"item {number}" for number in range(100)]
    groups, outcomes = submit_behind_a_first(items)
    assert len(outcomes) == 100
    assert max(map(len, groups)) == 64


@pytest.mark.parametrize(("wrong", "error"), [("poison", RefusedData), ("bug", ZeroDivisionError)])
def test_what_is_wrong_with_one_is_no_loss_for_the_others(wrong, error):
    groups, outcomes = submit_behind_a_first(["a", wrong, "b"])
    assert outcomes == {"a": "a stored", wrong: error, "b": "b stored"}
    assert len(groups[1]) == 3
    assert sorted(map(len, groups[2:])) == [1, 1, 1]


def test_a_database_that_fails_is_not_asked_again_for_each_of_them():
    groups, outcomes = submit_behind_a_first(["a", "outage", "b"])
    assert set(outcomes.values()) == {StoreError}
    assert len(groups) == 2


def test_whoever_has_waited_too_long_is_told_so_and_costs_no_transaction(monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_WAIT_SECONDS", 0.05)
    recorder = Recorder()
    group = GroupCommit(recorder)
    first = group.submit("first")
    recorder.entered.wait(10)
    late = group.submit("late")
    time.sleep(0.1)
    recorder.gate.set()
    assert outcome_of(first) == "first stored"
    assert outcome_of(late) is StoreError
    assert recorder.groups == [["first"]]


def test_where_nobody_is_in_a_hurry_those_who_come_a_little_later_are_in_the_group(monkeypatch):
    pauses = []
    late = []

    def pause(seconds):
        pauses.append(seconds)
        if not late:
            late.append(group.submit("late"))

    monkeypatch.setattr(group_commit, "sleep", pause)
    recorder = Recorder()
    group = GroupCommit(recorder, gather_seconds=0.5)
    group.submit("first")
    recorder.entered.wait(10)
    waiting = [group.submit("second"), group.submit("third")]
    recorder.gate.set()
    assert [outcome_of(each) for each in waiting] == ["second stored", "third stored"]
    assert outcome_of(late[0]) == "late stored"
    assert recorder.groups == [["first"], ["second", "third", "late"]]
    assert pauses == [0.5, 0.5]


def test_its_thread_ends_when_nothing_comes_and_another_begins(monkeypatch):
    monkeypatch.setattr(group_commit, "IDLE_SECONDS", 0.01)
    recorder = Recorder()
    recorder.gate.set()
    group = GroupCommit(recorder)
    for number in range(3):
        assert group.submit(number).result(10) == f"{number} stored"
        wait_until(lambda: not group._is_running)


def test_many_threads_all_get_their_own_result():
    group = GroupCommit(lambda items: [item * 2 for item in items])
    outcomes = {}

    def submit_many(start):
        for number in range(start, start + 200):
            outcomes[number] = group.submit(number).result(10)

    threads = [threading.Thread(target=submit_many, args=(n * 1000,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert outcomes == {number: number * 2 for number in outcomes}
    assert len(outcomes) == 3200
