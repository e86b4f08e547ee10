"""How many examples property tests try: few in `make test`, many in `make faults`."""

import os

_FACTOR = int(os.environ.get("EXAMPLES_FACTOR", "1"))


def examples(number: int) -> int:
    """So many examples, times `EXAMPLES_FACTOR` of the environment."""
    return number * _FACTOR
