"""Months as people write them. Pure."""

from datetime import date

from babel.dates import format_skeleton

from survey.months import Month


def month_name(month: Month, language: str = "en", *, short: bool = False) -> str:
    """`October 2026`, or `Oct 2026`, in a language."""
    skeleton = "yMMM" if short else "yMMMM"
    return format_skeleton(skeleton, date(month.year, month.number, 1), locale=language)
