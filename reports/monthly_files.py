"""The files of a monthly report, by name."""

import pandas as pd

from pipeline.monthly import MonthlyNumbers
from pipeline.output_files import format_csv
from reports.page import render_page
from survey.settings import Settings

DONATIONS = "donations.csv"


def render_files(numbers: MonthlyNumbers, settings: Settings) -> dict[str, str]:
    """Return file names and contents (docs/rules.md); `donations.csv` only from the store."""
    tables = list_tables(numbers)
    files = {f"{name}.csv": format_csv(frame) for name, frame in tables.items()}
    return {**files, "report.html": render_page(numbers, settings)}


def list_tables(numbers: MonthlyNumbers) -> dict[str, pd.DataFrame]:
    """Return the tables of a report as they are exported, by name."""
    tables = {
        "teams": numbers.teams,
        "counts": numbers.counts,
        "trend": numbers.trend,
        # The pages choose comments by their language; the file has no such column.
        "comments": numbers.comments.drop(columns="language"),
        "quality": numbers.quality,
    }
    return tables if numbers.donations is None else {**tables, "donations": numbers.donations}
