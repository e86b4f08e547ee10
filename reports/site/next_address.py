"""Where somebody goes who has signed in: to a page of ours, whatever an address says. Pure."""

import re

HOME = "/reports/"

LONGEST_ADDRESS = 2_000

# Letters, digits and what stands in the paths of our pages. A backslash is a slash to browsers, and
# so may an escape be, to others on the way.
_OWN_PATH = re.compile(r"/reports(?:/[A-Za-z0-9._~,-]*)*", re.ASCII)
_QUERY = re.compile(r"[!-~]*", re.ASCII)
# Pages that one sees to sign in, or leaves by.
_DOORS = re.compile(r"/reports/log(?:in|out)\b")


def own_address(text: str | None) -> str:
    """Return an address to go to if it is that of a page under /reports, else the first page."""
    if not text or len(text) > LONGEST_ADDRESS:
        return HOME
    path, _, query = text.partition("?")
    is_own = (
        _OWN_PATH.fullmatch(path)
        and _QUERY.fullmatch(query)
        and "//" not in path
        and not {".", ".."} & set(path.split("/"))
        and "\\" not in query
        and "#" not in query
        and not _DOORS.match(path)
    )
    return text if is_own else HOME
