"""`csat users`, as a person runs it."""

import io
import json
import sys

import pytest

import csat
from reports.commands import users as commands
from reports.passwords import HASHER
from survey.command_line import run_command
from survey.store.users import find_user, save_openid_user
from survey.vocabulary import Role
from tests.conftest import on_sqlite
from tests.support.reports_site import QUICK

pytestmark = [on_sqlite, pytest.mark.usefixtures("database")]

GOOD = b"correct horse battery\n"


@pytest.fixture
def real_users(settings, monkeypatch, capsys):
    """Runs the command with an environment that has the database's address alone."""
    monkeypatch.setenv("CSAT_DATABASE_URL", settings.database_url)

    def users(*arguments, given=GOOD):
        stdin = None if given is None else io.TextIOWrapper(io.BytesIO(given))
        monkeypatch.setattr(sys, "stdin", stdin)
        code = run_command(csat.cli, ["users", *arguments])
        return code, capsys.readouterr()

    return users


@pytest.fixture
def users(real_users, monkeypatch):
    """The same, with hashes that are made at once."""
    monkeypatch.setattr(commands, "hash_password", QUICK.hash)
    return real_users


@pytest.fixture
def find(database):
    def find(name):
        with database.reading() as connection:
            return find_user(connection, name)

    return find


def add(users, name="ada", role="lead", **given):
    return users("add", name, "--role", role, "--password-stdin", **given)


def test_whoever_is_added_has_the_role_and_the_password(real_users, find):
    code, printed = add(real_users, role="admin")
    assert (code, printed.err) == (0, "")
    assert printed.out == "ada can sign in at http://127.0.0.1:8000/reports/ as admin\n"
    ada = find("ada")
    assert (ada.role, ada.is_enabled, ada.session_version) == (Role.ADMIN, True, 1)
    assert QUICK.verify(ada.password_hash, "correct horse battery")
    assert not HASHER.check_needs_rehash(ada.password_hash)


@pytest.mark.parametrize("given", [b"correct horse battery", b"correct horse battery\r\n"])
def test_the_end_of_the_line_is_no_part_of_the_password(users, find, given):
    add(users, given=given)
    assert QUICK.verify(find("ada").password_hash, "correct horse battery")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"too short\n", "fewer than 12 characters"),
        (b"", "fewer than 12 characters"),
        (None, "fewer than 12 characters"),
        (b"x" * 100_000, "more than 1,000 characters"),
        (b"two lines of\npassword\n", "line break"),
        (b"\xff" * 20, "not text in UTF-8"),
    ],
)
@pytest.mark.parametrize("command", ["add", "password"])
def test_a_bad_password_is_refused_and_says_why(users, find, command, given, reason):
    add(users)
    before = find("ada")
    arguments = ("--role", "lead") if command == "add" else ()
    name = "eve" if command == "add" else "ada"
    code, printed = users(command, name, *arguments, "--password-stdin", given=given)
    assert (code, reason in printed.err) == (1, True)
    assert find("eve") is None
    assert find("ada") == before


def test_a_name_is_taken_once(users):
    add(users)
    code, printed = add(users, name=" ada ")
    assert code == 1
    assert "there is a user 'ada' already" in printed.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["add", "ada", "--role", "lead"], "say --password-stdin"),
        (["add", "ada", "--password-stdin"], "Missing option '--role'"),
        (["add", "ada", "--role", "boss", "--password-stdin"], "'boss' is not one of"),
        (["add", " ", "--role", "lead", "--password-stdin"], "the name is blank"),
        (["add", "a\x07b", "--role", "lead", "--password-stdin"], "cannot be printed"),
        (["add", "a" * 101, "--role", "lead", "--password-stdin"], "more than 100"),
        (["password", "ada"], "say --password-stdin"),
        (["disable"], "Missing argument 'NAME'"),
    ],
)
def test_bad_usage_is_refused_and_says_what_to_write(users, find, arguments, reason):
    code, printed = users(*arguments)
    assert (code, reason in printed.err) == (2, True)
    assert find("ada") is None


@pytest.mark.parametrize("command", [["disable"], ["enable"], ["password", "--password-stdin"]])
def test_nobody_is_changed_who_does_not_exist(users, command):
    code, printed = users(*command, "nobody")
    assert (code, "there is no user 'nobody'" in printed.err) == (1, True)


def test_disabling_and_enabling_say_what_they_did(users, find):
    add(users)
    told = [users(command, "ada")[1].out for command in ("disable", "disable", "enable", "enable")]
    assert told == [
        "ada can no longer sign in\n",
        "ada was disabled before\n",
        "ada can sign in again\n",
        "ada was not disabled\n",
    ]
    assert find("ada").session_version == 3


def test_a_new_password_replaces_the_old_one(real_users, find):
    add(real_users)
    code, _ = real_users("password", "ada", "--password-stdin", given=b"another password\n")
    assert code == 0
    assert QUICK.verify(find("ada").password_hash, "another password")
    assert not HASHER.check_needs_rehash(find("ada").password_hash)
    assert find("ada").session_version == 2


def test_a_user_of_a_provider_gets_no_password(users, database, clock):
    with database.writing() as connection:
        save_openid_user(connection, "https://id.example.com 7", ["olga"], Role.LEAD, clock())
    code, printed = users("password", "olga", "--password-stdin")
    assert (code, "'olga' signs in by OpenID" in printed.err) == (1, True)


class TestList:
    def test_shows_everybody_by_name(self, users, database, clock):
        add(users, name="zoe", role="finance")
        users("disable", "zoe")
        with database.writing() as connection:
            save_openid_user(connection, "https://id.example.com 7", ["olga"], Role.LEAD, clock())
        lines = users("list")[1].out.splitlines()
        assert lines[0] == "olga  lead     openid    since 2026-10-14"
        assert lines[1].startswith("zoe   finance  password  since ")
        assert lines[1].endswith("  disabled")

    def test_as_json_tells_nothing_of_passwords(self, users):
        add(users)
        printed = users("list", "--json")[1]
        (ada,) = json.loads(printed.out)
        created_at = ada.pop("created_at")
        assert created_at.endswith("+00:00")
        assert ada == {"name": "ada", "role": "lead", "signs_in_by": "password", "enabled": True}

    def test_of_nobody_says_how_to_add_somebody(self, users):
        assert "csat users add" in users("list")[1].out
        assert json.loads(users("list", "--json")[1].out) == []
