"""A ticket's life as Zendesk tells it over HTTP, and as an import finds it afterwards."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from demo.zendesk_standin import ZendeskStandIn
from survey.settings import Settings
from survey.site.app import create_app
from survey.store.database import Database
from survey.store.models import AnswerRow
from survey.store.tickets import find_ticket
from survey.vocabulary import TicketStatus
from survey.zendesk.importing import TicketImport
from survey.zendesk.tickets import Ticket
from tests.conftest import on_sqlite
from tests.support.browser import served
from tests.support.clock import Clock
from tests.support.rows import rows
from tests.support.settings import make_settings

pytestmark = on_sqlite


@pytest.fixture
def settings(database_url: str, zendesk: ZendeskStandIn) -> Settings:
    return make_settings(database_url=database_url, **zendesk.settings)


@pytest.fixture
def site(
    settings: Settings, database: Database, clock: Clock, zendesk: ZendeskStandIn
) -> Iterator[str]:
    """The address of a site to which Zendesk sends its webhooks."""
    with served(create_app(settings, database, clock)) as url:
        zendesk.notify(f"{url}/hooks/zendesk")
        yield url


def kept(database: Database, number: int) -> Ticket:
    with database.reading() as connection:
        ticket = find_ticket(connection, str(number))
    assert ticket is not None
    return ticket


def test_solved_reopened_solved_again_and_answered(site, zendesk, database, clock):
    desk = zendesk.desk
    group = desk.add_group("Session replay")
    number = desk.create_ticket(desk.add_user("jane@example.com", "jane"), group, priority="high")
    assert kept(database, number).status is TicketStatus.NEW
    clock.advance(hours=1)
    desk.reply(number, "solved")
    solved = kept(database, number)
    assert (solved.status, solved.team, solved.plan) == ("solved", "session_replay", "scale")
    assert solved.solved_at == clock().replace(second=0, microsecond=0)
    clock.advance(hours=1)
    desk.write(number)
    assert kept(database, number).reopened_at == clock().replace(second=0, microsecond=0)
    clock.advance(hours=1)
    desk.solve(number)
    assert {delivery.status for delivery in zendesk.deliveries} == {204}

    clock.advance(hours=73)
    for person in ("jane", "eve"):
        link = {"ticketId": str(number), "distinct_id": person, "team": "session_replay"}
        requests.post(site, params=link, data={"rating": "5"}, timeout=10).raise_for_status()
    assert [row.link_trust for row in rows(database, AnswerRow)] == ["known", "unverified"]


@pytest.mark.usefixtures("site")
def test_an_import_finds_what_the_webhooks_told(zendesk, zendesk_client, settings, database, clock):
    desk = zendesk.desk
    number = desk.create_ticket(
        desk.add_user("jane@example.com", "jane"), desk.add_group("Surveys")
    )
    desk.reply(number, "solved")
    told = kept(database, number)
    clock.advance(hours=1)
    TicketImport(database, settings, zendesk_client, clock).run(None, lambda _: None)
    found = kept(database, number)
    # Webhooks give times to the minute, and another word for the channel.
    exact = {
        name: getattr(found, name) for name in ("created_at", "solved_at", "updated_at", "channel")
    }
    assert found == replace(told, **exact)
