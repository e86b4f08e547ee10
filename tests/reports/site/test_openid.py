"""Signing in at an OpenID provider, by the whole way there and back."""

from urllib.parse import urlsplit

import pytest

from survey.store.audit import list_entries
from survey.store.users import find_user, set_enabled
from survey.vocabulary import Role
from tests.support.openid import (
    CLIENT_ID,
    ObedientProvider,
    log_in,
    obedient_provider,
    query_of,
    running_provider,
    set_claims,
)
from tests.support.reports_site import PEOPLE, Person, make_site
from tests.support.settings import make_settings

START = "/reports/login/openid"
CALLBACK = "/reports/login/openid/callback"


@pytest.fixture(scope="module")
def provider():
    with running_provider() as address:
        yield address


@pytest.fixture
def issuer(provider):
    """The provider that the site goes to."""
    return provider


@pytest.fixture
def settings(database_url, issuer):
    return make_settings(
        database_url=database_url,
        base_url="http://reports.example.com",
        oidc_issuer=issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret="a secret",
        oidc_role_claim="role",
    )


def go(person, next=None):
    """Leave for the provider; its address."""
    return person.client.get(START, query_string={"next": next} if next else None).location


def come_back(person, address):
    parts = urlsplit(address)
    assert (parts.netloc, parts.path) == ("reports.example.com", CALLBACK)
    return person.client.get(f"{parts.path}?{parts.query}")


def sign_in(person, subject="olga-1", next=None):
    return come_back(person, log_in(go(person, next), sub=subject))


def user(database, name):
    with database.reading() as connection:
        return find_user(connection, name)


def last_entry(database):
    with database.reading() as connection:
        entry = list_entries(connection, limit=1)[0]
    return entry.user_name, entry.role, entry.action, entry.target


class TestThereAndBack:
    def test_the_sign_in_page_leads_there(self, person):
        page = person.client.get("/reports/login?next=/reports/account").text
        assert f'href="{START}?next=/reports/account"' in page

    def test_the_provider_is_asked_with_state_nonce_and_pkce(self, person, issuer):
        address = go(person)
        asked = query_of(address)
        assert address.startswith(f"{issuer}/oauth2/authorize?")
        assert asked["redirect_uri"] == f"http://reports.example.com{CALLBACK}"
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert asked["code_challenge_method"] == "S256"
        assert all(len(asked[name]) >= 20 for name in ("state", "nonce", "code_challenge"))
        again = query_of(go(person))
        assert all(asked[name] != again[name] for name in ("state", "nonce", "code_challenge"))

    def test_whoever_has_a_role_there_is_signed_in_here(self, person, provider, database):
        set_claims(provider, "olga-1", preferred_username="olga", role="admin")
        answer = sign_in(person)
        assert (answer.status_code, answer.location) == (303, "/reports/")
        assert person.client.get("/reports/audit").status_code == 200
        assert user(database, "olga").role is Role.ADMIN
        assert last_entry(database) == ("olga", "admin", "signed in", "by OpenID")
        assert "with your organisation" in person.client.get("/reports/account").text

    def test_whoever_wanted_a_page_gets_there(self, person, provider):
        set_claims(provider, "olga-1", preferred_username="olga", role="lead")
        assert sign_in(person, next="/reports/account?a=b").location == "/reports/account?a=b"

    def test_next_of_others_is_not_followed(self, person, provider):
        set_claims(provider, "olga-1", preferred_username="olga", role="lead")
        assert sign_in(person, next="//evil.example.com").location == "/reports/"

    def test_the_role_is_that_of_each_sign_in(self, site, provider, database):
        for role in ("admin", "finance"):
            set_claims(provider, "olga-1", preferred_username="olga", role=role)
            sign_in(Person(site.test_client()))
            assert user(database, "olga").role == role

    def test_of_several_roles_the_highest_holds(self, person, provider, database):
        roles = ["staff", "finance", "lead"]
        set_claims(provider, "olga-1", preferred_username="olga", role=roles)
        sign_in(person)
        assert user(database, "olga").role is Role.LEAD

    def test_nobody_gets_into_an_account_by_its_name(self, person, provider, database):
        name = PEOPLE[Role.ADMIN]
        set_claims(provider, "mallory", preferred_username=name, email="m@example.com", role="lead")
        sign_in(person, "mallory")
        assert "<dd>m@example.com</dd>" in person.client.get("/reports/account").text
        assert (user(database, name).role, user(database, name).subject) == (Role.ADMIN, None)

    def test_the_answer_serves_once(self, person, provider):
        set_claims(provider, "olga-1", preferred_username="olga", role="lead")
        address = log_in(go(person), sub="olga-1")
        assert come_back(person, address).status_code == 303
        person.press("/reports/account", "/reports/logout")
        assert come_back(person, address).status_code == 400
        assert not person.is_signed_in()


