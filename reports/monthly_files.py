"""The files of a monthly report, by name."""

from pipeline.monthly import MonthlyNumbers
from pipeline.output_files import format_csv
from reports.page import render_page
from survey.settings import Settings

DONATIONS = "donations.csv"


def render_files(numbers: MonthlyNumbers, settings: Settings) -> dict[str, str]:
    """File names and contents (docs/rules.md); `donations.csv` only from the store."""
    frames = {
        "teams.csv": numbers.teams,
        "counts.csv": numbers.counts,
        "trend.csv": numbers.trend,
        "comments.csv": numbers.comments,
        "quality.csv": numbers.quality,
    }
    if numbers.donations is not None:
        frames[DONATIONS] = numbers.donations
    files = {name: format_csv(frame) for name, frame in frames.items()}
    return {**files, "report.html": render_page(numbers, settings)}
