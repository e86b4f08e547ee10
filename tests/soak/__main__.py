"""Everything at once, while whatever can fail does: `SOAK_MINUTES=30 SOAK_DATABASE=sqlite
SOAK_SEED=1 python -m tests.soak`. Exits 1 if anything was lost, sent twice or counted wrong."""

import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.soak.running import Soaked, soak

KINDS = ("sqlite", "postgresql")


def show(soaked: Soaked, kind: str, seed: str) -> None:
    """Print the figures, and what is wrong."""
    print(f"\n{kind}, SOAK_SEED={seed}")
    for name, value in soaked.figures.items():
        if isinstance(value, dict):
            print(f"  {name}")
            for inner, count in value.items():
                print(f"    {inner:<42} {count:>9,}")
        else:
            print(f"  {name:<44} {value:>9,}")
    for problem in soaked.problems:
        print(f"PROBLEM: {problem}")
    print("nothing is lost, nothing is double" if not soaked.problems else "FAILED")


def main() -> int:
    """Soak; return the exit code."""
    minutes = float(os.environ.get("SOAK_MINUTES", "30"))
    kinds = os.environ.get("SOAK_DATABASE") or ",".join(KINDS)
    seed = os.environ.get("SOAK_SEED") or str(random.randrange(10**9))
    end = "\r" if sys.stdout.isatty() else "\n"
    failed = False
    for kind in kinds.split(","):
        folder = Path(tempfile.mkdtemp(prefix=f"csat-soak-{kind}-"))
        print(f"{kind}: SOAK_SEED={seed}, in {folder}", flush=True)
        soaked = soak(
            folder, kind, 60 * minutes, seed, lambda line: print(line, end=end, flush=True)
        )
        show(soaked, kind, seed)
        failed = failed or bool(soaked.problems)
        if not soaked.problems:
            shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
