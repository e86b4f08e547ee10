"""The response rate: by the invitations that were sent, as filters leave them."""

from datetime import timedelta

import pytest

from pipeline.query import ReportQuery
from pipeline.report import compared_periods, number_report
from pipeline.sources.store import StoreSource
from survey.counting_rules import CountingRules
from survey.periods import Period
from survey.rederive import apply_rules
from survey.vocabulary import InvitationOutcome, Plan
from tests.conftest import on_sqlite
from tests.support.given_answers import GivenAnswer, give
from tests.support.invitations import NOON, GivenInvitation, invite, keep_ticket, not_asked

pytestmark = on_sqlite
OCTOBER = Period.parse("2026-10")


@pytest.fixture
def report(database, settings):
    """A function that returns the numbers of October's report, as a query filters them."""
    apply_rules(database, CountingRules.of(settings))

    def report(**filters):
        query = ReportQuery.parse("2026-10", filters)
        source = StoreSource(database, CountingRules.of(settings))
        counted = source.count_query(query, compared_periods(OCTOBER))
        return number_report(counted, query, settings, source="", ledger=None, as_of=NOON)

    return report


@pytest.fixture
def rates(report):
    """A function that returns invitations and response rate of some teams."""

    def rates(*teams, month="2026-10", **filters):
        trend = report(**filters).trend
        rows = trend[trend["month"] == month].set_index("team")
        found = [rows.loc[team, ["invitations", "response_rate_pct"]] for team in teams]
        return [tuple(None if value is None else str(value) for value in each) for each in found]

    return rates


def ask(database, settings, answered=(), **invitations):
    """Ask for tickets by their numbers, for each team some; of these some are answered."""
    for team, tickets in invitations.items():
        invite(database, *(GivenInvitation(each, team=team) for each in tickets))
    give(database, settings, *(GivenAnswer(ticket_id=each) for each in answered))


def test_it_is_the_share_of_a_teams_invitations_that_have_a_response(database, settings, rates):
    ask(database, settings, "124", surveys="123", experiments="456789")
    assert rates("surveys", "experiments", "web_analytics", "all") == [
        ("3", "66.67"),
        ("6", "16.67"),
        ("0", None),
        ("9", "33.33"),
    ]


def test_it_is_blank_where_no_invitation_is_known(database, settings, rates):
    ask(database, settings, "1", surveys="1")
    assert rates("surveys", "all", month="2026-09") == [(None, None)] * 2
    assert rates("surveys", "all") == [("1", "100.00")] * 2


def test_a_month_has_the_invitations_that_were_sent_in_it(database, settings, rates):
    month_before = NOON - timedelta(days=30)
    invite(database, GivenInvitation("1", month_before), GivenInvitation("2", month_before))
    give(database, settings, GivenAnswer(ticket_id="1"))
    assert rates("all", month="2026-09") == [("2", "50.00")]
    assert rates("all") == [(None, None)]


def test_a_team_that_calls_itself_all_is_not_everybody(database, settings, rates):
    invite(database, GivenInvitation("1", team="all"), GivenInvitation("2"))
    give(database, settings, GivenAnswer(ticket_id="1", team="all"))
    assert rates("all_team", "all") == [("1", "100.00"), ("2", "50.00")]


def test_all_teams_have_the_invitations_of_a_team_without_a_row(database, settings, rates):
    ask(database, settings, "2", surveys="1", billing="23")
    assert rates("surveys", "all") == [("1", "0.00"), ("3", "33.33")]


class TestFilters:
    @pytest.fixture(autouse=True)
    def asked(self, database, settings):
        invite(
            database,
            GivenInvitation("1", language="de-AT"),
            GivenInvitation("2", language="en"),
            GivenInvitation("3", language=None, team="experiments"),
            not_asked("4", InvitationOutcome.COOLDOWN, language="de"),
            not_asked("5", InvitationOutcome.TOO_OLD, team="experiments"),
        )
        give(database, settings, GivenAnswer(ticket_id="1"))

    def test_by_team_and_language_leave_invitations_out(self, rates):
        assert rates("all") == [("3", "33.33")]
        assert rates("surveys", "all", team="surveys") == [("2", "50.00")] * 2
        assert rates("all", language="de") == [("1", "100.00")]
        assert rates("all", language="unknown") == [("1", "0.00")]
        assert rates("all", team="web_analytics") == [("0", None)]

    @pytest.mark.parametrize("filters", [{"rating": "5"}, {"trust": "unverified"}])
    def test_by_rating_and_trust_leave_nothing_to_say(self, report, rates, filters):
        assert rates("surveys", "all", **filters) == [(None, None)] * 2
        assert report(**filters).invitations is None

    def test_leave_out_those_who_were_not_asked_alike(self, report):
        def outcomes(**filters):
            return list(report(**filters).invitations.not_asked["outcome"])

        assert outcomes() == ["cooldown", "too_old"]
        assert outcomes(team="experiments") == ["too_old"]
        assert outcomes(language="de") == ["cooldown"]


def test_a_ticket_that_has_another_priority_now_is_looked_at_again(database, settings):
    apply_rules(database, CountingRules.of(settings))
    source, query = StoreSource(database, CountingRules.of(settings)), ReportQuery(OCTOBER)

    def version():
        return source.find_version(query, compared_periods(OCTOBER))

    first = version()
    assert version() == first
    keep_ticket(database, "1", plan=Plan.UNKNOWN.value, priority="blocker")
    assert version() != first
