"""The folder of a month: what stands in it belongs together."""

import json
import re
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from survey.counting_rules import CountingRules
from survey.links import parse_link, sign_link
from survey.rederive import apply_rules
from survey.site.app import create_app
from tests.conftest import on_sqlite
from tests.support.clock import Clock
from tests.support.command import run_csat
from tests.support.many_answers import add_many
from tests.support.pages import LINK, address
from tests.support.settings import make_settings
from tests.support.waits import WEDNESDAY, keep_ticket


@pytest.fixture
def report(settings, tmp_path):
    def report(*arguments):
        done = run_csat(
            *("report", "--month", "2026-10", "--out", str(tmp_path / "out"), *arguments),
            CSAT_DATABASE_URL=settings.database_url,
        )
        assert done.returncode == 0, done.stderr
        return {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}

    return report


def test_a_report_from_an_export_leaves_no_donations_of_the_store(report, client, tmp_path):
    client.post(address(), data={"rating": "5"})
    assert "donations.csv" in report()
    event = {
        "uuid": "0192f1a4-0000-7000-8000-000000000001",
        "event": "survey sent",
        "distinct_id": "joe",
        "timestamp": "2026-10-05T10:00:00Z",
        "properties": {"ticketId": 7, "$survey_response": 2},
    }
    (tmp_path / "events.jsonl").write_text(json.dumps(event))
    files = report("--source", f"export:{tmp_path}/events.jsonl")
    assert "donations.csv" not in files
    assert files["counts.csv"].splitlines()[1:] == ["2026-10,unassigned,2,1"]


@on_sqlite
def test_targets_are_a_file_once_tickets_are_known_whatever_the_source(
    report, database, settings, tmp_path
):
    seen = {"event": "$pageview", "uuid": "a", "distinct_id": "joe", "properties": {}}
    seen["timestamp"] = "2026-10-05T10:00:00Z"
    (tmp_path / "none.jsonl").write_text(json.dumps(seen))
    assert "targets.csv" not in report()
    keep_ticket(database, settings, "1", (WEDNESDAY, WEDNESDAY + timedelta(hours=2)))
    line = "2026-10,surveys,scale,1,1,100.00,20.65,100.00,2.00,2.00,0"
    for source in ("database", f"export:{tmp_path}/none.jsonl"):
        files = report("--source", source)
        assert files["targets.csv"].splitlines()[1] == line
        assert "Response targets" in files["report.html"]
    # The folder is written again from a store that knows no ticket.
    with database.writing() as connection:
        connection.execute(text("DELETE FROM tickets"))
    assert "targets.csv" not in report()


def test_a_team_that_calls_itself_all_is_not_taken_for_all_teams(report, client):
    client.post(address(team="All"), data={"rating": "5", "comment": "from a team called all"})
    client.post(address(ticketId="43"), data={"rating": "1"})
    files = report()
    rows = [line.split(",")[1:3] for line in files["teams.csv"].splitlines()]
    assert ["all_team", "1"] in rows
    assert rows[-1] == ["all", "2"]
    assert "All team " in files["report.html"] or ">All team<" in files["report.html"]


def test_the_trust_beside_a_comment_is_that_of_the_link_it_came_by(report, database):
    signing = make_settings(link_secret="s")
    client = create_app(signing, database, Clock()).test_client()
    client.post(address(sig=sign_link(parse_link(LINK), "s")), data={"rating": "5"})
    client.post(address(), data={"rating": "1", "comment": "forged?"})
    (comment,) = report()["comments.csv"].splitlines()[1:]
    assert "forged?" in comment
    assert comment.endswith(",unverified")


@on_sqlite
def test_thousands_of_made_up_teams_stay_a_report(report, client, database, settings):
    client.post(address(team="Surveys"), data={"rating": "1", "comment": "of a listed team"})
    add_many(database, 6000, ticket="'T' || n")
    with database.writing() as connection:
        # Of `big` there are ten, of every other one; a comment comes from each tenth.
        name = "CASE WHEN n <= 10 THEN 'big' ELSE 'made_up_' || n END"
        numbered = "SELECT uuid, CAST(substr(ticket_id, 2) AS INTEGER) AS n FROM answers"
        numbered += " WHERE ticket_id LIKE 'T%'"
        connection.execute(
            text(
                f"UPDATE answers SET team = {name}, comment = CASE WHEN n % 10 = 0 THEN 'words'"
                f" END FROM ({numbered}) AS numbered WHERE numbered.uuid = answers.uuid"
            )
        )
    apply_rules(database, CountingRules.of(settings))
    began = time.perf_counter()
    files = report()
    assert time.perf_counter() - began < 20
    page = files["report.html"]
    assert len(page) < 2_000_000
    rows = [line.split(",")[1:3] for line in files["teams.csv"].splitlines()]
    assert len(rows) == 1 + 9 + 5991 + 1
    assert rows[-1] == ["all", "6001"]
    table = page.partition('id="teams-table"')[2].partition("</table>")[0]
    rows_of_table = table.split('<th scope="row" role="rowheader">')[1:]
    lines = [re.sub("<[^>]+>", " ", line).split() for line in rows_of_table]
    # Big, the listed team and the others with one response, all others, all teams.
    assert len(lines) == 1 + 1 + 49 + 1 + 1
    assert lines[0][:3] == ["Big", "1", "comment"]
    # Of the others the first by name are shown; one in ten of the 5,941 more has a comment.
    assert lines[-2][:3] == ["5,941", "more", "teams"]
    assert lines[-1][:2] == ["All", "teams"]
    assert "6,001" in lines[-1]
    assert "One line, from pooled counts, is for 5,941 more teams" in page
    comments = page.partition('id="comments"')[2]
    assert re.findall("<h3[^>]*><bdi>(.*?)</bdi>", comments)[-1] == "5,941 more teams"
    assert comments.count("<bdi>Made up 6000</bdi>") == 1
