"""The files of a monthly report, by name."""

from pipeline.output_files import format_csv
from pipeline.report import ReportNumbers
from reports.links import FileLinks
from reports.page import render_page
from reports.tables import DONATIONS, TARGETS, list_tables
from survey.settings import Settings

# Files that a report may not have: one that stands in its folder then is of another report.
SOMETIMES = (f"{TARGETS}.csv", f"{DONATIONS}.csv")


def render_files(numbers: ReportNumbers, settings: Settings) -> dict[str, str]:
    """Return file names and contents (docs/rules.md)."""
    files = {f"{name}.csv": format_csv(frame) for name, frame in list_tables(numbers).items()}
    return {**files, "report.html": render_page(numbers, settings, FileLinks())}
