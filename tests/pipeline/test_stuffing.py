"""What looks like ballot stuffing, from counts of days to the report of the store."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import insert

from pipeline.query import ReportQuery
from pipeline.report import number_report
from pipeline.sources.store import StoreSource
from pipeline.stuffing import (
    DailyCounts,
    DayResponses,
    Effect,
    Kind,
    LargestNetwork,
    find_stuffing,
)
from pipeline.surges import LOOK_BACK
from survey.counting_rules import CountingRules
from survey.periods import Period
from survey.rederive import apply_rules
from survey.store.largest_networks import count_largest_networks
from survey.store.models import NetworkDayRow
from survey.vocabulary import Trust
from tests.support.given_answers import GivenAnswer, give

OCTOBER = Period.parse("2026-10")
DAYS = list(OCTOBER.days())
BEGIN = DAYS[0] - LOOK_BACK
ATTACK = date(2026, 10, 14)
LISTED = {"surveys", "experiments"}


def usual(team="surveys", begin=BEGIN, trust=Trust.UNVERIFIED):
    """Four satisfied answers of a team and one other, every day."""
    days = (DAYS[-1] - begin).days + 1
    return [
        DayResponses(begin + timedelta(days=number), team, rating, trust, responses)
        for number in range(days)
        for rating, responses in ((5, 4), (2, 1))
    ]


def forged(responses, rating=5, team="surveys", trust=Trust.UNVERIFIED, day=ATTACK):
    return DayResponses(day, team, rating, trust, responses)


def find(*responses, networks=()):
    counted = DailyCounts([each for many in responses for each in many], networks)
    return find_stuffing(counted, DAYS, LISTED)


class TestATeam:
    def test_with_as_many_as_ever_is_not_noticed(self):
        assert find(usual(), usual("experiments")) == ()

    @pytest.mark.parametrize(
        ("rating", "kind", "share"),
        [
            (5, Kind.SATISFIED, Fraction(124 + 40, 155 + 40)),
            (4, Kind.SATISFIED, Fraction(124 + 40, 155 + 40)),
            (3, Kind.DISSATISFIED, Fraction(124, 155 + 40)),
            (1, Kind.DISSATISFIED, Fraction(124, 155 + 40)),
        ],
    )
    def test_with_forged_answers_for_it_or_against_it_is(self, rating, kind, share):
        (found,) = find(usual(), usual("experiments"), [forged(40, rating)])
        assert (found.kind, found.team) == (kind, "surveys")
        assert [each.day for each in found.days] == [ATTACK]
        # The answers that are usual go with the others: nobody can tell them apart.
        assert found.answers == 40 + (4 if kind is Kind.SATISFIED else 1)
        without = Fraction(120, 151) if kind is Kind.SATISFIED else Fraction(124, 154)
        assert found.of_team == Effect(share, without)
        assert found.of_all.share == (share * 195 + 124) / 350

    def test_with_answers_by_links_that_are_trusted_is_not(self):
        assert (
            find(usual(), [forged(40, trust=Trust.SIGNED)], [forged(40, trust=Trust.KNOWN)]) == ()
        )

    def test_attacked_on_several_days_is_told_once(self):
        days = [ATTACK, ATTACK + timedelta(days=1), ATTACK + timedelta(days=4)]
        (found,) = find(usual(), [forged(40, day=day) for day in days])
        assert [each.day for each in found.days] == days

    def test_attacked_before_the_period_is_told_in_its_own(self):
        before = DAYS[0] - timedelta(days=1)
        assert find(usual(), [forged(40, day=before)]) == ()

    def test_of_the_list_that_had_no_answers_yet_is_noticed(self):
        (found,) = find(usual("experiments"), [forged(40)])
        assert (found.team, found.of_team) == ("surveys", Effect(Fraction(1), None))

    def test_that_somebody_made_up_is_not(self):
        assert find(usual(), [forged(400, team="made_up")]) == ()

    def test_that_is_new_is_not_until_four_weeks_are_known(self):
        assert find(usual("new", DAYS[3]), [forged(40, team="new", day=DAYS[30])]) == ()
        assert find(usual("new", DAYS[2]), [forged(40, team="new", day=DAYS[30])])


class TestANetwork:
    def networks(self, *more, begin=BEGIN):
        days = (DAYS[-1] - begin).days + 1
        usual = [
            LargestNetwork(begin + timedelta(days=number), team, 2)
            for number in range(days)
            for team in ("surveys", None)
        ]
        changed = {(each.day, each.team) for each in more}
        return [each for each in usual if (each.day, each.team) not in changed] + list(more)

    def test_that_sends_many_to_one_team_is_noticed(self):
        attack = LargestNetwork(ATTACK, "surveys", 21)
        (found,) = find(usual(), networks=self.networks(attack))
        assert (found.kind, found.team, found.answers) == (Kind.NETWORK, "surveys", 21)
        # Which answers are its own is not kept: all unverified ones of the day go.
        assert found.of_team == Effect(Fraction(124, 155), Fraction(120, 150))

    def test_that_sends_a_few_to_each_team_is_noticed(self):
        (found,) = find(usual(), networks=self.networks(LargestNetwork(ATTACK, None, 45)))
        assert (found.kind, found.team, found.of_team) == (Kind.NETWORK, None, None)
        assert found.of_all == Effect(Fraction(124, 155), Fraction(120, 150))

    def test_of_an_office_is_not(self):
        assert find(usual(), networks=self.networks(LargestNetwork(ATTACK, None, 19))) == ()

    def test_says_nothing_as_long_as_networks_are_counted_for_less_than_four_weeks(self):
        attack = LargestNetwork(DAYS[20], None, 45)
        assert find(usual(), networks=self.networks(attack, begin=DAYS[0])) == ()


class TestTheStore:
    @pytest.fixture
    def count(self, database, settings):
        """The numbers of October's report."""
        apply_rules(database, CountingRules.of(settings))
        source = StoreSource(database, CountingRules.of(settings))

        def count(query):
            counted = source.count_query(query, [query.period])
            return number_report(
                counted, query, settings, source="", ledger=None,
                as_of=datetime(2026, 11, 8, tzinfo=UTC),
            )  # fmt: skip

        return count

    @pytest.fixture
    def attacked(self, database, settings):
        """Ten weeks with an answer a day, and a day with many."""
        noon = datetime(2026, 10, 14, 12, tzinfo=UTC)
        before = [GivenAnswer(at=noon - timedelta(days=days)) for days in range(70)]
        many = [GivenAnswer(rating=1, at=noon + timedelta(seconds=each)) for each in range(30)]
        trusted = [GivenAnswer(rating=5, trust=Trust.SIGNED, at=noon) for _ in range(30)]
        give(database, settings, *before, *many, *trusted)

    @pytest.mark.usefixtures("attacked")
    def test_tells_of_it(self, count):
        (found,) = count(ReportQuery(OCTOBER)).stuffing
        assert (found.kind, found.team, found.answers) == (Kind.DISSATISFIED, "surveys", 30)
        assert found.of_all == Effect(Fraction(14 + 30, 74), Fraction(1))

    @pytest.mark.usefixtures("attacked")
    def test_tells_of_it_whatever_is_filtered_but_teams(self, count):
        assert len(count(ReportQuery(OCTOBER, ratings=(5,), trusts=(Trust.SIGNED,))).stuffing) == 1
        assert count(ReportQuery(OCTOBER, teams=("experiments",))).stuffing == []

    def test_knows_the_largest_network_of_each_day(self, database):
        rows = [
            ("2026-10-14", "surveys", "a", 0, 3),
            ("2026-10-14", "surveys", "a", 5, 4),
            ("2026-10-14", "surveys", "b", 0, 6),
            ("2026-10-14", "experiments", "b", 0, 5),
            ("2026-10-15", "surveys", "c", 0, 99),
        ]
        names = ("day", "team", "network", "shard", "answers")
        with database.writing() as connection:
            connection.execute(
                insert(NetworkDayRow), [dict(zip(names, row, strict=True)) for row in rows]
            )
        with database.reading() as connection:
            largest = count_largest_networks(connection, ATTACK)
            nothing = count_largest_networks(connection, date(2026, 10, 13))
        assert largest == {"surveys": 7, "experiments": 5, None: 11}
        assert nothing == {}

    def test_tells_of_a_network(self, database, settings, count):
        noon = datetime(2026, 10, 14, 12, tzinfo=UTC)
        days = [noon - timedelta(days=each) for each in range(40)]
        give(database, settings, *[GivenAnswer(at=at) for at in days])
        rows = [
            {"day": str(at.date()), "team": "surveys", "network": "a", "shard": 0, "answers": 1}
            for at in days
        ]
        rows.append({**rows[0], "network": "b", "answers": 25})
        with database.writing() as connection:
            connection.execute(insert(NetworkDayRow), rows)
        kinds = [(each.kind, each.team) for each in count(ReportQuery(OCTOBER)).stuffing]
        assert kinds == [(Kind.NETWORK, "surveys"), (Kind.NETWORK, None)]
