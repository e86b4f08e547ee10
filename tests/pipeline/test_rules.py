"""Section 5: three implementations of the rules agree, and what they say where it is close."""

import math
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pipeline.counts import count_outcomes, count_responses, derive_responses
from pipeline.deduplicate import mark_duplicates
from pipeline.events import EventList
from pipeline.rules import decide, depends_on_secrets
from pipeline.schemas import RECEIVED
from survey import rules
from survey.copies import choose_copies
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.vocabulary import Outcome
from tests.pipeline.by_hand import (
    Contract,
    Result,
    count_by_hand,
    proof_by_hand,
    pseudonym_by_hand,
    read,
)
from tests.support.events import NOON, Event, as_imported, as_raw, make_event
from tests.support.examples import examples
from tests.support.responses import describe_all
from tests.support.settings import make_settings

LONDON, AUCKLAND = ZoneInfo("Europe/London"), ZoneInfo("Pacific/Auckland")
WINDOW = timedelta(hours=168)
MICROSECOND = timedelta(microseconds=1)


ALWAYS = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


def settings_for(contract: Contract):
    return make_settings(
        timezone=contract.timezone,
        survey_id=contract.survey_id,
        edit_window=contract.edit_window,
        test_distinct_ids=contract.test_distinct_ids,
        unverified_excluded_from=contract.unverified_excluded_from,
        secret_key=",".join(contract.secrets) or (),
        rating_question_id="R",
        comment_question_id="C",
    )


def count_one_by_one(events: list[Event], contract: Contract) -> Result:
    """The rules as the site applies them: ticket by ticket."""
    configured = settings_for(contract)
    rules_of_site = CountingRules.of(configured, contract.voids)
    received = [as_imported(each, rules_of_site) for each in events]
    positions = {id(each): i for i, each in enumerate(received)}
    result = Result(["duplicate"] * len(events))
    tickets = defaultdict(list)
    for each in choose_copies(received):
        tickets[each.ticket_id].append(each)
    for ticket, answers in tickets.items():
        decision = rules.decide(answers, rules_of_site)
        for each in answers:
            result.outcomes[positions[id(each)]] = decision.outcomes[each.uuid].value
        if decision.response is not None:
            first, latest = decision.response.first, decision.response.latest
            month = str(Month.of(first.answered_at, contract.timezone))
            result.responses[ticket] = (
                *(month, first.team, latest.rating, latest.comment),
                *(first.answered_at, latest.trust.value),
                None if latest.comment is None else latest.language,
            )
            result.counts[month, first.team, latest.rating] += 1
    return result


def count_as_frame(events: list[Event], contract: Contract) -> Result:
    """The rules as the pipeline applies them: all at once."""
    rules_of_frame = CountingRules.of(settings_for(contract), contract.voids)
    lookup = EventList([as_raw(each) for each in events], rules_of_frame)
    decided = decide(mark_duplicates(lookup.frame(), lookup, ALWAYS), rules_of_frame)
    counts = count_responses(derive_responses(decided, contract.timezone))
    check_sums(decided, counts, contract.timezone)
    rows = describe_all(decided, lookup, rules_of_frame)
    return Result(
        list(decided["outcome"]),
        {
            row.ticket_id: (
                *(row.month, row.team, row.rating, row.comment),
                *(row.answered_at.to_pydatetime(), row.link_trust, row.language),
            )
            for row in rows.itertuples()
        },
        Counter({tuple(row[:3]): row[3] for row in counts.itertuples(index=False, name=None)}),
    )


def check_sums(decided: pd.DataFrame, counts: pd.DataFrame, timezone: ZoneInfo) -> None:
    """received = response + edit + the reasons, and every response is one hedgehog."""
    received = responses = 0
    for month in (Month(2026, 9), Month(2026, 10), Month(2026, 11)):
        quality = count_outcomes(decided, month, timezone).set_index("reason")["answers"]
        assert quality[RECEIVED] == quality.drop(RECEIVED).sum()
        received += quality[RECEIVED]
        responses += quality[Outcome.RESPONSE.value]
    assert received == len(decided)
    assert responses == counts["responses"].sum()


def outcomes_of(events: list[Event], result: Result, contract: Contract) -> Counter:
    """What became of what. Copies that are alike in everything that counts can change places."""
    answers = [(each["uuid"], *map(str, read(each, contract).values())) for each in events]
    return Counter(zip(answers, result.outcomes, strict=True))


