"""What the reports' pages may load: their style sheet and pictures. They run no script."""

from reports.site.context import ReportsSite
from survey.response_headers import WithHeaders, has_tls, list_headers

_SOURCES = "style-src 'self'; img-src 'self' data:"


def register(site: ReportsSite) -> None:
    """Add the headers to every answer."""
    site.page_headers = list_headers(_SOURCES, has_tls=has_tls(site.settings))
    site.wsgi_app = WithHeaders(site.wsgi_app, site.page_headers)  # type: ignore[method-assign]
