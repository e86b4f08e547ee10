"""`csat responses`: one ticket's answers, and taking it out of the numbers."""

import pytest

from survey.outbox_payloads import unpack_event
from survey.store.models import OutboxRow, ResponseRow
from tests.support.command import run_csat
from tests.support.pages import address
from tests.support.rows import rows


@pytest.fixture
def csat(settings):
    def csat(*arguments):
        return run_csat(*arguments, CSAT_DATABASE_URL=settings.database_url)

    return csat


@pytest.fixture
def _answered(client):
    """Jane answered and changed her mind; somebody else tried, too."""
    client.post(address(), data={"rating": "2", "comment": "slow"})
    client.post(address(), data={"rating": "4", "comment": "then quick"})
    client.post(address(distinct_id="eve"), data={"rating": "5"})


@pytest.mark.usefixtures("_answered")
def test_show_tells_what_became_of_each_answer(csat):
    shown = csat("responses", "show", "--ticket", " 42.0 ").stdout
    response, first, second, third = shown.splitlines()
    assert response == "response  4 for web_analytics, 2026-10-14"
    assert "2  response" in first
    assert "4  edit" in second
    assert "'then quick'" in second
    assert "5  other_person" in third


@pytest.mark.usefixtures("database")
def test_show_of_a_ticket_without_answers_says_so(csat):
    done = csat("responses", "show", "--ticket", "7")
    assert done.returncode == 1
    assert "nobody has answered for ticket 7" in done.stderr


@pytest.mark.usefixtures("_answered")
def test_a_void_ticket_leaves_every_number_and_stays_on_record(csat, client, tmp_path):
    client.post(address(ticketId="43"), data={"rating": "5"})
    assert csat("responses", "void", "--ticket", "42", "--reason", "by the agent").returncode == 0
    csat("report", "--month", "2026-10", "--out", str(tmp_path / "out"))
    teams = (tmp_path / "out/teams.csv").read_text()
    quality = (tmp_path / "out/quality.csv").read_text()
    assert "2026-10,all,1,1,100.00" in teams
    assert "received,4\nresponse,1\n" in quality
    assert "void,3\n" in quality
    shown = csat("responses", "show", "--ticket", "42").stdout
    assert shown.startswith("void      by the agent (")
    assert shown.count("void  ") == 4


@pytest.mark.usefixtures("_answered")
def test_voiding_twice_or_without_a_reason_is_refused(csat):
    assert csat("responses", "void", "--ticket", "42", "--reason", " ").returncode == 2
    assert csat("responses", "void", "--ticket", " ", "--reason", "x").returncode == 2
    assert csat("responses", "void", "--ticket", "42", "--reason", "x").returncode == 0
    again = csat("responses", "void", "--ticket", "42", "--reason", "y")
    assert again.returncode == 1
    assert "void already" in again.stderr


@pytest.mark.usefixtures("_answered")
def test_answers_to_a_void_ticket_are_taken_and_count_nowhere(csat, client):
    csat("responses", "void", "--ticket", "42", "--reason", "x")
    sent = client.post(address(), data={"rating": "5"})
    assert sent.status_code == 303
    assert client.get(sent.location).status_code == 200
    assert csat("responses", "show", "--ticket", "42").stdout.count("  void  ") == 4


@pytest.mark.usefixtures("_answered")
def test_voiding_shows_what_counts_no_more(csat):
    done = csat("responses", "void", "--ticket", "42", "--reason", "by the agent")
    assert done.stdout.splitlines() == [
        "ticket 42 counts nowhere now: 3 answers",
        "response  4 for web_analytics, 2026-10-14",
    ]


@pytest.mark.usefixtures("database")
def test_a_ticket_that_nobody_answered_for_is_voided_only_by_force(csat, client):
    refused = csat("responses", "void", "--ticket", "999", "--reason", "a typing error")
    assert refused.returncode == 1
    assert "nobody has answered for ticket 999; check its number" in refused.stderr
    client.post(address(ticketId="999"), data={"rating": "5"})
    assert csat("responses", "show", "--ticket", "999").stdout.startswith("response  5 for")

    forced = csat("responses", "void", "--ticket", "7", "--reason", "ours", "--force")
    assert forced.stdout == "ticket 7 counts nowhere now: 0 answers\n"
    client.post(address(ticketId="7"), data={"rating": "5"})
    assert csat("responses", "show", "--ticket", "7").stdout.startswith("void      ours")


class TestUnvoid:
    @pytest.mark.usefixtures("_answered")
    def test_a_ticket_counts_again_as_it_did(self, csat, client, tmp_path):
        def count() -> str:
            csat("report", "--month", "2026-10", "--out", str(tmp_path / "out"))
            return (tmp_path / "out/teams.csv").read_text()

        before = count()
        csat("responses", "void", "--ticket", "42", "--reason", "a typing error")
        assert count() != before
        done = csat("responses", "unvoid", "--ticket", "42", "--reason", "it was 43")
        assert done.stdout.splitlines() == [
            "ticket 42 is void no more",
            "response  4 for web_analytics, 2026-10-14",
        ]
        assert count() == before
        shown = csat("responses", "show", "--ticket", "42").stdout.splitlines()
        assert shown[0] == "response  4 for web_analytics, 2026-10-14"
        assert shown[1].startswith("unvoid    it was 43 (")
        assert shown[2].startswith("void      a typing error (")

    @pytest.mark.usefixtures("_answered")
    def test_what_came_meanwhile_is_sent_under_the_id_of_the_response(self, csat, client, database):
        csat("responses", "void", "--ticket", "42", "--reason", "x")
        client.post(address(), data={"rating": "5", "comment": "while it was void"})
        csat("responses", "unvoid", "--ticket", "42", "--reason", "y")
        events = [unpack_event(row.payload)["properties"] for row in rows(database, OutboxRow)]
        assert [event["rating"] for event in events] == [2, 4, 5]
        (response,) = rows(database, ResponseRow)
        assert {event["$survey_submission_id"] for event in events} == {response.submission_id}
        assert (response.rating, response.comment) == (5, "while it was void")

    @pytest.mark.usefixtures("_answered")
    def test_one_that_is_not_void_or_gives_no_reason_is_refused(self, csat):
        done = csat("responses", "unvoid", "--ticket", "42", "--reason", "y")
        assert (done.returncode, "ticket 42 is not void" in done.stderr) == (1, True)
        assert csat("responses", "unvoid", "--ticket", "42", "--reason", " ").returncode == 2

    @pytest.mark.usefixtures("database")
    def test_one_without_an_answer_makes_no_response(self, csat):
        csat("responses", "void", "--ticket", "7", "--reason", "ours", "--force")
        done = csat("responses", "unvoid", "--ticket", "7", "--reason", "not ours")
        assert done.stdout.splitlines()[1] == "no response: none of its answers counts"
        assert csat("responses", "void", "--ticket", "7", "--reason", "ours").returncode == 1