NEW, OLD = "the new secret of a site", "the old secret of a site"
ERASED_ANN = pseudonym_by_hand("ann", NEW)

# Half an hour before London's October begins, so that the offsets reach across the month's end.
BEGINNING = datetime(2026, 9, 30, 22, 30, tzinfo=UTC)
SECOND_VISIT = BEGINNING + timedelta(days=20)
OFFSETS = [
    timedelta(0),
    *(timedelta(0), MICROSECOND, timedelta(minutes=30) - MICROSECOND, timedelta(minutes=30)),
    *(WINDOW - MICROSECOND, WINDOW, WINDOW, WINDOW + MICROSECOND),
]
times = st.builds(
    lambda start, offset: start + offset,
    st.sampled_from([BEGINNING, BEGINNING, SECOND_VISIT]),
    st.sampled_from(OFFSETS),
)
tickets = st.sampled_from(
    ["1", "1", 1, 1.0, " 1.0 ", "2", "2", "nan", "void", "3.0", None, "", " ", True, 2.5, math.nan]
)
ratings = st.sampled_from(
    [
        *(1, 2, 3, 4, 5, "1", "2", "3", "4", "5", " 4 ", "5.0", 3.0),
        *(0, 6, "0", "6", 4.5, "4.5", True, "x", "", " ", None, math.nan),
    ]
)
comments = st.sampled_from([None, "", " \n", "Thanks!", "=1+1", " spaced ", "🦔\r\n"])
teams = st.sampled_from([None, "", " ", "Web analytics", "web-analytics", "all", "Équipe", "&"])
properties = st.fixed_dictionaries(
    {"ticketId": tickets, "$survey_response": ratings},
    optional={
        "$survey_response_R": ratings,
        "$survey_response_C": comments,
        "$survey_response_1": comments,
        "$survey_id": st.sampled_from(["ours", "ours", "other", None]),
        "team": teams,
        "ticketTeam": teams,
        "link_trust": st.sampled_from(["signed", "known", "unverified", None, "Signed", 1]),
        "$survey_language": st.sampled_from(
            [
                "en",
                "de",
                "pt-BR",
                "日本語",
                "7",
                "true",
                "x" * 35,
                "x" * 36,
                "",
                None,
                7,
                True,
                ["en"],
            ]
        ),
    },
)
events_of_few = st.lists(
    st.builds(
        make_event,
        uuid=st.sampled_from(["a", "b", "c", "d", "e", "f", "B", "é"]),
        at=times,
        distinct_id=st.sampled_from(
            ["ann", "ann", ERASED_ANN, "bob", "test-robot", "ticket:1", None, "", " "]
        ),
        properties=properties,
    ),
    max_size=12,
)
# Every event of its own uuid, valid and of one ticket: here persons and times decide.
distinct_events = st.lists(
    st.builds(
        lambda at, distinct_id, trust, rating: {
            "at": at,
            "distinct_id": distinct_id,
            "properties": {"ticketId": 1, "$survey_response": rating, "link_trust": trust},
        },
        at=times,
        distinct_id=st.sampled_from(["ann", "bob", "cem", ERASED_ANN]),
        trust=st.sampled_from(["signed", "known", "unverified", "unverified"]),
        rating=st.integers(1, 5),
    ),
    max_size=8,
).map(lambda many: [make_event(f"u{i}", **one) for i, one in enumerate(many)])


def bring_proof(event: Event, kind: str) -> Event:
    """The event with a proof of the trust that it claims, or with something like one."""
    contract, properties = Contract(LONDON), event["properties"]
    reading = read(event, contract)
    values = [
        *(event["uuid"], reading["ticket"], reading["person"]),
        *(str(reading["rating"]), properties.get("link_trust")),
    ]
    proof = proof_by_hand(values, OLD if kind == "old" else NEW)
    proofs = {
        "new": proof,
        "old": proof,
        "of another rating": proof_by_hand([*values[:3], "9", values[4]], NEW),
        "of a stranger's": proof_by_hand(values, "a stranger's own secret"),
        "cut": proof[:-1],
        "too long": f"{proof}0",
        "in capitals": proof.upper(),
        "in another order": proof[16:] + proof[:16],
        "a number": 10**63,
        "digits": "1" * 64,
        "blanks": " " * 64,
        "empty": "",
        "null": None,
    }
    if kind == "missing":
        return event
    return {**event, "properties": {**properties, "link_proof": proofs[kind]}}


