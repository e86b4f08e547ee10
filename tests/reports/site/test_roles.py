"""Each page says who may see it."""

import pytest
from sqlalchemy import update

from reports.site.roles import access_of, allow
from reports.site.sessions import signed_in_user
from survey.settings import SettingsError
from survey.store.models import UserRow
from survey.vocabulary import Role
from tests.support.reports_site import PEOPLE, make_site
from tests.support.settings import make_settings

# Pages that everybody may see.
PUBLIC = {"index_without_slash", "login", "openid", "openid_callback", "style_sheet"}


@pytest.fixture
def settings(database_url):
    """Settings with a provider: then the site has all the pages that it can have."""
    return make_settings(
        database_url=database_url,
        oidc_issuer="https://id.example.com",
        oidc_client_id="csat",
        oidc_client_secret="secret",
    )


def test_every_route_declares_who_may_see_it(site):
    with site.app_context():
        declared = {rule.endpoint: access_of(rule.endpoint) for rule in site.url_map.iter_rules()}
    assert [endpoint for endpoint, access in declared.items() if access is None] == []
    assert {endpoint for endpoint, access in declared.items() if access.is_public} == PUBLIC
    assert all(access.roles or access.is_public for access in declared.values())


def test_a_view_that_declares_nothing_is_closed_to_everybody(site, person):
    site.add_url_rule("/reports/forgotten", "forgotten", lambda: "secret")
    assert person.client.get("/reports/forgotten").status_code == 403
    person.sign_in("ada")
    answer = person.client.get("/reports/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", ["/reports/", "/reports/account", "/reports/audit"])
def test_whoever_is_not_signed_in_is_sent_to_sign_in(person, path):
    answer = person.client.get(path)
    assert (answer.status_code, answer.location) == (303, f"/reports/login?next={path}")


@pytest.mark.parametrize("path", ["/reports/logout", "/reports/logout-everywhere"])
def test_a_form_of_whoever_is_not_signed_in_is_not_come_back_to(person, path):
    answer = person.client.post(path)
    assert (answer.status_code, answer.location) == (303, "/reports/login")


@pytest.mark.parametrize(
    ("path", "statuses"),
    {
        "/reports/": {Role.LEAD: 200, Role.FINANCE: 200, Role.ADMIN: 200},
        "/reports/account": {Role.LEAD: 200, Role.FINANCE: 200, Role.ADMIN: 200},
        "/reports/audit": {Role.LEAD: 403, Role.FINANCE: 403, Role.ADMIN: 200},
        "/reports/donations": {Role.LEAD: 200, Role.FINANCE: 200, Role.ADMIN: 200},
        "/reports/donations/rate": {Role.LEAD: 403, Role.FINANCE: 200, Role.ADMIN: 200},
    }.items(),
)
def test_each_role_sees_its_pages(person, path, statuses):
    found = {}
    for role, name in PEOPLE.items():
        person.sign_in(name)
        answer = person.client.get(path, follow_redirects=True)
        found[role] = answer.status_code
        if answer.status_code == 403:
            assert "This page is not open to you" in answer.text
        person.press("/reports/account", "/reports/logout")
    assert found == statuses


def test_the_role_of_a_running_session_is_that_of_now(person, database):
    person.sign_in("ada")
    assert person.client.get("/reports/audit").status_code == 200
    with database.writing() as connection:
        connection.execute(update(UserRow).where(UserRow.name == "ada").values(role="lead"))
    assert person.client.get("/reports/audit").status_code == 403


class TestNavigation:
    def links(self, person):
        head = person.client.get("/reports/account").text.partition("</header>")[0]
        return [part.partition(">")[2] for part in head.split("</a></li>")[:-1]]

    def names(self, person):
        return [link.rpartition(">")[2] for link in self.links(person)]

    def test_leads_to_what_one_may_see(self, person):
        person.sign_in("lea")
        assert self.names(person) == ["Reports", "Donations", "Marks", "Account"]

    def test_leads_an_admin_everywhere(self, person):
        person.sign_in("ada")
        assert self.names(person) == ["Reports", "Donations", "Marks", "Audit", "Account"]

    def test_says_where_one_is(self, person):
        person.sign_in("ada")
        assert person.client.get("/reports/audit").text.count("aria-current") == 1
        assert '"/reports/audit" aria-current="page"' in person.client.get("/reports/audit").text


def test_finance_goes_to_the_donations(person):
    person.sign_in("finn")
    assert person.client.get("/reports/").location == "/reports/donations"


def test_the_first_page_is_found_without_its_slash(person):
    assert person.client.get("/reports").location == "/reports/"


def test_a_view_knows_who_asks(site, person):
    @allow(Role.LEAD)
    def whoami():
        return signed_in_user().name

    site.add_url_rule("/reports/whoami", "whoami", whoami)
    person.sign_in("lea")
    assert person.client.get("/reports/whoami").text == "lea"


def test_a_site_needs_a_secret_key(database_url, database, clock):
    with pytest.raises(SettingsError, match="CSAT_SECRET_KEY"):
        make_site(make_settings(database_url=database_url, secret_key=()), database, clock)
