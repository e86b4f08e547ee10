"""The headers of every answer: a browser stores nothing, runs no script, and fetches nothing from
other sites."""

from flask import Response

from reports.site.context import ReportsSite
from survey.settings import Settings

# A browser that was here once asks for no page without TLS for so long.
_YEAR = 365 * 24 * 60 * 60


def list_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of every answer of the site."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        ),
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }
    if is_https(settings):
        headers["Strict-Transport-Security"] = f"max-age={_YEAR}"
    return headers


def is_https(settings: Settings) -> bool:
    """Return whether the site is reached by TLS alone."""
    return settings.base_url.startswith("https://")


def register(site: ReportsSite) -> None:
    """Add the headers to every answer. One that a view has set itself stays as it is."""
    headers = list_headers(site.settings)

    def add_headers(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    site.after_request(add_headers)
