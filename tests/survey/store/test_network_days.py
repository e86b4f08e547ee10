"""Which networks sent unverified answers, on which day, for which team."""

from datetime import UTC, date, datetime, timedelta

import pytest

from survey.clients import Client
from survey.events import Questions
from survey.forgetting import KEEP, forget_old_counts
from survey.links import parse_link
from survey.receive import Arrival, Submission, receive_all
from survey.store.daily_figures import add_figures, figures_of_day
from survey.store.models import RateCountRow
from survey.store.network_days import NetworkDay, unverified_by_network
from survey.store.rate_counts import add_hits
from survey.vocabulary import DailyFigure, Trust
from tests.support.rows import rows
from tests.support.settings import SECRET_KEY

DAY = date(2026, 10, 14)
NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)


def arrival(ticket, address="192.0.2.1", *, at=NOON, team="surveys", trust=Trust.UNVERIFIED):
    link = parse_link({"ticketId": ticket, "distinct_id": "jane", "team": team})
    form = Submission(link, trust, 5, None, f"of {ticket}", Questions("?"))
    return Arrival(form, at, Client(address).hash_network(at.date(), SECRET_KEY))


@pytest.fixture
def receive(database, settings):
    return lambda *arrivals: receive_all(database, settings, arrivals)


@pytest.fixture
def networks(database):
    """What was counted, by default on the one day."""

    def networks(since=DAY, until=DAY):
        with database.reading() as connection:
            return unverified_by_network(connection, since, until)

    return networks


def network(address, day=DAY):
    return Client(address).hash_network(day, SECRET_KEY)


def test_unverified_answers_are_counted_by_team_and_network(receive, networks):
    receive(arrival("1"), arrival("2", "192.0.2.9"), arrival("3", team="billing"))
    receive(arrival("4"), arrival("5", "198.51.100.1"))
    assert networks() == sorted(
        [
            NetworkDay(DAY, "billing", network("192.0.2.1"), 1),
            NetworkDay(DAY, "surveys", network("192.0.2.1"), 3),
            NetworkDay(DAY, "surveys", network("198.51.100.1"), 1),
        ]
    )


def test_trusted_repeated_and_unknown_ones_are_not(receive, networks):
    receive(arrival("1"), arrival("1"), arrival("2", ""), arrival("3", trust=Trust.SIGNED))
    receive(arrival("1"))
    assert [each.answers for each in networks()] == [1]


def test_days_are_told_apart(receive, networks):
    tomorrow = NOON + timedelta(days=1)
    receive(arrival("1"), arrival("2", at=tomorrow))
    assert networks() == [NetworkDay(DAY, "surveys", network("192.0.2.1"), 1)]
    both = networks(until=tomorrow.date())
    assert [(each.day, each.answers) for each in both] == [(DAY, 1), (tomorrow.date(), 1)]
    assert len({each.network for each in both}) == 2


def test_old_days_are_forgotten(receive, networks, database, settings):
    receive(arrival("1"))
    with database.writing() as connection:
        add_figures(connection, {(DAY, DailyFigure.REFUSED_ALL): 3})
        add_hits(connection, {"over": 1}, NOON + KEEP)
        add_hits(connection, {"not over": 1}, NOON + KEEP + timedelta(days=2))
    assert forget_old_counts(database, settings, NOON + KEEP) is None
    assert len(networks()) == 1
    forget_old_counts(database, settings, NOON + KEEP + timedelta(days=1))
    assert networks() == []
    assert [row.key for row in rows(database, RateCountRow)] == ["not over"]
    with database.reading() as connection:
        assert not any(figures_of_day(connection, DAY).values())