# Most are valid.
kinds_of_proof = st.sampled_from(
    [
        *("new",) * 8,
        *("old",) * 4,
        *("missing", "missing", "of another rating", "of a stranger's", "cut", "too long"),
        *("in capitals", "in another order", "a number", "digits", "blanks", "empty", "null"),
    ]
)
crowds = st.builds(
    lambda few, distinct, kinds: [
        bring_proof(event, kind) for event, kind in zip(few + distinct, kinds, strict=False)
    ],
    events_of_few,
    distinct_events,
    st.lists(kinds_of_proof, min_size=20, max_size=20),
)

contracts = st.builds(
    Contract,
    timezone=st.sampled_from([LONDON, AUCKLAND]),
    survey_id=st.sampled_from([None, None, "ours"]),
    test_distinct_ids=st.just(frozenset({"test-robot"})),
    voids=st.just(frozenset({"void", "3"})),
    unverified_excluded_from=st.sampled_from([None, None, "2026-09", "2026-10"]),
    secrets=st.sampled_from([(), (NEW,), (NEW, OLD), (NEW, OLD)]),
)


@settings(max_examples=examples(100), deadline=None)
@given(events=crowds, contract=contracts, order=st.randoms(use_true_random=False))
def test_ticket_by_ticket_and_by_hand_agree_in_every_order(
    events: list[Event], contract: Contract, order: random.Random
):
    agree(count_one_by_one, events, contract, order)


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=crowds, contract=contracts, order=st.randoms(use_true_random=False))
def test_frames_and_by_hand_agree_in_every_order(
    events: list[Event], contract: Contract, order: random.Random
):
    agree(count_as_frame, events, contract, order)


@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=crowds, contract=contracts)
def test_only_tickets_that_depend_on_secrets_are_decided_otherwise_without_them(
    events: list[Event], contract: Contract
):
    rules_of_frame = CountingRules.of(settings_for(contract), contract.voids)
    lookup = EventList([as_raw(each) for each in events], rules_of_frame)
    answers = mark_duplicates(lookup.frame(), lookup)
    needs_none = ~depends_on_secrets(answers, rules_of_frame)
    without = decide(answers[needs_none], rules_of_frame.without_secrets())["outcome"]
    assert without.equals(decide(answers, rules_of_frame).loc[needs_none, "outcome"])
    event(f"{needs_none.sum()} of {len(answers)} need none")


def agree(count, events: list[Event], contract: Contract, order: random.Random) -> None:
    by_hand = count_by_hand(events, contract)
    for outcome in set(by_hand.outcomes):
        event(outcome)
    shuffled = order.sample(events, len(events))
    result = count(shuffled, contract)
    expected = outcomes_of(events, by_hand, contract)
    assert outcomes_of(shuffled, result, contract) == expected
    assert result.responses == by_hand.responses
    assert result.counts == by_hand.counts


class Ticket:
    """A table of answers to one ticket: what each becomes, and the response they make."""

    def __init__(self, **settings) -> None:
        self.contract = Contract(LONDON, **settings)
        self.events: list[Event] = []
        self.expected: list[str] = []

    def answer(self, becomes: str, at: datetime = NOON, **given) -> "Ticket":
        uuid = given.pop("uuid", f"u{len(self.events)}")
        self.events.append(make_event(uuid, at=at, **given))
        self.expected.append(becomes)
        return self

    def makes(self, **expected) -> None:
        """Check all three implementations, in the order given and in the reverse."""
        for step in (1, -1):
            events = self.events[::step]
            for count in (count_by_hand, count_one_by_one, count_as_frame):
                result = count(events, self.contract)
                assert result.outcomes[::step] == self.expected
                names = ("month", "team", "rating", "comment", "at", "trust")
                response = dict(zip(names, result.responses.get("42", ()), strict=False))
                assert {name: response.get(name) for name in expected} == expected
                assert bool(response) == bool(expected)


def test_an_edit_up_to_the_last_microsecond_of_the_window_replaces_rating_and_comment():
    (
        Ticket()
        .answer("response", **{"$survey_response": 5, "$survey_response_1": "Good"})
        .answer("edit", NOON + WINDOW, **{"$survey_response": 2})
        .answer("late_change", NOON + WINDOW + MICROSECOND, **{"$survey_response": 1})
        .makes(rating=2, comment=None, at=NOON)
    )


