"""What a session is, and what ends it."""

from http.cookies import SimpleCookie

import pytest

from reports.site.app import create_reports_site
from survey.store.users import set_enabled, set_password
from tests.support.reports_site import QUICK, Person, hidden_fields, make_site
from tests.support.settings import SECRET_KEY, make_settings


def cookie_of(answer):
    (cookie,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    return cookie


@pytest.fixture
def lea(person):
    """Lea, who has signed in."""
    person.sign_in("lea")
    return person


def test_the_cookie_is_for_the_reports_and_for_no_script(person):
    cookie = cookie_of(person.sign_in("lea"))
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/reports", "Lax", True)
    # It ends with the browser, at the latest.
    assert (cookie["expires"], cookie["max-age"], cookie["domain"]) == ("", "", "")
    assert not cookie["secure"]


def test_with_tls_the_cookie_is_for_tls_alone(database_url, database, clock):
    settings = make_settings(database_url=database_url, base_url="https://csat.example.com")
    person = Person(make_site(settings, database, clock).test_client())
    assert cookie_of(person.client.get("/reports/login"))["secure"]


def test_a_cookie_signed_with_another_key_is_nobodys(lea, database_url, database, clock):
    settings = make_settings(database_url=database_url, secret_key="another key for tests")
    cookie = lea.client.get_cookie("csat_reports", path="/reports").value
    stranger = Person(create_reports_site(settings, database, clock).test_client())
    stranger.client.set_cookie("csat_reports", cookie, path="/reports")
    assert not stranger.is_signed_in()


def test_a_cookie_copied_to_another_browser_works_there(lea, site):
    """This shows that the test above fails for the key alone."""
    cookie = lea.client.get_cookie("csat_reports", path="/reports").value
    other = Person(site.test_client())
    other.client.set_cookie("csat_reports", cookie, path="/reports")
    assert other.is_signed_in()


def test_the_cookie_is_signed_with_a_key_of_its_own(site):
    (form_key,) = site.config["WTF_CSRF_SECRET_KEY"]
    assert len({SECRET_KEY.encode(), site.secret_key, form_key}) == 3


class TestAfterTheSecretWasChanged:
    """The old secret stays in the list, behind the new one."""

    @pytest.fixture
    def form(self, lea):
        """The form of a page that Lea has opened."""
        return hidden_fields(lea.client.get("/reports/account").text)

    @pytest.fixture
    def later(self, lea, form, database_url, database, clock):
        """Lea's browser, after the site was started again with a new secret before the old one."""
        settings = make_settings(
            database_url=database_url, secret_key=f"a newer key for tests,{SECRET_KEY}"
        )
        later = Person(create_reports_site(settings, database, clock).test_client())
        cookie = lea.client.get_cookie("csat_reports", path="/reports").value
        later.client.set_cookie("csat_reports", cookie, path="/reports")
        return later

    def test_a_session_goes_on(self, later):
        assert later.is_signed_in()

    def test_an_open_form_can_be_sent(self, later, form):
        answer = later.client.post("/reports/logout", data=form)
        assert (answer.status_code, answer.location) == (303, "/reports/login")

    def test_what_is_handed_out_is_signed_with_the_new_one(
        self, later, database_url, database, clock, site
    ):
        clock.advance(minutes=2)
        assert later.is_signed_in()
        cookie = later.client.get_cookie("csat_reports", path="/reports").value
        newest = make_settings(database_url=database_url, secret_key="a newer key for tests")
        for settings, is_known in ((newest, True), (site.settings, False)):
            other = Person(create_reports_site(settings, database, clock).test_client())
            other.client.set_cookie("csat_reports", cookie, path="/reports")
            assert other.is_signed_in() is is_known


def test_a_session_ends_after_an_hour_without_a_click(lea, clock):
    clock.advance(minutes=59)
    assert lea.is_signed_in()
    clock.advance(minutes=59)
    assert lea.is_signed_in()
    clock.advance(minutes=60)
    assert not lea.is_signed_in()


def test_a_session_ends_after_twelve_hours_whatever_is_clicked(lea, clock):
    for _ in range(23):
        clock.advance(minutes=30)
        assert lea.is_signed_in()
    clock.advance(minutes=30)
    assert not lea.is_signed_in()


def test_what_has_ended_stays_ended_though_the_clock_is_set_back(lea, clock):
    clock.advance(hours=2)
    assert not lea.is_signed_in()
    clock.advance(hours=-2)
    assert not lea.is_signed_in()


def test_a_session_of_a_disabled_user_is_dead_at_its_next_request(lea, database):
    with database.writing() as connection:
        set_enabled(connection, "lea", False)
    answer = lea.client.get("/reports/")
    assert (answer.status_code, answer.location) == (303, "/reports/login?next=/reports/")


def test_a_session_does_not_come_back_when_its_user_is_enabled_again(lea, database):
    with database.writing() as connection:
        set_enabled(connection, "lea", False)
        set_enabled(connection, "lea", True)
    assert not lea.is_signed_in()


def test_a_new_password_ends_all_sessions(lea, database):
    with database.writing() as connection:
        set_password(connection, "lea", QUICK.hash("another password"))
    assert not lea.is_signed_in()
    assert lea.sign_in("lea", "another password").status_code == 303


def test_signing_out_ends_the_session_in_this_browser(lea, site):
    elsewhere = Person(site.test_client())
    elsewhere.sign_in("lea")
    answer = lea.press("/reports/account", "/reports/logout")
    assert (answer.status_code, answer.location) == (303, "/reports/login")
    assert not lea.is_signed_in()
    assert elsewhere.is_signed_in()


def test_signing_out_everywhere_ends_the_sessions_of_this_user_in_all_browsers(lea, site):
    elsewhere, somebody_else = (Person(site.test_client()) for _ in range(2))
    elsewhere.sign_in("lea")
    somebody_else.sign_in("ada")
    answer = lea.press("/reports/account", "/reports/logout-everywhere")
    assert (answer.status_code, answer.location) == (303, "/reports/login")
    assert not lea.is_signed_in()
    assert not elsewhere.is_signed_in()
    assert somebody_else.is_signed_in()


def test_an_open_sign_in_page_stays_good_when_another_window_is_sent_there(person):
    form = person.client.get("/reports/login").text
    person.client.get("/reports/account")
    token = form.partition('csrf_token" value="')[2].partition('"')[0]
    form = {"csrf_token": token, "username": "lea", "password": "wrong"}
    assert person.client.post("/reports/login", data=form).status_code == 401


def test_the_account_page_says_who_one_is(lea):
    page = lea.client.get("/reports/account").text
    assert "<dd>lea</dd>" in page
    assert "Lead: reports and comments" in page
    assert "after 60 minutes without a click, and 12 hours" in page
