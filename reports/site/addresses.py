"""The addresses of pages: what a period in one looks like."""

from werkzeug.routing import BaseConverter

from reports.site.context import ReportsSite


class PeriodConverter(BaseConverter):
    """A part of an address that begins like a period. Whether it is one is said by the query, so
    that a mistyped period gets an answer that says how to write it."""

    regex = r"[0-9][^/]*?"


def register(site: ReportsSite) -> None:
    """Let the addresses of pages have periods: `<period:period>`."""
    site.url_map.converters["period"] = PeriodConverter
