"""One target under Atheris, which makes the inputs by what they reach in the code:
`python -m tests.fuzz.guided TARGET CORPUS [option of libFuzzer]...`."""

import sys

import atheris

from tests.fuzz.registry import load_target

with atheris.instrument_imports(include=["survey", "pipeline", "reports", "werkzeug"]):
    target = load_target(sys.argv[1])

atheris.Setup([sys.argv[0], *sys.argv[2:]], target.check)
atheris.Fuzz()
