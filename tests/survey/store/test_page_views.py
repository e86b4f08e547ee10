"""The page views of each day, which are kept when the outbox forgets their events."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from survey import page_views
from survey.links import parse_link
from survey.page_views import PageView, receive_page_views
from survey.store import changes, outbox
from survey.store.errors import StoreError
from survey.store.page_views import page_views_by_day
from survey.store.voids import void_ticket
from survey.vocabulary import Trust
from tests.support.settings import make_settings

NOON = datetime(2026, 10, 14, 12, 0, tzinfo=UTC)
DAY = date(2026, 10, 14)


def view(ticket="42", team="Surveys", at=NOON, person="jane", page_id=None):
    link = parse_link({"ticketId": ticket, "distinct_id": person, "team": team})
    return PageView(link, Trust.UNVERIFIED, page_id or str(uuid4()), "en", at)


def counted(database, first=DAY, last=DAY):
    with database.reading() as connection:
        return page_views_by_day(connection, first, last)


def test_a_day_has_a_number_for_each_team(database, settings):
    receive_page_views(database, settings, [view(team="Surveys"), view(team=""), view(ticket="43")])
    receive_page_views(database, settings, [view(ticket="44")])
    assert counted(database) == [(DAY, "surveys", 3), (DAY, "unassigned", 1)]


def test_a_day_is_one_of_the_calendar_in_the_time_zone_of_the_reports(database, database_url):
    # Half past midnight in London, which has summer time, and noon in Auckland.
    late = datetime(2026, 10, 14, 23, 30, tzinfo=UTC)
    for zone in ("Europe/London", "America/New_York"):
        zoned = make_settings(database_url=database_url, timezone=zone)
        receive_page_views(database, zoned, [view(team=zone, at=late)])
    assert counted(database, DAY, DAY + timedelta(days=1)) == [
        (DAY, "america_new_york", 1),
        (DAY + timedelta(days=1), "europe_london", 1),
    ]


def test_the_days_asked_for_include_both_ends(database, settings):
    for days in (3, 2, 1, 0):
        receive_page_views(database, settings, [view(at=NOON + timedelta(days=days))])
    found = counted(database, DAY + timedelta(days=1), DAY + timedelta(days=2))
    assert [day for day, _, _ in found] == [DAY + timedelta(days=1), DAY + timedelta(days=2)]
    assert counted(database, DAY + timedelta(days=9), DAY + timedelta(days=10)) == []


def test_only_what_becomes_an_event_is_counted(database, database_url, monkeypatch):
    testing = make_settings(database_url=database_url, test_distinct_ids=frozenset({"tess"}))
    with database.writing() as connection:
        void_ticket(connection, "7", "answered by the agent", NOON)
    seen = view()
    monkeypatch.setattr(page_views, "MOST_OF_A_TICKET", 2)
    for _ in range(2):
        receive_page_views(database, testing, [seen, seen, view(person="tess"), view(ticket="7")])
    assert receive_page_views(database, testing, [view(), view()]) == [True, False]
    assert counted(database) == [(DAY, "surveys", 2)]


def test_the_number_stays_when_the_events_are_gone(database, settings):
    receive_page_views(database, settings, [view()])
    with database.writing() as connection:
        connection.execute(text("UPDATE outbox SET delivered_at = created_at"))
        assert outbox.prune(connection, NOON + timedelta(days=1), 10) == 1
    assert counted(database) == [(DAY, "surveys", 1)]


@pytest.mark.parametrize(
    ("gone", "left"), [("outbox", "page_view_days"), ("page_view_days", "outbox")]
)
def test_event_and_number_are_stored_together_or_not_at_all(database, settings, gone, left):
    with database.writing() as connection:
        connection.execute(text(f"ALTER TABLE {gone} RENAME TO gone"))
    with pytest.raises(StoreError):
        receive_page_views(database, settings, [view()])
    with database.reading() as connection:
        assert connection.scalar(text(f"SELECT count(*) FROM {left}")) == 0


def test_many_who_write_at_once_lose_no_number_and_lock_no_other_out(
    database, settings, monkeypatch
):
    # One shard, so that all of them write to the same rows.
    monkeypatch.setattr(changes, "SHARDS", 1)
    teams = [f"team_{number}" for number in range(8)]

    def receive(number):
        order = teams if number % 2 else reversed(teams)
        views = [view(ticket=f"{number}-{team}", team=team) for team in order]
        receive_page_views(database, settings, views)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(receive, range(24)))
    assert counted(database) == [(DAY, team, 24) for team in teams]


def test_the_numbers_of_all_shards_add_up(database, settings, monkeypatch):
    monkeypatch.setattr(changes, "SHARDS", 4)
    for number in range(24):
        receive_page_views(database, settings, [view(ticket=str(number))])
    with database.reading() as connection:
        shards = connection.scalar(text("SELECT count(*) FROM page_view_days"))
    assert (shards == 1) is database.is_sqlite
    assert counted(database) == [(DAY, "surveys", 24)]
