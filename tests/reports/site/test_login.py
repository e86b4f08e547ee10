"""Signing in with a password."""

import re

import pytest
from argon2 import PasswordHasher, extract_parameters

from reports.passwords import Passwords
from survey.store.users import find_user, save_openid_user, set_enabled
from survey.vocabulary import Role
from tests.support.reports_site import PASSWORD, QUICK, Person


@pytest.fixture
def full_site(site, database, clock):
    """The site, with somebody who is disabled, and somebody who has no password here."""
    with database.writing() as connection:
        set_enabled(connection, "finn", False)
        save_openid_user(connection, "https://id.example.com 7", ["olga"], Role.LEAD, clock())
    return site


# Everybody whom the page refuses: their name, and a password.
REFUSED = {
    "unknown": ("nobody", PASSWORD),
    "wrong password": ("lea", "wrong horse battery"),
    "disabled": ("finn", PASSWORD),
    "by OpenID alone": ("olga", PASSWORD),
    "no name": ("", PASSWORD),
    "no password": ("lea", ""),
    "a name that nobody can have": ("\x00" + "a" * 200, PASSWORD),
    "a password without end": ("lea", "x" * 50_000),
}


def without_token(html):
    return re.sub(r'name="csrf_token" value="[^"]*"', "", html)


def test_a_right_password_leads_to_the_first_page(person):
    answer = person.sign_in("lea")
    assert (answer.status_code, answer.location) == (303, "/reports/")
    assert "Reports" in person.client.get(answer.location).text


def test_whoever_wanted_a_page_gets_there(person):
    wanted = person.client.get("/reports/account?a=b%20c&d=e,f")
    assert (wanted.status_code, wanted.location) == (
        303,
        "/reports/login?next=/reports/account?a%3Db%2520c%26d%3De,f",
    )
    page = person.client.get(wanted.location)
    assert 'value="/reports/account?a=b%20c&amp;d=e,f"' in page.text
    answer = person.sign_in("lea", next="/reports/account?a=b%20c")
    assert answer.location == "/reports/account?a=b%20c"


def test_next_may_stand_in_the_address_alone(person):
    token = re.search(r'csrf_token" value="([^"]*)', person.client.get("/reports/login").text)[1]
    form = {"username": "lea", "password": PASSWORD, "csrf_token": token}
    answer = person.client.post("/reports/login?next=/reports/account", data=form)
    assert answer.location == "/reports/account"


def test_next_of_others_is_not_followed(person):
    answer = person.sign_in("lea", next="//evil.example.com/reports/")
    assert answer.location == "/reports/"


def test_whoever_is_signed_in_need_not_sign_in_again(person):
    person.sign_in("lea")
    answer = person.client.get("/reports/login?next=/reports/account")
    assert (answer.status_code, answer.location) == (303, "/reports/account")


def test_every_refused_sign_in_is_the_same_answer(full_site):
    answers = [Person(full_site.test_client()).sign_in(*typed) for typed in REFUSED.values()]
    assert {answer.status_code for answer in answers} == {401}
    assert len({without_token(answer.text) for answer in answers}) == 1
    assert "The name or the password is not right." in answers[0].text
    named = [{name for name, _ in answer.headers} for answer in answers]
    assert all(names == named[0] for names in named)


@pytest.mark.parametrize("typed", [*REFUSED.values(), ("lea", PASSWORD)], ids=[*REFUSED, "right"])
def test_one_hash_is_verified_whoever_signs_in(full_site, typed):
    class Counting(PasswordHasher):
        verified = ()

        def verify(self, hash, password):
            self.verified += (extract_parameters(hash),)
            return super().verify(hash, password)

    counting = Counting(time_cost=1, memory_cost=8, parallelism=1)
    full_site.passwords = Passwords(counting)
    Person(full_site.test_client()).sign_in(*typed)
    assert counting.verified == (extract_parameters(QUICK.hash("x")),)


def test_a_name_may_have_spaces_around_it(person):
    assert person.sign_in("  lea ").status_code == 303


def test_a_hash_of_less_effort_is_made_anew_and_running_sessions_go_on(site, database):
    first, second = (Person(site.test_client()) for _ in range(2))
    first.sign_in("lea")
    site.passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    assert second.sign_in("lea").status_code == 303
    with database.reading() as connection:
        assert "t=2" in find_user(connection, "lea").password_hash
    assert first.is_signed_in()
    assert Person(site.test_client()).sign_in("lea").status_code == 303


def test_nothing_of_an_earlier_session_stays(person):
    """Somebody who plants a cookie does not share the session that begins."""
    person.client.get("/reports/login")
    with person.client.session_transaction("/reports/") as planted:
        planted["planted"] = "yes"
        token = planted["csrf_token"]
    person.sign_in("lea")
    with person.client.session_transaction("/reports/") as session:
        assert "planted" not in session
        assert session.get("csrf_token") != token


class TestForms:
    def test_one_without_its_token_is_refused(self, person):
        person.client.get("/reports/login")
        form = {"username": "lea", "password": PASSWORD}
        answer = person.client.post("/reports/login", data=form)
        assert answer.status_code == 400
        assert "This form is out of date" in answer.text
        assert not person.is_signed_in()

    def test_one_with_the_token_of_somebody_else_is_refused(self, person, site):
        other = Person(site.test_client()).client.get("/reports/login").text
        token = re.search(r'csrf_token" value="([^"]*)', other)[1]
        person.client.get("/reports/login")
        form = {"username": "lea", "password": PASSWORD, "csrf_token": token}
        assert person.client.post("/reports/login", data=form).status_code == 400

    @pytest.mark.parametrize("path", ["/reports/logout", "/reports/logout-everywhere"])
    def test_signing_out_needs_a_token_too(self, person, path):
        person.sign_in("lea")
        assert person.client.post(path).status_code == 400
        assert person.is_signed_in()

    def test_one_that_was_open_for_long_is_taken(self, person, clock):
        page = person.client.get("/reports/login")
        clock.advance(hours=8)
        token = re.search(r'csrf_token" value="([^"]*)', page.text)[1]
        form = {"username": "lea", "password": PASSWORD, "csrf_token": token}
        assert person.client.post("/reports/login", data=form).status_code == 303


class TestTooManyAttempts:
    def test_one_name_is_refused_from_every_address(self, person):
        for number in range(5):
            answer = person.sign_in("lea", "wrong", environ_overrides=address(number))
            assert answer.status_code == 401
        answer = person.sign_in("lea", environ_overrides=address(9))
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 61
        assert f"Please try again in {answer.headers['Retry-After']} seconds" in answer.text
        assert 'name="username" value="lea"' in answer.text
        assert person.sign_in("ada", environ_overrides=address(9)).status_code == 303

    def test_an_unknown_name_is_refused_likewise(self, person):
        statuses = [person.sign_in("<nobody>", "wrong").status_code for _ in range(6)]
        assert statuses == [401] * 5 + [429]

    def test_one_address_is_refused_for_every_name(self, person):
        statuses = [person.sign_in(f"name {number}", "x").status_code for number in range(10)]
        assert statuses == [401] * 10
        assert person.sign_in("lea").status_code == 429
        assert person.sign_in("lea", environ_overrides=address(2)).status_code == 303

    def test_right_passwords_do_not_count(self, site):
        statuses = {Person(site.test_client()).sign_in("lea").status_code for _ in range(12)}
        assert statuses == {303}


def address(number):
    return {"REMOTE_ADDR": f"192.0.2.{number}"}