class TestRefused:
    @pytest.mark.parametrize("claims", [{}, {"role": "boss"}, {"role": []}, {"role": {"lead": 1}}])
    def test_whoever_has_no_role_is_told_whom_to_ask(self, person, provider, database, claims):
        set_claims(provider, "rolf", preferred_username="rolf", **claims)
        answer = sign_in(person, "rolf")
        assert answer.status_code == 403
        assert "Please ask whoever runs the sign-in provider: its claim role" in answer.text
        assert not person.is_signed_in()
        assert user(database, "rolf") is None
        assert last_entry(database) == ("unknown", "", "sign-in refused", "by OpenID")

    def test_whoever_is_disabled_here(self, site, provider, database):
        set_claims(provider, "olga-1", preferred_username="olga", role="lead")
        person = Person(site.test_client())
        sign_in(person)
        with database.writing() as connection:
            set_enabled(connection, "olga", False)
        assert not person.is_signed_in()
        assert sign_in(person).status_code == 403
        assert not person.is_signed_in()
        assert last_entry(database) == ("olga", "lead", "sign-in refused", "by OpenID")

    def test_whoever_breaks_it_off(self, person):
        answer = come_back(person, log_in(go(person), action="deny"))
        assert (answer.status_code, "Please try again" in answer.text) == (400, True)

    def test_an_answer_that_somebody_else_asked_for(self, site, provider):
        """A stranger cannot sign a victim in as the stranger."""
        set_claims(provider, "eve", preferred_username="eve", role="lead")
        eve, victim = (Person(site.test_client()) for _ in range(2))
        address = log_in(go(eve), sub="eve")
        go(victim)
        assert come_back(victim, address).status_code == 400
        assert not victim.is_signed_in()

    @pytest.mark.parametrize("query", ["", "?state=x&code=y", "?error=%00<b>&state=\u202e"])
    def test_an_answer_that_nobody_asked_for(self, person, query):
        answer = person.client.get(CALLBACK + query)
        assert answer.status_code == 400
        assert "<b>" not in answer.text

    def test_there_is_no_such_page_without_a_provider(self, database_url, database, clock):
        site = make_site(make_settings(database_url=database_url), database, clock)
        person = Person(site.test_client())
        assert person.client.get(START).status_code == 404
        assert START not in person.client.get("/reports/login").text


class TestWhatTheProviderSays:
    @pytest.fixture
    def obedient(self):
        with obedient_provider() as provider:
            yield provider

    @pytest.fixture
    def issuer(self, obedient):
        return obedient.address

    def sign_in(self, person, obedient: ObedientProvider, **token):
        asked = query_of(go(person))
        obedient.token = {"nonce": asked["nonce"], "role": "lead", **token}
        return person.client.get(CALLBACK, query_string={"state": asked["state"], "code": "c"})

    def test_a_right_token_is_believed(self, person, obedient, database):
        assert self.sign_in(person, obedient, email="o@example.com").status_code == 303
        assert user(database, "o@example.com").subject == f"{obedient.address} 7"

    def test_a_token_for_several_clients_is_for_us_too(self, person, obedient):
        both = {"aud": ["other", CLIENT_ID], "azp": CLIENT_ID}
        assert self.sign_in(person, obedient, **both).status_code == 303

    @pytest.mark.parametrize(
        "claims",
        [
            {"nonce": "another"},
            {"nonce": None},
            {"aud": "another"},
            {"aud": "another", "azp": CLIENT_ID},
            {"aud": None},
            {"iss": "https://another.example.com"},
            {"exp": 1_700_000_000},
            {"sub": None},
        ],
        ids=str,
    )
    def test_a_wrong_token_is_not(self, person, obedient, claims):
        assert self.sign_in(person, obedient, **claims).status_code == 400
        assert not person.is_signed_in()

    def test_a_token_signed_by_another_is_not(self, person, obedient):
        obedient.key = type(obedient.key).generate_key(2048, {"kid": "1"})
        assert self.sign_in(person, obedient).status_code == 400
        assert not person.is_signed_in()

    @pytest.mark.parametrize("subject", ["", "a\x00b", "x" * 256, 7])
    def test_a_subject_that_cannot_be_kept_is_nobody(self, person, obedient, subject):
        assert self.sign_in(person, obedient, sub=subject).status_code in (400, 403)
        assert not person.is_signed_in()

    def test_what_the_token_leaves_out_is_asked_for(self, person, obedient, database):
        obedient.userinfo = {"sub": "7", "role": "finance", "preferred_username": "olga"}
        assert self.sign_in(person, obedient, role=None).status_code == 303
        assert user(database, "olga").role is Role.FINANCE

    def test_what_is_said_of_somebody_else_is_not_believed(self, person, obedient):
        obedient.userinfo = {"sub": "8", "role": "admin"}
        assert self.sign_in(person, obedient, role=None).status_code == 403

    @pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
    @pytest.mark.parametrize("body", ["", "no json", "{}", "[]", '{"id_token": 7}'])
    def test_what_cannot_be_understood_signs_nobody_in(self, person, obedient, path, body):
        if path == "/.well-known/openid-configuration":
            obedient.bodies[path] = body
            answer = person.client.get(START)
        else:
            person.client.get("/reports/login")
            obedient.bodies[path] = body
            answer = self.sign_in(person, obedient)
        assert answer.status_code in (400, 503)
        assert "Traceback" not in answer.text
        assert not person.is_signed_in()
        obedient.bodies.clear()
        assert self.sign_in(person, obedient).status_code == 303


def test_a_provider_that_is_away_is_said_to_be(database_url, database, clock):
    settings = make_settings(
        database_url=database_url,
        oidc_issuer="http://127.0.0.1:9",
        oidc_client_id=CLIENT_ID,
        oidc_client_secret="a secret",
    )
    person = Person(make_site(settings, database, clock).test_client())
    answer = person.client.get(START)
    assert answer.status_code == 503
    assert "The sign-in provider cannot be reached right now" in answer.text
    assert person.sign_in("lea").status_code == 303
