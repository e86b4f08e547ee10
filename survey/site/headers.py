"""What the survey's pages may load and run: the style sheets and the script inside them, and
nothing from other sites."""

from survey.response_headers import WithHeaders, allow_inline, has_tls, list_headers
from survey.site.context import SurveySite


def register(app: SurveySite, style: str, hedgehogs_style: str, script: str) -> None:
    """Put style sheets and script into the pages, and add the headers to every answer."""
    # The page contains them, so a browser needs only one request.
    app.jinja_env.globals["style_sheet"] = style
    app.jinja_env.globals["hedgehogs_style_sheet"] = hedgehogs_style
    app.jinja_env.globals["script"] = script
    sources = (
        f"style-src {allow_inline(style)} {allow_inline(hedgehogs_style)}; "
        f"script-src {allow_inline(script)}; connect-src 'self'; img-src data:"
    )
    app.page_headers = list_headers(sources, has_tls=has_tls(app.settings))
    app.wsgi_app = WithHeaders(app.wsgi_app, app.page_headers)  # type: ignore[method-assign]
