"""Who is no customer: programs that say so of themselves, and pages fetched ahead of a visit."""

from crawlerdetect import CrawlerDetect
from werkzeug.datastructures import Headers

_CRAWLERS = CrawlerDetect()
# Real browsers fit in. Longer ones are not remembered, nor matched against 1,500 patterns.
_LONGEST_USER_AGENT = 256
# Chrome, Safari and old Firefox say by these that nobody has asked to see the page yet.
_AHEAD_OF_A_VISIT = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def is_no_customer(headers: Headers) -> bool:
    """Return whether a request comes from a program or from a page that nobody looks at."""
    user_agent = headers.get("User-Agent", "").strip()[:_LONGEST_USER_AGENT]
    # Browsers name themselves, all of them as Mozilla.
    if not user_agent.startswith("Mozilla/") or _CRAWLERS.is_crawler(user_agent):
        return True
    purposes = " ".join(headers.get(name, "") for name in _AHEAD_OF_A_VISIT).lower()
    return any(word in purposes for word in ("prefetch", "prerender", "preview"))
