"""The addresses of pages: what a period or a month in one looks like."""

from werkzeug.routing import BaseConverter, ValidationError

from reports.site.context import ReportsSite
from survey.months import Month


class PeriodConverter(BaseConverter):
    """A part of an address that begins like a period. Whether it is one is said by the query, so
    that a mistyped period gets an answer that says how to write it."""

    regex = r"[0-9][^/]*?"


class MonthConverter(BaseConverter):
    """A month in an address, as `2026-10`."""

    regex = r"[0-9]{4}-[0-9]{2}"

    def to_python(self, value: str) -> Month:
        """Return the month; there is no page for what is none."""
        try:
            return Month.parse(value)
        except ValueError:
            raise ValidationError from None


def register(site: ReportsSite) -> None:
    """Let the addresses of pages have periods, `<period:period>`, and months, `<month:month>`."""
    site.url_map.converters["period"] = PeriodConverter
    site.url_map.converters["month"] = MonthConverter
