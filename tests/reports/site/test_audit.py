"""What is on record, and who sees it."""

import re
from datetime import timedelta

import pytest

from reports.site.audit import record
from reports.site.roles import allow
from survey.store.audit import PAGE_SIZE, add_entry, list_entries
from survey.vocabulary import Role
from tests.support.reports_site import Person


def recorded(database):
    """All entries, the oldest first: who, as what, what, to what."""
    with database.reading() as connection:
        entries = list_entries(connection)
    return [(e.user_name, e.role, e.action, e.target) for e in reversed(entries)]


def test_signing_in_and_out_are_on_record(person, database):
    person.sign_in("lea")
    person.press("/reports/account", "/reports/logout")
    person.sign_in("lea")
    person.press("/reports/account", "/reports/logout-everywhere")
    assert recorded(database) == [
        ("lea", "lead", "signed in", "with a password"),
        ("lea", "lead", "signed out", ""),
        ("lea", "lead", "signed in", "with a password"),
        ("lea", "lead", "signed out everywhere", ""),
    ]


def test_a_refused_sign_in_is_on_record_by_a_name_that_exists(person, database):
    person.sign_in("lea", "wrong horse battery")
    person.sign_in("my secret password", "lea")
    assert recorded(database) == [
        ("lea", "lead", "sign-in refused", "with a password"),
        ("unknown", "", "sign-in refused", "with a password"),
    ]


class TestRecord:
    @pytest.fixture
    def reading(self, site):
        """A page that puts on record what its query names."""
        from flask import request

        @allow(Role.LEAD)
        def read():
            record("read comments", request.args["what"])
            return "done"

        site.add_url_rule("/reports/read", "read", read)

    @pytest.mark.usefixtures("reading")
    def test_says_what_a_user_did_and_to_what(self, person, database, clock):
        person.sign_in("lea")
        clock.advance(minutes=5)
        person.client.get("/reports/read?what=2026-10 team=surveys")
        assert recorded(database)[-1] == ("lea", "lead", "read comments", "2026-10 team=surveys")
        with database.reading() as connection:
            assert list_entries(connection)[0].at == clock()

    @pytest.mark.usefixtures("reading")
    def test_holds_nothing_that_a_database_or_a_terminal_cannot_bear(self, person, database):
        person.sign_in("lea")
        person.client.get(
            "/reports/read", query_string={"what": "a\x00\x1b[31m\u202eb" + "c" * 999}
        )
        (*_, target) = recorded(database)[-1]
        assert target.startswith("a??[31m?bccc")
        assert len(target) == 500

    def test_is_of_somebody(self, site):
        with site.test_request_context("/reports/"), pytest.raises(RuntimeError):
            record("read comments", "2026-10")


class TestPage:
    @pytest.fixture
    def ada(self, person):
        person.sign_in("ada")
        return person

    def rows(self, page):
        cells = re.findall(r"<td[^>]*>(?:<time[^>]*>)?(.*?)(?:</time>)?</td>", page.text)
        return [cells[number : number + 5] for number in range(0, len(cells), 5)]

    def test_shows_who_did_what_when(self, ada):
        assert self.rows(ada.client.get("/reports/audit")) == [
            ["14 October 2026, 10:30:00", "ada", "admin", "signed in", "with a password"]
        ]

    def test_shows_hostile_words_as_words(self, ada, database, clock):
        with database.writing() as connection:
            add_entry(connection, clock(), "<b>", "lead", "<script>", "\" onclick='x' &amp;")
        page = ada.client.get("/reports/audit").text
        assert "<script>" not in page
        assert "&lt;b&gt;" in page
        assert "&#34; onclick=&#39;x&#39; &amp;amp;" in page

    def test_leads_from_page_to_page_and_shows_each_entry_once(self, ada, database, clock):
        with database.writing() as connection:
            for number in range(2 * PAGE_SIZE):
                at = clock() + timedelta(minutes=number)
                add_entry(connection, at, "lea", "lead", "exported", f"file {number}")
        targets, address, pages = [], "/reports/audit", 0
        while address:
            page = ada.client.get(address)
            targets += [row[4] for row in self.rows(page)]
            address = page.text.partition("Newest")[2] if pages else page.text
            link = re.search(r'href="([^"]*before=\d+)">Older', page.text)
            address, pages = link and link[1], pages + 1
        newest_first = [f"file {number}" for number in reversed(range(2 * PAGE_SIZE))]
        assert targets == [*newest_first, "with a password"]
        assert pages == 3
        assert 'href="/reports/audit">Newest' in page.text

    def test_that_is_empty_says_so(self, ada):
        assert "Nothing is on record before this." in ada.client.get("/reports/audit?before=1").text

    @pytest.mark.parametrize("before", ["", "x", "-1", "1.0", "٣", "9" * 30, "1'--"])
    def test_of_a_bad_address_is_not_there(self, ada, before):
        assert ada.client.get("/reports/audit", query_string={"before": before}).status_code == 404

    def test_is_for_admins_alone(self, site):
        lea = Person(site.test_client())
        lea.sign_in("lea")
        assert lea.client.get("/reports/audit").status_code == 403
