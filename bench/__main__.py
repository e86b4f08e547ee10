"""`make bench`: every measurement, one after the other; `python -m bench NAME…` runs some."""

import importlib
import sys

# name → module with a `main`
MEASUREMENTS = {
    "site": "bench.site",
    "page": "bench.page",
    "webhooks": "bench.webhooks",
    "delivery": "bench.delivery",
    "memory": "bench.memory",
    "aggregate": "bench.aggregate",
    "targets": "bench.targets",
    "scale": "bench.scale",
    "store": "bench.store",
    "ledger": "bench.ledger",
    "backups": "bench.backups",
    "processes": "bench.processes",
}
# Each takes some ten minutes.
ONLY_BY_NAME = ("memory", "scale", "store")


def main(names: list[str]) -> None:
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        raise SystemExit(f"no such measurement: {', '.join(sorted(unknown))}")
    for name in names or [name for name in MEASUREMENTS if name not in ONLY_BY_NAME]:
        print(f"== {name}", flush=True)
        importlib.import_module(MEASUREMENTS[name]).main()


if __name__ == "__main__":
    main(sys.argv[1:])
