"""The tables of a report, by the name of their file: one list for folders, pages and exports."""

from collections.abc import Mapping

import pandas as pd

from pipeline.report import ReportNumbers

TEAMS = "teams"
DONATIONS = "donations"
TARGETS = "targets"
# Columns that a page needs, but that are no part of the file.
_ONLY_FOR_PAGES = {"comments": ["language"]}


def list_tables(numbers: ReportNumbers) -> Mapping[str, pd.DataFrame]:
    """Return the tables of a report (docs/rules.md), in the order in which people read them;
    `targets` only where tickets are known, `donations` only for a month of the store."""
    tables = {
        TEAMS: numbers.teams,
        "trend": numbers.trend,
        "drivers": numbers.drivers,
    }
    if numbers.targets is not None:
        tables[TARGETS] = numbers.targets.tabulate(numbers.query.period)
    tables |= {
        "comments": numbers.comments,
        "counts": numbers.counts,
        "quality": numbers.quality,
    }
    if numbers.donations is not None:
        tables[DONATIONS] = numbers.donations
    return {
        name: frame.drop(columns=_ONLY_FOR_PAGES.get(name, [])) for name, frame in tables.items()
    }


def name_other_tables(numbers: ReportNumbers) -> list[tuple[str, str]]:
    """Return the tables of a report that no part of its page shows by itself, each with what it is
    called."""
    others = [("counts", "Responses by team and rating")]
    return others if numbers.donations is None else [*others, (DONATIONS, "Donation")]
