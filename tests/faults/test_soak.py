"""A short soak: everything at once, for some seconds, with faults. `make soak` takes an hour."""

import os

import pytest

from tests.soak.running import soak

SECONDS = 6.0
# Two sites take twice the time to start: `make faults` tries PostgreSQL, too.
KINDS = ["sqlite"] if os.environ.get("FAULT_ROUNDS", "1") == "1" else ["sqlite", "postgresql"]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_at_once_loses_nothing_and_does_nothing_twice(kind, tmp_path, seed):
    soaked = soak(tmp_path, kind, SECONDS, seed, print)
    print(soaked.figures)
    assert soaked.problems == []
