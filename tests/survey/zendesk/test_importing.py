"""`csat zendesk import`: what the help desk says, in the store, page by page, again and again."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from demo.behaviour import ACCEPT, answer, reset
from survey.delivery.failures import FailureKind
from survey.store.models import ReplyIntervalRow, TicketRow, ZendeskCursorRow
from survey.store.tickets import find_ticket, set_plan
from survey.vocabulary import Plan, TicketStatus
from survey.zendesk.client import ZendeskClient
from survey.zendesk.errors import ZendeskError
from survey.zendesk.importing import TicketImport
from survey.zendesk.tickets import SURVEYED_TAG
from tests.conftest import on_sqlite
from tests.support.settings import make_settings

SINCE = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def settings(database_url):
    return make_settings(
        database_url=database_url, zendesk_severity_field="360", zendesk_escalated_tag="escalated"
    )


@pytest.fixture
def run(database, settings, zendesk_client, clock):
    def run(since=None):
        # The export leaves out the last minute.
        clock.advance(minutes=2)
        return TicketImport(database, settings, zendesk_client, clock).run(since, lambda _: None)

    return run


@pytest.fixture
def desk(zendesk):
    return zendesk.desk


@pytest.fixture
def jane(desk):
    return desk.add_user("jane@example.com", "jane", locale="de")


@pytest.fixture
def find(database):
    def find(number):
        with database.reading() as connection:
            return find_ticket(connection, str(number))

    return find


@pytest.fixture
def intervals(database):
    def intervals(number):
        """Each wait as (instance, minutes to the reply, whether it ended without one)."""
        kept = select(ReplyIntervalRow.__table__).where(ReplyIntervalRow.ticket_id == str(number))
        with database.reading() as connection:
            rows = connection.execute(kept.order_by(ReplyIntervalRow.instance)).all()
        return [
            (
                row.instance,
                row.replied_at and (row.replied_at - row.activated_at) / timedelta(minutes=1),
                row.ended_at is not None,
            )
            for row in rows
        ]

    return intervals


@pytest.fixture
def everything(database):
    def everything():
        """All that is kept of tickets, but for when it was."""
        with database.reading() as connection:
            tickets = [
                dict(row) for row in connection.execute(select(TicketRow.__table__)).mappings()
            ]
            waits = [tuple(row) for row in connection.execute(select(ReplyIntervalRow.__table__))]
        for row in tickets:
            row.pop("first_seen_at")
        return sorted(tickets, key=lambda row: row["ticket_id"]), sorted(waits)

    return everything


def test_a_ticket_is_kept_with_what_the_survey_needs(run, desk, jane, find, clock):
    group = desk.add_group("Sales & CS")
    number = desk.create_ticket(
        jane, group, priority="urgent", channel="web", tags=["vip"], fields={360: "sev_1"}
    )
    clock.advance(hours=1)
    desk.reply(number, "solved")
    solved_at = clock()
    summary = run()
    assert asdict(summary) == {"tickets": 1, "unreadable": 0, "events": 2}
    ticket = find(number)
    assert (ticket.requester_external_id, ticket.requester_email) == ("jane", "jane@example.com")
    assert (ticket.team, ticket.plan, ticket.severity) == ("sales_cs", Plan.ENTERPRISE, "sev_1")
    assert (ticket.language, ticket.channel, ticket.priority) == ("de", "web", "urgent")
    assert ticket.status is TicketStatus.SOLVED
    assert ticket.solved_at == solved_at.replace(microsecond=0)


@on_sqlite
def test_groups_priorities_and_people_that_nobody_knows_are_kept(run, desk, find):
    nobody = desk.add_user(None)
    number = desk.create_ticket(nobody, 4711, priority="hopeless")
    without = desk.create_ticket(77_777, None, priority=None)
    run()
    assert (find(number).team, find(number).priority) == ("group_4711", "hopeless")
    assert find(number).plan is Plan.UNKNOWN
    assert find(number).customer is None
    assert (find(without).team, find(without).priority) == ("unassigned", None)


@on_sqlite
def test_a_requester_without_an_external_id_is_known_by_mail_address(run, desk, find):
    first = desk.create_ticket(desk.add_user("Bob@example.com"))
    second = desk.create_ticket(desk.add_user("bob@example.com"))
    run()
    assert find(first).requester_external_id is None
    assert find(first).customer == find(second).customer is not None


def test_pages_whose_rows_repeat_and_a_second_run_change_nothing(
    zendesk, run, desk, jane, everything
):
    zendesk.api.page_size = 7
    for _ in range(40):
        desk.reply(desk.create_ticket(jane), "solved")
    assert run().tickets > 40  # some came twice
    before = everything()
    assert len(before[0]) == 40
    assert len(before[1]) == 40
    assert run().tickets == 0
    assert run(SINCE).tickets > 40
    assert everything() == before


@on_sqlite
def test_many_pages_keep_the_pace_that_zendesk_allows(zendesk, run, desk, jane, passing, clock):
    zendesk.api.page_size = 1
    for _ in range(25):
        desk.create_ticket(jane)
        clock.advance(seconds=1)
    run()
    # The stand-in answers 429 to the eleventh export in a minute. None was tried again.
    exports = [request for request in zendesk.requests if "incremental" in request.path]
    assert len(exports) > 50
    assert len({str(each.query) for each in exports}) == len(exports)
    assert passing.seconds >= 60 * ((len(exports) - 1) // 10)
    assert not [each for each in passing.sleeps if each > 60]


@on_sqlite
def test_the_team_is_that_of_the_solution(run, desk, jane, find):
    surveys, experiments = desk.add_group("Surveys"), desk.add_group("Experiments")
    number = desk.create_ticket(jane, surveys)
    desk.solve(number)
    run()
    desk.change(number, group_id=experiments)
    run()
    assert find(number).team == "surveys"


@on_sqlite
def test_a_plan_that_was_set_by_hand_stays(run, desk, jane, find, database):
    number = desk.create_ticket(jane, priority="low")
    run()
    with database.writing() as connection:
        assert set_plan(connection, str(number), Plan.ENTERPRISE)
    desk.write(number)
    run()
    assert find(number).plan is Plan.ENTERPRISE


@pytest.mark.parametrize("goes", ["merge", "delete"])
def test_a_merged_or_deleted_ticket_is_gone(run, desk, jane, find, intervals, goes):
    number = desk.create_ticket(jane)
    run()
    assert intervals(number) == [(1, None, False)]
    getattr(desk, goes)(number)
    run()
    assert find(number).status is TicketStatus.GONE
    assert find(number).reopened_at is None
    assert intervals(number) == [(1, None, True)]


def test_each_wait_of_a_customer_is_an_interval(run, desk, jane, intervals, clock):
    number = desk.create_ticket(jane)
    clock.advance(minutes=30)
    desk.reply(number)
    clock.advance(days=1)
    desk.write(number)
    desk.write(number)
    run()
    assert intervals(number) == [(1, 30, False), (2, None, False)]
    clock.advance(minutes=43)
    desk.reply(number, "solved")
    run()
    assert intervals(number) == [(1, 30, False), (2, 45, False)]


def test_a_wait_that_ends_by_a_solution_is_no_reply_and_no_breach(
    run, desk, jane, intervals, clock
):
    number = desk.create_ticket(jane)
    run()
    desk.solve(number)
    run()
    assert intervals(number) == [(1, None, True)]
    clock.advance(hours=1)
    desk.write(number)  # opens it again
    run()
    assert intervals(number) == [(1, None, True), (2, None, False)]
    clock.advance(minutes=8)
    desk.reply(number)
    run()
    assert intervals(number) == [(1, None, True), (2, 10, False)]


@on_sqlite
def test_a_clock_that_goes_backwards_harms_nothing(run, desk, jane, intervals, find, clock):
    number = desk.create_ticket(jane)
    clock.advance(minutes=-20)
    desk.reply(number, "solved")
    clock.advance(minutes=40)
    desk.touch_by_system(desk.tickets[number])
    run()
    assert intervals(number) == [(1, 0, False)]
    assert find(number).status is TicketStatus.SOLVED


@on_sqlite
def test_metrics_inside_of_the_ticket_are_read_too(zendesk, run, desk, jane, find):
    number = desk.create_ticket(jane)
    desk.solve(number)
    row = {
        "id": number,
        "status": "solved",
        "updated_at": "2026-10-14T12:00:00Z",
        "metric_set": {"solved_at": "2026-10-14T11:00:00Z"},
    }
    page = {"tickets": [row], "after_cursor": "c", "end_of_stream": True}
    zendesk.behave(answer(200, page), 1, to="cursor")
    run()
    assert find(number).solved_at == datetime(2026, 10, 14, 11, tzinfo=UTC)


@on_sqlite
def test_rows_that_are_no_tickets_are_counted_and_left_out(zendesk, run, find):
    good = {"id": 7, "updated_at": "2026-10-14T12:00:00Z", "status": "brooding\x00", "tags": None}
    rows = [good, {"id": 8}, {"updated_at": "2026-10-14T12:00:00Z"}, {"id": 9, "updated_at": "1"}]
    page = {"tickets": rows, "after_cursor": "c", "end_of_stream": True}
    zendesk.behave(answer(200, page), 1, to="cursor")
    events = [
        {"metric": "reply_time", "type": "fulfill", "ticket_id": 7, "instance_id": 1, "time": "?"},
        {"metric": "reply_time", "type": "activate", "ticket_id": 7, "instance_id": None},
    ]
    page = {"ticket_metric_events": events, "count": 2, "end_time": 5, "next_page": "…"}
    zendesk.behave(answer(200, page), 1, to="metric_events")
    summary = run()
    assert (summary.tickets, summary.unreadable, summary.events) == (1, 3, 0)
    assert find(7).status is TicketStatus.OPEN


def test_broken_off_it_goes_on_where_it_was(zendesk, run, desk, jane, everything):
    zendesk.api.page_size = 5
    for _ in range(20):
        desk.reply(desk.create_ticket(jane))
    zendesk.behave(ACCEPT, 2, to="cursor")
    zendesk.behave(answer(401, {"error": "Couldn't authenticate you"}), 1, to="cursor")
    with pytest.raises(ZendeskError, match="CSAT_ZENDESK_TOKEN"):
        run(SINCE)
    assert len(everything()[0]) == 10
    asked = len(zendesk.requests)
    run()
    assert len(everything()[0]) == 20
    # It did not begin anew, and did not forget since when it was to read.
    queries = [each.query for each in zendesk.requests[asked:]]
    assert "cursor" in queries[0]
    events = next(each for each in queries if "start_time" in each)
    assert events["start_time"] == str(int(SINCE.timestamp()))


@on_sqlite
def test_a_cursor_that_zendesk_has_forgotten_is_explained(run, database):
    with database.writing() as connection:
        connection.execute(
            ZendeskCursorRow.__table__.insert().values(stream="tickets", cursor="!", saved_at=SINCE)
        )
    with pytest.raises(ZendeskError, match="--since"):
        run()


@on_sqlite
def test_while_zendesk_is_down_nothing_is_lost(zendesk, run, desk, jane, everything):
    desk.create_ticket(jane)
    zendesk.behave(answer(503))
    with pytest.raises(ZendeskError) as raised:
        run()
    assert raised.value.kind is FailureKind.TRANSIENT
    zendesk.stop()
    with pytest.raises(ZendeskError, match="cannot be reached"):
        run()
    zendesk.start()
    zendesk.behave(reset(), 1)
    zendesk.behave(answer(429, {}, {"Retry-After": "7"}), 1)
    zendesk.behave(ACCEPT)
    run()
    assert len(everything()[0]) == 1


@on_sqlite
def test_the_tag_that_somebody_was_asked_is_seen(run, desk, jane, find):
    number = desk.create_ticket(jane, tags=[SURVEYED_TAG])
    run()
    assert find(number).is_surveyed
    assert find(number).requester_email is None


@on_sqlite
def test_the_first_escalation_is_kept(run, desk, jane, find, clock):
    number = desk.create_ticket(jane)
    run()
    desk.change(number, tags=["escalated"])
    at = clock().replace(microsecond=0)
    run()
    desk.change(number, tags=[])
    run()
    assert find(number).escalated_at == at


def test_the_import_needs_a_client_that_is_set_up():
    with pytest.raises(Exception, match="CSAT_ZENDESK_URL is not set"):
        ZendeskClient.of(make_settings())
