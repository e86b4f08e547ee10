"""Months as people write them. Pure."""

from datetime import date

from babel.dates import format_skeleton

from survey.months import Month


def month_name(month: Month, language: str = "en") -> str:
    """`October 2026` in a language."""
    return format_skeleton("yMMMM", date(month.year, month.number, 1), locale=language)
