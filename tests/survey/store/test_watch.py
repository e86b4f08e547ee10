"""A connection to a database server is ended when its use takes too long."""

import socket
import time

import pytest

from survey.store import watch
from survey.store.errors import StoreError
from survey.store.watch import Watch


@pytest.fixture
def ends():
    """A connection, and the silent server at its other end."""
    ours, servers = socket.socketpair()
    ours.settimeout(5)
    yield ours
    ours.close()
    servers.close()


def read(connection):
    """Wait for a server that says nothing; the end of the connection is an error."""
    if not connection.recv(1):
        raise ConnectionError


def test_who_waits_for_it_is_told_in_time(ends):
    with (
        pytest.raises(StoreError, match="did not answer within"),
        Watch(0.1).use() as use,
    ):
        use.descriptor = ends.fileno()
        read(ends)


def test_one_that_comes_after_the_time_is_over_is_ended_too(ends):
    with pytest.raises(StoreError) as caught, Watch(0.05).use() as use:
        while not use.was_ended:
            time.sleep(0.01)
        use.descriptor = ends.fileno()
        read(ends)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_for_a_moment_nobody_else_waits_in_vain(ends, monkeypatch):
    monkeypatch.setattr(watch, "REST_SECONDS", 60)
    watched = Watch(0.05)
    with pytest.raises(StoreError), watched.use() as use:
        use.descriptor = ends.fileno()
        read(ends)
    with pytest.raises(StoreError, match="a moment ago"), watched.use():
        pass


def test_other_errors_stay_what_they_are():
    with pytest.raises(ZeroDivisionError), Watch(10).use():
        raise ZeroDivisionError
