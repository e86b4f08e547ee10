"""Addresses under /reports/: where one goes after signing in, periods, filters, and tokens."""

from urllib.parse import parse_qsl, urljoin, urlsplit

from pipeline.query import BadQuery, ReportQuery
from reports.site.next_address import own_address
from survey.invitations.tokens import issue_token, read_token

OURS = "https://csat.example/reports/login"
SEEDS = (
    b"/reports/2026-10?team=surveys,web_analytics&rating=1,2&trust=signed&language=de",
    b"2026-Q4?team=&rating=5.0",
    b"2026-10-01..2026-10-28?rating=6",
    b"/reports//evil.example/..%2f\\?x",
    b"//evil.example/reports",
    b"0001-01-01..9999-12-31?trust=known",
)


def check(data: bytes) -> None:
    """Raise for an address that leads away, and for a query that is refused without a name."""
    text = data.decode("utf-8", "replace")
    target = urlsplit(urljoin(OURS, own_address(text)))
    assert (target.scheme, target.netloc) == ("https", "csat.example")
    assert target.path.startswith("/reports")
    assert read_token(text, ["secret"]) is None
    if text and text.isprintable():
        assert read_token(issue_token(text, "secret"), ["new", "secret"]) == text
    path, _, query = text.partition("?")
    try:
        asked = ReportQuery.parse(path, dict(parse_qsl(query)))
    except BadQuery:
        return
    assert ReportQuery.parse(str(asked.period), asked.parameters()) == asked
    assert asked.period.first <= asked.period.last
