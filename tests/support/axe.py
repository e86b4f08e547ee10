"""Problems of accessibility in a page that a browser shows, as axe finds them."""

import json
from collections.abc import Sequence

from playwright.sync_api import Page

from tests.support.npm import AXE

# What WCAG 2.2 asks at levels A and AA.
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
# And what axe's makers found to be good besides.
ALL = (*WCAG, "best-practice")
# Themes differ in colours alone: where a page was checked in one of them, these rules are enough
# for another.
OF_COLOURS = ("color-contrast", "link-in-text-block")


def violations(page: Page, rules: Sequence[str] = ALL) -> list[str]:
    """What axe finds by these tags or rules, as text that says what and where."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE.path().read_text(encoding="utf-8"))
    options = json.dumps({"runOnly": rules, "resultTypes": ["violations"]})
    found = page.evaluate(f"axe.run(document, {options})")
    return [
        f"{problem['id']}: {node['failureSummary']} {node['html']}"
        for problem in found["violations"]
        for node in problem["nodes"]
    ]
