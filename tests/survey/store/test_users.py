"""Users and the record of what they did, in the store."""

from datetime import timedelta

import pytest

from survey.store.audit import add_entry, list_entries
from survey.store.users import (
    NameTaken,
    UnknownUser,
    WithoutPassword,
    add_user,
    end_sessions,
    find_user,
    find_user_by_id,
    find_user_by_subject,
    list_users,
    replace_hash,
    save_openid_user,
    set_enabled,
    set_password,
)
from survey.vocabulary import Role
from tests.support.events import NOON

SUBJECT = "https://id.example.com 7"


@pytest.fixture
def connection(database):
    with database.writing() as connection:
        yield connection


@pytest.fixture
def ada(connection):
    add_user(connection, "ada", Role.ADMIN, "a hash", NOON)
    return find_user(connection, "ada")


def version_of(connection, name):
    return find_user(connection, name).session_version


def test_a_user_is_found_by_name_and_by_id(connection, ada):
    assert (ada.name, ada.role, ada.password_hash) == ("ada", Role.ADMIN, "a hash")
    assert (ada.subject, ada.is_enabled, ada.created_at) == (None, True, NOON)
    assert find_user_by_id(connection, ada.id) == ada
    assert find_user(connection, "Ada") is None
    assert find_user_by_id(connection, ada.id + 1) is None


def test_a_hash_is_not_shown_with_its_user(ada):
    assert "a hash" not in repr(ada)


@pytest.mark.usefixtures("ada")
def test_a_name_is_given_once(connection):
    with pytest.raises(NameTaken, match="'ada'"):
        add_user(connection, "ada", Role.LEAD, "another hash", NOON)


@pytest.mark.usefixtures("ada")
def test_all_users_are_listed_by_name(connection):
    for name in ("zoe", "Ben", "ben"):
        add_user(connection, name, Role.LEAD, "a hash", NOON)
    assert [user.name for user in list_users(connection)] == ["Ben", "ada", "ben", "zoe"]


@pytest.mark.usefixtures("ada")
def test_disabling_enabling_and_a_new_password_end_running_sessions(connection):
    assert set_enabled(connection, "ada", False)
    assert not find_user(connection, "ada").is_enabled
    assert version_of(connection, "ada") == 2
    assert set_enabled(connection, "ada", True)
    assert version_of(connection, "ada") == 3
    set_password(connection, "ada", "another hash")
    assert find_user(connection, "ada").password_hash == "another hash"
    assert version_of(connection, "ada") == 4


def test_ending_sessions_ends_those_of_one_user(connection, ada):
    add_user(connection, "ben", Role.LEAD, "a hash", NOON)
    end_sessions(connection, ada.id)
    assert (version_of(connection, "ada"), version_of(connection, "ben")) == (2, 1)


@pytest.mark.usefixtures("ada")
def test_what_does_not_change_ends_nothing(connection):
    assert not set_enabled(connection, "ada", True)
    assert version_of(connection, "ada") == 1


def test_nobody_is_changed_who_does_not_exist(connection):
    with pytest.raises(UnknownUser, match="'nobody'"):
        set_enabled(connection, "nobody", False)
    with pytest.raises(UnknownUser, match="'nobody'"):
        set_password(connection, "nobody", "a hash")


def test_a_hash_is_replaced_while_sessions_run(connection, ada):
    replace_hash(connection, ada, "a better hash")
    assert find_user(connection, "ada").password_hash == "a better hash"
    assert version_of(connection, "ada") == 1


def test_a_hash_is_not_replaced_after_the_password_was_changed(connection, ada):
    set_password(connection, "ada", "hash of another password")
    replace_hash(connection, ada, "a better hash")
    assert find_user(connection, "ada").password_hash == "hash of another password"


class TestUserOfProvider:
    def save(self, connection, *names, role=Role.LEAD, subject=SUBJECT):
        return save_openid_user(connection, subject, names or ("olga",), role, NOON)

    def test_is_added_when_they_first_come(self, connection):
        olga = self.save(connection)
        assert (olga.name, olga.role, olga.password_hash) == ("olga", Role.LEAD, None)
        assert find_user_by_subject(connection, SUBJECT) == olga

    def test_has_the_role_that_the_provider_says_now_and_keeps_the_name(self, connection):
        first = self.save(connection)
        again = self.save(connection, "olga the second", role=Role.ADMIN)
        assert (again.id, again.name, again.role) == (first.id, "olga", Role.ADMIN)
        assert again.session_version == first.session_version

    @pytest.mark.usefixtures("ada")
    def test_takes_nobodys_name(self, connection):
        names = ("ada", "ada@example.com")
        assert self.save(connection, *names).name == "ada@example.com"
        assert self.save(connection, *names, subject="8").name == "ada (2)"
        assert self.save(connection, *names, subject="9").name == "ada (3)"
        assert find_user(connection, "ada").subject is None

    def test_stays_disabled_when_they_come_again(self, connection):
        self.save(connection)
        set_enabled(connection, "olga", False)
        assert not self.save(connection).is_enabled

    def test_gets_no_password(self, connection):
        self.save(connection)
        with pytest.raises(WithoutPassword, match="'olga'"):
            set_password(connection, "olga", "a hash")


def test_the_record_is_read_backwards_page_by_page(connection):
    for number in range(5):
        at = NOON + timedelta(seconds=number)
        add_entry(connection, at, "ada", "admin", "exported", f"file {number}")
    first = list_entries(connection, limit=2)
    assert [entry.target for entry in first] == ["file 4", "file 3"]
    assert first[0].at == NOON + timedelta(seconds=4)
    second = list_entries(connection, before=first[-1].id, limit=2)
    assert [entry.target for entry in second] == ["file 2", "file 1"]
    assert (second[0].user_name, second[0].role, second[0].action) == ("ada", "admin", "exported")