def test_an_edit_in_the_next_month_leaves_month_and_team():
    last_moment = datetime(2026, 9, 30, 22, 59, 59, 999999, UTC)
    (
        Ticket()
        .answer("response", last_moment, team="Surveys")
        .answer("edit", last_moment + MICROSECOND, team="experiments", **{"$survey_response": 1})
        .makes(month="2026-09", team="surveys", rating=1)
    )


def test_the_first_moment_of_a_month_is_in_it():
    first_moment = datetime(2026, 9, 30, 23, tzinfo=UTC)
    Ticket().answer("response", first_moment).makes(month="2026-10")


def test_equal_times_stand_in_the_order_of_their_uuids():
    (
        Ticket()
        .answer("edit", uuid="b", **{"$survey_response": 1})
        .answer("response", uuid="a", **{"$survey_response": 5})
        .answer("edit", uuid="é", **{"$survey_response": 3})
        .makes(rating=3)
    )


def test_the_first_person_keeps_the_ticket():
    (
        Ticket()
        .answer("response", distinct_id="ann", **{"$survey_response": 4})
        .answer("other_person", NOON + WINDOW / 2, distinct_id="bob", **{"$survey_response": 1})
        .answer("edit", NOON + WINDOW, distinct_id="ann", **{"$survey_response": 5})
        .makes(rating=5, at=NOON)
    )


@pytest.mark.parametrize(
    ("lower", "higher"), [("unverified", "known"), ("known", "signed"), (None, "signed")]
)
def test_a_person_with_a_better_link_takes_the_ticket_over(lower, higher):
    later = NOON + timedelta(days=30)
    (
        Ticket()
        .answer("other_person", distinct_id="eve", link_trust=lower, team="surveys")
        .answer(
            "response",
            later,
            distinct_id="ann",
            link_trust=higher,
            team="experiments",
            **{"$survey_response": 1},
        )
        .makes(month="2026-11", team="experiments", rating=1, at=later, trust=higher)
    )


class TestUnverifiedAnswersAlone:
    @pytest.fixture
    def ticket(self):
        return Ticket(unverified_excluded_from="2026-10")

    def test_do_not_count_from_the_first_moment_of_the_month(self, ticket):
        first_moment = datetime(2026, 9, 30, 23, tzinfo=UTC)
        (
            ticket.answer("unverified", first_moment)
            .answer("unverified", NOON, distinct_id="eve", link_trust="unverified")
            .answer("unverified", NOON + timedelta(days=40))
            .makes()
        )

    def test_count_if_the_response_began_before_the_month(self, ticket):
        last_moment = datetime(2026, 9, 30, 22, 59, 59, 999999, UTC)
        (
            ticket.answer("response", last_moment)
            .answer("edit", last_moment + MICROSECOND, **{"$survey_response": 1})
            .answer("other_person", distinct_id="eve")
            .makes(month="2026-09", rating=1)
        )

    @pytest.mark.parametrize("trust", ["known", "signed"])
    def test_count_if_one_of_the_ticket_is_trusted_more(self, ticket, trust):
        (
            ticket.answer("response", distinct_id="ann", **{"$survey_response": 2})
            .answer("other_person", distinct_id="eve")
            .answer("late_change", NOON + 2 * WINDOW, distinct_id="ann", link_trust=trust)
            .makes(rating=2, at=NOON)
        )

    def test_do_not_count_where_only_an_answer_that_is_not_valid_is_trusted_more(self):
        (
            Ticket(
                unverified_excluded_from="2026-10",
                test_distinct_ids=frozenset({"robot"}),
            )
            .answer("unverified")
            .answer("test", distinct_id="robot", link_trust="signed")
            .answer("invalid_rating", link_trust="signed", **{"$survey_response": 0})
            .makes()
        )

    def test_of_a_void_ticket_are_void(self):
        (Ticket(unverified_excluded_from="2026-10", voids=frozenset({"42"})).answer("void").makes())


def test_the_response_begins_with_the_persons_first_answer_though_a_later_one_was_signed():
    later = NOON + timedelta(days=3)
    (
        Ticket()
        .answer("response", distinct_id="ann", **{"$survey_response": 5})
        .answer("other_person", NOON + MICROSECOND, distinct_id="eve")
        .answer("edit", later, distinct_id="ann", link_trust="signed", **{"$survey_response": 2})
        .makes(rating=2, at=NOON, trust="signed")
    )


