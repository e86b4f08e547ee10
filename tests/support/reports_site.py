"""The reports site with people who may sign in."""

import re
from dataclasses import dataclass

from argon2 import PasswordHasher
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from reports.passwords import Passwords
from reports.site.app import create_reports_site
from reports.site.context import ReportsSite
from survey.settings import Settings
from survey.store.database import Database
from survey.store.users import add_user
from survey.vocabulary import Role
from tests.support.clock import Clock

# Hashes that are made at once: tests sign in often.
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

PASSWORD = "correct horse battery"
# Who may sign in, by their role.
PEOPLE = {Role.LEAD: "lea", Role.FINANCE: "finn", Role.ADMIN: "ada"}


def make_site(settings: Settings, database: Database, clock: Clock) -> ReportsSite:
    """The site, with one user of each role."""
    site = create_reports_site(settings, database, clock)
    site.passwords = QUICK
    with database.writing() as connection:
        for role, name in PEOPLE.items():
            add_user(connection, name, role, QUICK.hash(PASSWORD), clock())
    return site


@dataclass
class Person:
    """Somebody at a browser, whose cookies are real."""

    client: FlaskClient

    def sign_in(
        self, name: str, password: str = PASSWORD, next: str | None = None, **other: object
    ) -> TestResponse:
        """Open the sign-in page, fill in the form that it has, and send it."""
        query = None if next is None else {"next": next}
        page = self.client.get("/reports/login", query_string=query, **other)
        form = {**hidden_fields(page.text), "username": name, "password": password}
        return self.client.post("/reports/login", data=form, **other)

    def press(self, page: str, action: str) -> TestResponse:
        """Send a form of a page that has no more than a button."""
        return self.client.post(action, data=hidden_fields(self.client.get(page).text))

    def is_signed_in(self) -> bool:
        """Whether the site knows who this is."""
        return self.client.get("/reports/account").status_code == 200


def hidden_fields(html: str) -> dict[str, str]:
    """The hidden fields of the first form of a page."""
    form = html.partition("<form")[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form))
