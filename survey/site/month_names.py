"""The names of months as people write them. Pure."""

from datetime import date

from babel.dates import format_skeleton

from survey.months import Month


def month_name(month: Month, language: str = "en") -> str:
    """Return the name of a month in a language, such as `October 2026`."""
    return format_skeleton("yMMMM", date(month.year, month.number, 1), locale=language)
