"""`make bench`: every measurement, one after the other.

`python -m bench site` runs one part alone; `python -m bench aggregate 2_000_000 10_000_000` takes
sizes.
"""

import sys

PARTS = ("site", "aggregate")


def measure(part: str, arguments: list[str]) -> None:
    if part == "site":
        from bench import site

        print(f"{site.CONNECTIONS} connections, one site process, medians of {site.REPEATS} runs")
        site.main()
    elif part == "aggregate":
        from bench import aggregate

        print(f"two cores, whole processes, medians of {aggregate.REPEATS} runs")
        aggregate.main(arguments)
    else:
        raise SystemExit(f"{part} is no part; there are {', '.join(PARTS)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], sys.argv[2:])
    else:
        for part in PARTS:
            measure(part, [])
