"""The style sheet of all pages: that of the report, and what the site has besides."""

import hashlib
from pathlib import Path

from flask import Response, request
from rcssmin import cssmin
from werkzeug.wrappers import Response as BaseResponse

from reports.site.context import ReportsSite
from reports.site.roles import allow_everybody

_TEMPLATES = Path(__file__).parents[1] / "templates"
_FILES = ("tokens.css", "report.css", "site/site.css")

_ADDRESS = "/reports/static/site.css"


def style_sheet() -> str:
    """Return the style sheet, minified."""
    return str(cssmin("\n".join((_TEMPLATES / name).read_text("utf-8") for name in _FILES)))


def register(site: ReportsSite) -> None:
    """Let the site answer with its style sheet, and the templates know the address."""
    text = style_sheet()
    version = hashlib.sha256(text.encode()).hexdigest()[:16]

    @allow_everybody
    def show_style_sheet() -> BaseResponse:
        response = Response(text, mimetype="text/css")
        # Another style sheet has another address.
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        # Browsers that ask again, because the cookie is another one, need not get it again.
        response.set_etag(version, weak=True)
        return response.make_conditional(request)

    site.add_url_rule(_ADDRESS, "style_sheet", show_style_sheet)
    site.jinja_env.globals["style_address"] = f"{_ADDRESS}?v={version}"
