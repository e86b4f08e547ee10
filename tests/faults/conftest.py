"""Faults that really happen, to the real processes, under a load of customers."""

import os
import random

import pytest

# Their assertions show what they compared, as those in tests do.
pytest.register_assert_rewrite("tests.support.customers", "tests.support.reckoning")


@pytest.fixture
def rounds() -> int:
    """How often each kind of fault happens; `make faults` asks for more."""
    return int(os.environ.get("FAULT_ROUNDS", "1"))


@pytest.fixture
def seed() -> str:
    """What the moments and the order of faults follow from; shown where a test fails."""
    seed = os.environ.get("FAULT_SEED") or str(random.randrange(10**9))
    print(f"FAULT_SEED={seed}")
    return seed
