"""Recognise requests that are not from customers: programs that say what they are, and browsers
that fetch a page before anybody visits it."""

from crawlerdetect import CrawlerDetect
from werkzeug.datastructures import Headers

_CRAWLERS = CrawlerDetect()
# The names of real browsers are shorter. The rest of a longer name is neither remembered nor
# matched against 1,500 patterns.
_LONGEST_USER_AGENT = 256
# With these headers Chrome, Safari and old Firefox say that nobody has asked for the page yet.
_AHEAD_OF_A_VISIT = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def is_no_customer(headers: Headers) -> bool:
    """Return whether a program sent the request, or a browser whose user does not see the page."""
    user_agent = headers.get("User-Agent", "").strip()[:_LONGEST_USER_AGENT]
    # All browsers send a name, and it begins with Mozilla.
    if not user_agent.startswith("Mozilla/") or _CRAWLERS.is_crawler(user_agent):
        return True
    purposes = " ".join(headers.get(name, "") for name in _AHEAD_OF_A_VISIT).lower()
    return any(word in purposes for word in ("prefetch", "prerender", "preview"))
