"""Fuzzing, guided by coverage: `python -m tests.fuzz` tries every target for FUZZ_SECONDS, and
`python -m tests.fuzz TARGET FILE...` tries the inputs in these files again, without Atheris."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.registry import TARGETS, load_target

SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))
ONLY = os.environ.get("FUZZ_TARGETS", "").split(",")
# What grows while targets are tried, and what was found; the next run goes on with it.
FOLDER = Path("build/fuzz")
# What no single input may take.
LONGEST_SECONDS = 20
MOST_MB = 4096
LONGEST_INPUT = 4096
_LAST = re.compile(r"#(\d+)\s.*?cov: (\d+)")


@dataclass(frozen=True)
class Found:
    """What came of a target: how many inputs were tried, how many places of the code they reached,
    and the files of those inputs that failed."""

    name: str
    tries: int
    places: int
    failures: list[Path]
    log: str


def fuzz(name: str) -> Found:
    """Try a target for its time; return what came of it."""
    corpus, crashes = FOLDER / "corpus" / name, FOLDER / "crashes" / name
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(crashes.iterdir())
    for number, seed in enumerate(load_target(name).SEEDS):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = {
        "max_total_time": SECONDS,
        "timeout": LONGEST_SECONDS,
        "rss_limit_mb": MOST_MB,
        "max_len": LONGEST_INPUT,
        "artifact_prefix": f"{crashes}/",
        "print_final_stats": 1,
    }
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.guided", name, str(corpus)),
            *(f"-{option}={value}" for option, value in options.items()),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    progress = _LAST.findall(done.stdout)
    tries, places = map(int, progress[-1]) if progress else (0, 0)
    failures = sorted(set(crashes.iterdir()) - before)
    return Found(name, tries, places, failures, done.stdout if done.returncode else "")


def main(arguments: list[str]) -> int:
    """Try all targets, or the inputs of some files; return the exit code."""
    if arguments:
        name, *files = arguments
        for file in files:
            load_target(name).check(Path(file).read_bytes())
            print(f"{file}: treated as it should be")
        return 0
    failed = False
    print(f"{'target':<12}{'inputs':>12}{'a second':>10}{'places':>8}  failures")
    for name in TARGETS:
        if ONLY != [""] and name not in ONLY:
            continue
        found = fuzz(name)
        print(
            f"{name:<12}{found.tries:>12,}{found.tries // SECONDS:>10,}{found.places:>8,}"
            f"  {len(found.failures)}",
            flush=True,
        )
        for file in found.failures:
            print(f"    again: {sys.executable} -m tests.fuzz {name} {file}")
        if found.log:
            failed = True
            print(found.log[-4000:])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
