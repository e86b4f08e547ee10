"""The waits of a report, from tickets of the help desk and responses in the store."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.query import ReportQuery
from pipeline.sources.store_waits import read_waits
from survey.counting_rules import CountingRules
from survey.events import Questions
from survey.links import parse_link
from survey.receive import Submission, receive
from survey.rederive import apply_rules
from survey.store.tickets import ReplyInterval, save_intervals
from survey.vocabulary import Trust
from survey.voiding import void
from tests.conftest import on_sqlite
from tests.support.command import run_csat
from tests.support.settings import make_settings
from tests.support.waits import WEDNESDAY, keep_ticket, keep_waits

HOUR = timedelta(hours=1)
OCTOBER = "2026-10"


@pytest.fixture
def settings(database_url):
    return make_settings(database_url=database_url, zendesk_escalated_tag="escalated")


@pytest.fixture
def read(database, settings):
    apply_rules(database, CountingRules.of(settings))

    def read(period=OCTOBER, with_responses=True, given=settings, **filters):
        with database.reading() as connection:
            query = ReportQuery.parse(period, filters)
            return read_waits(connection, query, given, with_responses=with_responses)

    return read


@pytest.fixture
def answer(database, settings):
    def answer(ticket_id, rating, at, team="surveys", trust=Trust.SIGNED, language="en"):
        link = parse_link({"ticketId": ticket_id, "distinct_id": "jane", "team": team})
        form = Submission(link, trust, rating, None, None, Questions("How?", None, language))
        receive(database, settings, form, at)

    return answer


def test_as_long_as_no_ticket_is_known_there_is_nothing_to_report(read, database, settings):
    assert read() is None
    keep_ticket(database, settings, "1")
    found = read()
    assert (len(found.waits), len(found.answered)) == (0, 0)


def test_a_wait_has_what_a_report_says_of_its_ticket(read, database, settings):
    keep_ticket(
        database, settings, "1", (WEDNESDAY - HOUR, WEDNESDAY), (WEDNESDAY + HOUR, None),
        team="sales_cs", priority="urgent", severity="sev_1", tags=frozenset({"escalated"}),
    )  # fmt: skip
    keep_ticket(database, settings, "2", (WEDNESDAY, WEDNESDAY + HOUR), priority="whatever")
    waits = read().waits.sort_values("activated_at").astype("object")
    assert waits.where(waits.notna(), None).to_dict("list") == {
        "team": ["sales_cs", "surveys", "sales_cs"],
        "plan": ["enterprise", "unknown", "enterprise"],
        "severity": ["sev_1", "", "sev_1"],
        # The ticket was escalated on Wednesday.
        "kind": ["first", "first", "escalated"],
        "activated_at": [WEDNESDAY - HOUR, WEDNESDAY, WEDNESDAY + HOUR],
        "replied_at": [WEDNESDAY, WEDNESDAY + HOUR, None],
    }


def test_void_tickets_and_those_of_testers_leave_every_number(read, database, settings):
    for ticket_id, requester in (("1", "jane"), ("2", "tester"), ("3", None)):
        waited = (WEDNESDAY, WEDNESDAY + HOUR)
        keep_ticket(database, settings, ticket_id, waited, requester_external_id=requester)
    testing = make_settings(database_url=settings.database_url, test_distinct_ids="tester,other")
    assert [len(read(given=each).waits) for each in (settings, testing)] == [3, 2]
    void(database, settings, "1", "a test", WEDNESDAY, force=True)
    assert [len(read(given=each).waits) for each in (settings, testing)] == [2, 1]


def test_a_wait_that_ended_without_a_reply_counts_nowhere(read, database, settings, answer):
    keep_ticket(database, settings, "1")
    ended = ReplyInterval("1", 1, WEDNESDAY, ended_at=WEDNESDAY + HOUR)
    replied = ReplyInterval("1", 2, WEDNESDAY + HOUR, replied_at=WEDNESDAY + 2 * HOUR)
    with database.writing() as connection:
        save_intervals(connection, [ended, replied])
    answer("1", 5, WEDNESDAY + timedelta(days=5))
    found = read()
    assert found.waits["activated_at"].tolist() == [WEDNESDAY + HOUR]
    assert found.answered["activated_at"].tolist() == [WEDNESDAY + HOUR]


def test_a_wait_of_a_ticket_that_is_not_known_yet_is_left_out_until_it_is(read, database, settings):
    keep_ticket(database, settings, "1")
    keep_waits(database, "2", [(WEDNESDAY, None)])
    assert read().waits.empty
    keep_ticket(database, settings, "2")
    assert len(read().waits) == 1


@pytest.mark.parametrize(
    ("begin", "period", "is_in"),
    [
        # London is an hour ahead of UTC in September, and not at the end of October.
        (datetime(2026, 9, 30, 22, 59, 59, tzinfo=UTC), OCTOBER, False),
        (datetime(2026, 9, 30, 23, 0, tzinfo=UTC), OCTOBER, True),
        (datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), OCTOBER, True),
        (datetime(2026, 11, 1, 0, 0, tzinfo=UTC), OCTOBER, False),
        (datetime(2026, 11, 1, 0, 0, tzinfo=UTC), "2026-Q4", True),
        (datetime(2026, 10, 14, 9, 0, tzinfo=UTC), "2026-10-14..2026-10-14", True),
    ],
)
def test_a_wait_belongs_to_the_period_in_which_it_began(
    read, database, settings, begin, period, is_in
):
    keep_ticket(database, settings, "1", (begin, begin + timedelta(days=40)))
    assert len(read(period).waits) == is_in


def test_filters_leave_waits_of_other_teams_and_responses_of_other_kinds_out(
    read, database, settings, answer
):
    for ticket_id, team in (("1", "surveys"), ("2", "experiments")):
        keep_ticket(database, settings, ticket_id, (WEDNESDAY, WEDNESDAY + HOUR), team=team)
    later = WEDNESDAY + timedelta(days=4)
    answer("1", 5, later, language="de")
    # The link of this ticket named another team than the help desk does.
    answer("2", 1, later, team="surveys", trust=Trust.UNVERIFIED)

    def tickets(**filters):
        found = read(**filters)
        return len(found.waits), sorted(found.answered["ticket_id"])

    assert tickets() == (2, ["1", "2"])
    assert tickets(team="surveys") == (1, ["1", "2"])
    assert tickets(team="experiments") == (1, [])
    assert tickets(trust="unverified") == (2, ["2"])
    assert tickets(language="de") == (2, ["1"])
    # Of chosen ratings alone no satisfaction can be told.
    assert read(rating="5").answered is None
    assert read(with_responses=False).answered is None


def test_responses_have_the_waits_that_began_before_them(read, database, settings, answer):
    answered_at = WEDNESDAY + timedelta(days=4)
    keep_ticket(
        database, settings, "1",
        (WEDNESDAY - timedelta(days=60), WEDNESDAY), (answered_at, answered_at + HOUR),
        (answered_at + HOUR, None),
    )  # fmt: skip
    answer("1", 4, answered_at)
    assert len(read().answered) == 2
    assert read("2026-09").answered.empty


def test_responses_that_other_rules_derived_are_not_compared(read, database, settings, answer):
    keep_ticket(database, settings, "1", (WEDNESDAY, WEDNESDAY + HOUR))
    answer("1", 4, WEDNESDAY + timedelta(days=4))
    assert len(read().answered) == 1
    changed = make_settings(database_url=settings.database_url, test_distinct_ids="jane")
    assert read(given=changed).answered is None


@pytest.fixture
def targets(settings, tmp_path):
    def targets(*arguments, month=OCTOBER, out="t.csv", **changes):
        given = {"CSAT_DATABASE_URL": settings.database_url} | changes
        path = tmp_path / out
        done = run_csat("targets", "--month", month, "--out", str(path), *arguments, **given)
        return done, path.read_text() if path.exists() else None

    return targets


@on_sqlite
def test_the_command_writes_the_file_of_a_month(targets, database, settings):
    keep_ticket(database, settings, "1", (WEDNESDAY, WEDNESDAY + HOUR))
    # Overdue by the time that it really is.
    keep_ticket(database, settings, "2", (datetime(2020, 10, 14, tzinfo=UTC), None))
    done, content = targets()
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("t.csv: 2026-10, 1 of 1 replies in time, 0 overdue now\n")
    assert content.splitlines()[1:] == [
        "2026-10,surveys,scale,1,1,100.00,20.65,100.00,1.00,1.00,0",
        "2026-10,all,all,1,1,100.00,20.65,100.00,1.00,1.00,0",
    ]
    done, content = targets(month="2020-10", CSAT_TARGETS="boost=1h")
    assert content.splitlines()[1:] == [
        "2020-10,surveys,scale,0,,,,,,,",
        "2020-10,all,all,0,0,,,,,,0",
    ]
    done, content = targets(month="2020-10")
    assert done.stdout.endswith("0 of 1 replies in time, 1 overdue now\n")


@on_sqlite
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        ({}, 1, "no ticket is known: `csat zendesk import` brings those of Zendesk"),
        ({"out": "t.xlsx"}, 2, "t.xlsx must end in .csv"),
        ({"month": "October"}, 2, "'October' is not a month"),
        ({"CSAT_TARGETS": "gold=1h"}, 1, "CSAT_TARGETS: 'gold' is no plan"),
        ({"CSAT_DATABASE_URL": "sqlite:///none.db"}, 1, "there is no database"),
    ],
)
def test_what_cannot_be_written_says_why(targets, options, code, reason):
    done, content = targets(**options)
    assert (done.returncode, content) == (code, None)
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
