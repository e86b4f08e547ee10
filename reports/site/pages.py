"""What every page has around it: the head, and the way to the other pages."""

from dataclasses import dataclass

from flask import current_app, render_template, request

from reports.site.roles import access_of
from survey.store.users import User

DONATIONS = "/reports/donations"

# The pages that the head of each page leads to, as far as the user may see them.
NAVIGATION = (
    ("Reports", "/reports/"),
    ("Donations", DONATIONS),
    ("Marks", "/reports/marks"),
    ("Audit", "/reports/audit"),
    ("Account", "/reports/account"),
)


@dataclass(frozen=True)
class Link:
    """A link of the navigation."""

    name: str
    address: str
    is_current: bool


def render_page(template: str, user: User | None, **values: object) -> str:
    """Return a page of the site for a user, or for somebody who is not signed in."""
    navigation = list_links(user) if user else []
    return render_template(f"site/{template}", user=user, navigation=navigation, **values)


def list_links(user: User) -> list[Link]:
    """Return the pages that a user can go to."""
    # What stands under no other of these addresses is a report.
    current = max((a for _, a in NAVIGATION if request.path.startswith(a)), key=len, default=None)
    return [
        Link(name, address, address == current)
        for name, address in NAVIGATION
        if may_see(user, address)
    ]


def may_see(user: User, path: str) -> bool:
    """Return whether the site has a page at this path, and the user may see it."""
    endpoints = (rule.endpoint for rule in current_app.url_map.iter_rules() if rule.rule == path)
    access = next(map(access_of, endpoints), None)
    return access is not None and access.permits(user)
