"""Where somebody goes after signing in: never elsewhere."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reports.site.next_address import HOME, own_address

OWN = [
    "/reports/",
    "/reports",
    "/reports/2026-10",
    "/reports/2026-10-01..2026-10-28",
    "/reports/2026-10/teams.csv",
    "/reports/2026-10?team=surveys,web_analytics&rating=1,2&q=a%2Fb%20c",
    "/reports/donations?month=2026-10",
]

FOREIGN = [
    None,
    "",
    "//evil.example.com",
    "///evil.example.com",
    "/\\evil.example.com",
    "\\\\evil.example.com",
    "https://evil.example.com/reports/",
    "https:evil.example.com",
    "HTTPS://evil.example.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "/reports//evil.example.com",
    "/reports/\\evil.example.com",
    "/reports/%2f%2fevil.example.com",
    "/reports/%5cevil.example.com",
    "/%2fevil.example.com",
    "%2f%2fevil.example.com",
    "/reports/..//evil.example.com",
    "/reports/../survey",
    "/reports/./x",
    "/reports/%2e%2e/x",
    "/reportsevil",
    "/reports@evil.example.com",
    ".evil.example.com/reports/",
    "/reports/\r\nSet-Cookie: a=b",
    "/reports/?a\nb",
    "/reports/\t/evil",
    "/reports/\x00",
    " /reports/",
    "/reports/ ",
    "/reports/?a#b",
    "/reports/#//evil",
    "/reports/?a\\b",
    "/reports/ü",
    "/reports/?ü",
    "/reports/\u202e",
    "/reports/" + "a" * 2_000,
    "/",
    "/?ticketId=1",
    "/reports/login",
    "/reports/login?next=/reports/",
    "/reports/login/openid",
    "/reports/logout",
    "/reports/logout-everywhere",
]


@pytest.mark.parametrize("address", OWN)
def test_own_pages_are_gone_to(address):
    assert own_address(address) == address


@pytest.mark.parametrize("address", FOREIGN)
def test_nothing_else_is(address):
    assert own_address(address) == HOME


@given(
    st.text("/\\reports.:%25fc?#@a\t\r\n \x00é", max_size=30).map("/reports".__add__) | st.text()
)
@example("//evil")
def test_no_browser_leaves_the_reports(text):
    address = own_address(text)
    # Browsers take a backslash for a slash, and leave out tabs and line breaks.
    read = address.replace("\\", "/").translate({9: None, 10: None, 13: None})
    assert read == address
    reached = urlsplit(urljoin("https://csat.example.com/reports/login", read))
    assert (reached.scheme, reached.netloc) == ("https", "csat.example.com")
    assert reached.path == "/reports" or reached.path.startswith("/reports/")
