"""The filters in the address of a page."""

from flask import request

from pipeline.query import FILTERS


def read_filters() -> dict[str, str]:
    """Return the filters of the address, as `ReportQuery.parse` takes them. A form sends each value
    of a list by itself, a link all of them in one."""
    return {name: ",".join(request.args.getlist(name)) for name in FILTERS}
