"""The sample's tickets: who was asked, why others were not, and the help desk that has them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from demo.links import link_tickets
from demo.load import load_sample
from demo.mail_catcher import MailCatcher
from demo.zendesk_desk import Desk
from demo.zendesk_load import load_tickets
from demo.zendesk_sample import MONTHS, own_begin
from demo.zendesk_setup import choose_settings
from demo.zendesk_standin import ZendeskStandIn
from demo.zendesk_tickets import VISITORS_FIRST, fill_desk
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.rederive import apply_rules
from survey.settings import Settings
from survey.store.database import Database
from survey.store.migrate import upgrade
from survey.store.models import (
    Channel,
    InvitationRow,
    OutboxRow,
    ReplyIntervalRow,
    ResponseRow,
    TicketRow,
)
from survey.vocabulary import InvitationOutcome, Plan
from survey.zendesk.marking import OUR_TAG
from survey.zendesk.tickets import SURVEYED_TAG
from tests.support.rows import rows
from tests.support.settings import make_settings

UNTIL = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Sample:
    """A store with the sample's answers and tickets."""

    database: Database
    settings: Settings


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    with ZendeskStandIn() as zendesk, MailCatcher() as catcher:
        given = choose_settings(zendesk, catcher)
    folder = tmp_path_factory.mktemp("demo")
    settings = make_settings(database_url=f"sqlite:///{folder}/csat.db", **given)
    database = Database(settings.database_url)
    upgrade(database)
    apply_rules(database, CountingRules.of(settings))
    load_sample(database, settings, UNTIL, lambda *_: None)
    load_tickets(database, settings, UNTIL)
    yield Sample(database, settings)
    database.close()


def test_every_reason_occurs_and_no_invitation_waits(sample):
    outcomes = Counter(row.outcome for row in rows(sample.database, InvitationRow))
    assert set(outcomes) == set(InvitationOutcome) - {InvitationOutcome.QUEUED}
    assert outcomes["sent"] > 1_000
    assert outcomes["asked"] > outcomes["sent"]  # the automation has asked for longer


def test_nobody_was_asked_twice_by_us_within_the_cooldown(sample):
    last: dict[str, datetime] = {}
    sent = [row for row in rows(sample.database, InvitationRow) if row.means == "smtp"]
    for row in sorted(sent, key=lambda row: row.asked_at):
        before = last.get(row.customer)
        assert before is None or row.asked_at - before >= sample.settings.survey_cooldown
        last[row.customer] = row.asked_at


def test_customers_answer_what_they_were_asked_and_not_before(sample):
    answered = select(InvitationRow.asked_at, ResponseRow.answered_at).join(
        ResponseRow, ResponseRow.ticket_id == InvitationRow.ticket_id
    )
    with sample.database.reading() as connection:
        found = connection.execute(answered).all()
    assert all(asked_at is not None and asked_at <= at for asked_at, at in found)
    first = Month.of(UNTIL, sample.settings.timezone).shift(1 - MONTHS)
    begin = first.opens_at(sample.settings.timezone) + timedelta(days=7)
    responses = [row for row in rows(sample.database, ResponseRow) if row.answered_at >= begin]
    tickets = {row.ticket_id for row in rows(sample.database, InvitationRow)}
    # What led to the predecessor's page has no ticket here.
    assert sum(row.ticket_id in tickets for row in responses) / len(responses) > 0.95
    asked = [row for row in rows(sample.database, InvitationRow) if row.asked_at]
    assert 0.3 < len(found) / len(asked) < 0.55


def test_waits_are_met_missed_and_open(sample):
    waits = rows(sample.database, ReplyIntervalRow)
    hours = [
        (row.replied_at - row.activated_at) / timedelta(hours=1) for row in waits if row.replied_at
    ]
    assert min(hours) < 1 < 100 < max(hours)
    assert any(row.ended_at for row in waits)
    waiting = [row for row in waits if not row.replied_at and not row.ended_at]
    # Five days have at least three weekdays: the longest target.
    assert any(UNTIL - row.activated_at > timedelta(days=5) for row in waiting)
    assert any(UNTIL - row.activated_at < timedelta(hours=24) for row in waiting)


def test_tickets_have_all_that_reports_tell_apart(sample):
    tickets = rows(sample.database, TicketRow)
    assert {row.plan for row in tickets} == set(Plan) - {Plan.FREE}
    assert len({row.language for row in tickets}) > 5
    assert len({row.severity for row in tickets} - {None}) == 4
    assert any(row.escalated_at for row in tickets)
    assert any(row.plan_by_hand for row in tickets)


def test_to_load_again_adds_the_tickets_of_another_days_links_alone(sample):
    def count() -> int:
        with sample.database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(TicketRow)) or 0

    before = count()
    tomorrow = UNTIL + timedelta(days=1)
    load_tickets(sample.database, sample.settings, tomorrow)
    assert count() == before + len(link_tickets(sample.settings, tomorrow))


def test_the_help_desk_has_the_tickets_with_the_tags_that_they_had(sample):
    desk = Desk(lambda: UNTIL)
    fill_desk(desk, sample.database, sample.settings, UNTIL)
    begin = own_begin(UNTIL, sample.settings)
    invited = [
        row
        for row in rows(sample.database, InvitationRow)
        if row.means == "smtp" and row.asked_at > begin + timedelta(days=20)
    ]
    waiting = {
        row.ticket_id
        for row in rows(sample.database, OutboxRow)
        if row.channel == Channel.ZENDESK.value and row.delivered_at is None
    }
    ratings = {row.ticket_id: row.rating for row in rows(sample.database, ResponseRow)}
    assert waiting
    for row in invited:
        tags = {SURVEYED_TAG, OUR_TAG}
        if row.ticket_id in ratings and row.ticket_id not in waiting:
            tags.add(f"csat_{ratings[row.ticket_id]}")
        assert set(desk.tickets[int(row.ticket_id)].tags) == tags
    assert desk.create_ticket(desk.add_user("new@example.com")) == VISITORS_FIRST
