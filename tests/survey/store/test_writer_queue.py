"""Writers wait in turn, and none for ever."""

import fcntl
import os
import threading
import time

import pytest

from survey.store.errors import StoreError
from survey.store.writer_queue import WriterQueue
from tests.support.site import wait_until


class Holder:
    """Holds the lock as another process would: by a file of its own."""

    def __init__(self, path):
        self._descriptor = os.open(f"{path}-writer", os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def let_go(self):
        os.close(self._descriptor)


def is_free(path):
    """Whether another process could take the lock now."""
    descriptor = os.open(f"{path}-writer", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def places_in_the_queue():
    """The threads that wait for a lock; those of earlier tests may still be ending."""
    return {thread for thread in threading.enumerate() if thread.name == "writer-queue"}


def has_turn(queue, path):
    """Whether a writer gets its turn in time, and has it alone."""
    try:
        with queue.turn():
            return not is_free(path)
    except StoreError:
        return False


@pytest.fixture
def path(tmp_path):
    return tmp_path / "csat.db"


def test_one_writes_at_a_time(path):
    queue, other = WriterQueue(path, 10), WriterQueue(path, 10)
    inside, most = 0, 0

    def write(queue):
        nonlocal inside, most
        for _ in range(50):
            with queue.turn():
                inside += 1
                most = max(most, inside)
                time.sleep(0.0001)
                inside -= 1

    threads = [threading.Thread(target=write, args=(q,)) for q in (queue, queue, other, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == 1
    assert is_free(path)


def test_who_waits_in_vain_is_told_in_time(path):
    holder = Holder(path)
    queue = WriterQueue(path, 0.2)
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(StoreError, match="another process has been writing"), queue.turn():
            pass
        assert 0.15 < time.monotonic() - began < 5
    holder.let_go()


def test_who_waits_gets_the_turn_when_it_comes(path):
    holder = Holder(path)
    queue = WriterQueue(path, 10)
    threading.Timer(0.2, holder.let_go).start()
    with queue.turn():
        assert not is_free(path)
    assert is_free(path)


def test_a_turn_that_comes_when_nobody_waits_any_more_is_given_back(path):
    holder = Holder(path)
    queue = WriterQueue(path, 0.1)
    assert not has_turn(queue, path)
    holder.let_go()
    wait_until(lambda: is_free(path), 5)
    wait_until(lambda: has_turn(queue, path), 10)
    assert is_free(path)


def test_who_gave_up_and_comes_again_has_the_place_in_the_queue_still(path):
    holder = Holder(path)
    queue = WriterQueue(path, 0.1)
    before = places_in_the_queue()
    for _ in range(3):
        assert not has_turn(queue, path)
    assert len(places_in_the_queue() - before) == 1
    holder.let_go()
    wait_until(lambda: has_turn(queue, path), 10)
    assert is_free(path)


def test_threads_of_one_process_wait_no_longer_either(path):
    queue = WriterQueue(path, 0.2)
    with queue.turn():
        failures = []

        def write():
            try:
                with queue.turn():
                    pass
            except StoreError as error:
                failures.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join(5)
        assert len(failures) == 1
