"""Counting never changes by an erasure, whoever is erased, and whoever comes back."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.donations.verifying import verify_ledger
from pipeline.importing import AnswerImport
from survey.counting_rules import CountingRules
from survey.erasing.person import erase_person
from survey.erasing.redaction import redact_ticket
from survey.erasing.retention import forget
from survey.events import Questions
from survey.links import parse_link
from survey.receive import Arrival, Submission, receive_all
from survey.rederive import apply_rules
from survey.rules import decide
from survey.store.counting import count_by_values, count_outcomes
from survey.store.database import Database
from survey.store.models import ResponseRow
from survey.store.responses import answers_of, find_response
from survey.store.voids import void_among
from survey.vocabulary import Outcome, Trust
from survey.voiding import void
from tests.support.changes import find_changes
from tests.support.donations import OCTOBER, SEPTEMBER, Donations
from tests.support.events import as_imported, make_event
from tests.support.examples import examples
from tests.support.rows import rows
from tests.support.settings import make_settings

NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)
NOW = NOON + timedelta(days=40)
EVER = (NOON - timedelta(days=900), NOON + timedelta(days=900))
TICKETS = ("T1", "T2")
PERSONS = ("jane", "jane", "joe", "tess", "ticket:T1")

from_site = st.tuples(
    st.just("site"),
    st.sampled_from(TICKETS),
    st.sampled_from(PERSONS),
    st.integers(1, 5),
    st.integers(0, 400),
    st.sampled_from(Trust),
)
from_import = st.tuples(
    st.just("import"),
    st.sampled_from([*TICKETS, " "]),
    st.sampled_from(PERSONS),
    st.integers(0, 5),
    st.integers(0, 400),
    st.sampled_from(["signed", "known", "none"]),
)


def make_rules(given_settings):
    return CountingRules.of(given_settings)


def bring(database, given_settings, answers, first=0):
    """Receive and import answers, in the order of their times."""
    for number, (door, ticket, person, rating, hour, trust) in enumerate(
        sorted(answers, key=lambda each: each[4]), start=first
    ):
        at = NOON + timedelta(hours=hour)
        words = f"words {number}"
        if door == "site":
            link = parse_link({"ticketId": ticket, "distinct_id": person, "team": "surveys"})
            form = Submission(link, trust, rating, words, str(number), Questions("How?"))
            receive_all(database, given_settings, [Arrival(form, at)])
            continue
        values = {"ticketId": ticket, "link_trust": trust, "$survey_response": str(rating)}
        user = {"userId": PERSONS[number % 5]} if number % 4 == 0 else {}
        copies = [
            make_event(f"e{number}", at=at, distinct_id=person, **values, **user, comment=word)
            for word in ("one", "two")[: 1 + number % 2]
        ]
        rules = make_rules(given_settings)
        AnswerImport(database, rules).add([as_imported(each, rules) for each in copies])


def count_all(database, given_settings):
    """All that anybody counts: outcomes by the database and by the rules, and responses."""
    rules = make_rules(given_settings)
    by_rules: Counter[Outcome] = Counter()
    with database.reading() as connection:
        outcomes = count_outcomes(connection, *EVER, rules)
        voids = void_among(connection, TICKETS)
        for ticket in TICKETS:
            decided = decide(answers_of(connection, ticket), rules.with_voids(voids))
            by_rules.update(decided.outcomes.values())
        values = [row[:5] for row in count_by_values(connection, *EVER)]
    by_database = {each: number for each, number in outcomes.items() if number}
    by_database.pop(Outcome.DUPLICATE, None)
    by_database.pop(Outcome.NO_TICKET, None)
    # Answers without a ticket are there as well.
    assert by_database == dict(by_rules)
    responses = [
        (row.ticket_id, row.rating, row.team, row.answered_at, row.submission_id, row.link_trust)
        for row in rows(database, ResponseRow)
    ]
    return outcomes, sorted(values, key=str), responses


@pytest.fixture(scope="module")
def fresh(tmp_path_factory, template):
    """A new store for each example."""

    def fresh() -> tuple[Database, object]:
        path = tmp_path_factory.mktemp("counting") / "csat.db"
        path.write_bytes(template.read_bytes())
        given_settings = make_settings(
            database_url=f"sqlite:///{path}",
            test_distinct_ids="tess",
            secret_key="the first of two secrets,the second of two secrets",
            retention="20d",
        )
        database = Database(given_settings.database_url)
        apply_rules(database, make_rules(given_settings))
        return database, given_settings

    return fresh


@settings(deadline=None, max_examples=examples(6))
@given(
    st.lists(st.one_of(from_site, from_import), min_size=1, max_size=8),
    st.lists(st.sampled_from([*PERSONS, "forget", "redact"]), min_size=1, max_size=3),
    st.lists(from_site, min_size=1, max_size=3),
    st.booleans(),
)
def test_nothing_that_counts_changes(fresh, answers, erasures, later, is_void):
    database, given_settings = fresh()
    bring(database, given_settings, answers)
    if is_void:
        void(database, given_settings, "T2", "spam", NOW, force=True)
    before = count_all(database, given_settings)
    for number, name in enumerate(erasures):
        now = NOON + timedelta(days=6 * number + 5)
        if name == "forget":
            forget(database, given_settings, now + timedelta(days=20))
        elif name == "redact":
            redact_ticket(database, given_settings, "T1", now)
        else:
            erase_person(database, given_settings, name, "Ada", now)
        assert count_all(database, given_settings) == before
    # Whoever comes back is counted as the same person, by the rules and by the database.
    bring(database, given_settings, [(*each[:4], 500 + each[4], each[5]) for each in later], 100)
    count_all(database, given_settings)
    database.close()


def test_a_ledger_that_was_closed_verifies_after_the_erasure(database, settings):
    donations = Donations(database, settings)
    donations.set_rate(SEPTEMBER)
    tickets = donations.respond(SEPTEMBER, 3)
    donations.respond(OCTOBER, 2)
    donations.close(SEPTEMBER)
    donations.close(OCTOBER)
    before = verified(donations)
    for ticket in tickets:
        erase_person(database, settings, f"customer of {ticket}", "Ada", donations.now)
    with database.reading() as connection:
        assert find_response(connection, tickets[0]).distinct_id.startswith("erased:")
    assert verified(donations) == before
    assert find_changes(donations, by_settled=False) == ()


def verified(donations):
    """What the verification of a ledger finds; it raises an error for any difference."""
    checks = verify_ledger(donations.database, donations.settings)
    return {each.name: dict(each.figures) for each in checks}