def test_an_answer_that_is_not_valid_begins_nothing():
    (
        Ticket()
        .answer("invalid_rating", distinct_id="eve", link_trust="signed", **{"$survey_response": 0})
        .answer("response", NOON + WINDOW, distinct_id="ann", **{"$survey_response": 3})
        .makes(rating=3, at=NOON + WINDOW)
    )


def test_a_tester_neither_counts_nor_takes_a_ticket_over():
    (
        Ticket(test_distinct_ids=frozenset({"robot"}))
        .answer("test", distinct_id="robot", link_trust="signed")
        .answer("response", NOON + WINDOW, distinct_id="ann")
        .makes(at=NOON + WINDOW)
    )


def test_a_void_ticket_has_no_response_and_a_tester_on_it_is_a_tester():
    (
        Ticket(voids=frozenset({"42"}), test_distinct_ids=frozenset({"robot"}))
        .answer("void")
        .answer("void", ticketId=42.0)
        .answer("test", distinct_id="robot")
        .answer("invalid_rating", **{"$survey_response": 6})
        .makes()
    )


def test_the_reasons_are_tried_in_order():
    bad = {"ticketId": None, "$survey_response": 0, "$survey_id": "other"}
    (
        Ticket(survey_id="ours", test_distinct_ids=frozenset({"robot"}))
        .answer("other_survey", uuid="a", distinct_id="robot", **bad)
        .answer("duplicate", NOON + MICROSECOND, uuid="a", distinct_id="robot", **bad)
        .answer("no_ticket", distinct_id="robot", **{**bad, "$survey_id": "ours"})
        .answer("invalid_rating", distinct_id="robot", **{"$survey_response": 0}, **OURS)
        .answer("test", distinct_id="robot", **OURS)
        .makes()
    )


OURS = {"$survey_id": "ours"}


def test_with_a_survey_configured_an_event_that_names_none_belongs_to_another():
    (
        Ticket(survey_id="ours")
        .answer("other_survey")
        .answer("other_survey", **{"$survey_id": None})
        .answer("response", **OURS)
        .makes(rating=4)
    )


def test_without_a_survey_configured_every_survey_counts():
    Ticket().answer("response").answer("edit", **{"$survey_id": "any"}).makes(rating=4)


def test_the_earliest_of_copies_counts_and_of_equal_times_the_greatest_properties():
    (
        Ticket()
        .answer("duplicate", NOON + MICROSECOND, uuid="a", **{"$survey_response": "5"})
        .answer("duplicate", uuid="a", **{"$survey_response": "2"})
        .answer("response", uuid="a", **{"$survey_response": "3"})
        .makes(rating=3, at=NOON)
    )


def test_copies_that_differ_in_their_person_alone_are_decided_in_any_order():
    (
        Ticket()
        .answer("duplicate", uuid="a", distinct_id="ann")
        .answer("response", uuid="a", distinct_id="bob")
        .answer("other_person", NOON + MICROSECOND, distinct_id="ann")
        .makes(at=NOON)
    )


def test_a_missing_distinct_id_is_one_person_per_ticket():
    (
        Ticket()
        .answer("response", distinct_id=None)
        .answer("edit", NOON + MICROSECOND, distinct_id=" ", **{"$survey_response": 1})
        .answer("edit", NOON + WINDOW, distinct_id="ticket:42", **{"$survey_response": 2})
        .makes(rating=2)
    )


def test_the_team_is_team_and_only_without_one_ticket_team():
    both = {"team": "Surveys", "ticketTeam": "experiments"}
    Ticket().answer("response", **both).makes(team="surveys")
    Ticket().answer("response", **{**both, "team": " "}).makes(team="experiments")


def test_tickets_of_eighteen_digits_are_told_apart_by_their_last():
    events = [
        make_event(f"{ticket}-{n}", at=NOON + n * MICROSECOND, ticketId=ticket, distinct_id=person)
        for ticket in (999999999999999991, 999999999999999992, "999999999999999993")
        for n, person in enumerate(("ann", "bob", "ann"))
    ]
    for count in (count_by_hand, count_one_by_one, count_as_frame):
        assert (
            count(events, Contract(LONDON)).outcomes == [*("response", "other_person", "edit")] * 3
        )


def test_nothing_gives_nothing():
    result = count_as_frame([], Contract(LONDON))
    assert (result.outcomes, result.responses, result.counts) == ([], {}, Counter())
