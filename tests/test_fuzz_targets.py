"""What `make fuzz` tries, tried once with the inputs that it begins with."""

import pytest

from tests.fuzz.registry import TARGETS, load_target


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_treats_its_seeds_as_it_should(name):
    target = load_target(name)
    for seed in (b"", *target.SEEDS):
        target.check(seed)
