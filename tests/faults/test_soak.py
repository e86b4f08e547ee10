"""A short soak: everything at once, for some seconds, with faults. `make soak` takes an hour."""

import pytest

from tests.soak.running import soak

SECONDS = 6.0

# Other tests do one by one what this does at once.
pytestmark = pytest.mark.long


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_everything_at_once_loses_nothing_and_does_nothing_twice(kind, tmp_path, seed):
    soaked = soak(tmp_path, kind, SECONDS, seed, print)
    print(soaked.figures)
    assert soaked.problems == []
