"""What became of some answers, read from their tickets alone."""

from survey.counting_rules import CountingRules
from survey.rules import Answer
from survey.store.models import Origin
from survey.store.outcomes import find_outcomes
from survey.store.responses import NewAnswer, add_answers
from survey.store.voids import void_ticket
from survey.vocabulary import Outcome
from tests.support.events import NOON
from tests.support.settings import make_settings

RULES = CountingRules.of(make_settings())


def add(database, *given):
    """Answers as (uuid, ticket, person, rating)."""
    answers = [
        Answer(uuid, ticket, person, rating, None, "surveys", NOON)
        for uuid, ticket, person, rating in given
    ]
    with database.writing() as connection:
        add_answers(
            connection, [NewAnswer(each, Origin.IMPORT, properties="{}") for each in answers]
        )


def outcomes(database, *uuids):
    with database.reading() as connection:
        return find_outcomes(connection, RULES, uuids, lambda _read: None)


def test_each_has_the_outcome_that_all_answers_to_its_ticket_give_it(database):
    add(database, ("a", "1", "jane", 5), ("b", "1", "jane", 4), ("c", "1", "eve", 1))
    add(database, ("d", None, "jane", 5), ("e", "2", "jane", None), ("f", "3", "jane", 5))
    with database.writing() as connection:
        void_ticket(connection, "3", "a test of ours", NOON)
    assert outcomes(database, "b", "c", "d", "e", "f", "unknown") == {
        "b": Outcome.EDIT,
        "c": Outcome.OTHER_PERSON,
        "d": Outcome.NO_TICKET,
        "e": Outcome.INVALID_RATING,
        "f": Outcome.VOID,
    }
    assert outcomes(database) == {}


def test_more_than_a_statement_holds(database):
    add(database, *((f"u{i}", str(i), "jane", 5) for i in range(1200)))
    found = outcomes(database, *(f"u{i}" for i in range(1200)))
    assert len(found) == 1200
    assert set(found.values()) == {Outcome.RESPONSE}
