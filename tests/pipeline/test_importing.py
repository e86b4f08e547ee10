"""Imported answers in the store: idempotent, in any order, never sent."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from pipeline import importing
from pipeline.importing import AnswerImport
from survey.copies import ImportedAnswer
from survey.counting_rules import CountingRules
from survey.events import Questions
from survey.links import parse_link
from survey.receive import Submission, receive
from survey.rederive import apply_rules
from survey.store.models import AnswerCopyRow, AnswerRow, Base, OutboxRow, ResponseRow
from survey.store.responses import find_response
from survey.store.voids import void_ticket
from survey.vocabulary import Outcome, Trust
from tests.support.settings import make_settings

NOON = datetime(2026, 10, 1, 12, 0, 0, 123456, UTC)
HOUR = timedelta(hours=1)


def imported(uuid="a", *, at=NOON, ticket="42", person="jane", rating=4, properties="{}", **given):
    """An answer of jane's to ticket 42, as an import reads it."""
    values = {"comment": None, "team": "surveys", "survey_id": None, **given}
    return ImportedAnswer(
        uuid=uuid,
        ticket_id=ticket,
        distinct_id=person,
        rating=rating,
        answered_at=at,
        properties=properties,
        **values,
    )


@pytest.fixture
def bring(database, settings):
    """Import answers in one run; the run, with what became of them."""

    def bring(*answers, settings=settings):
        run = AnswerImport(database, CountingRules.of(settings))
        run.add(answers)
        assert run.received == run.known + run.outcomes.total()
        return run

    return bring


@pytest.fixture
def answer_on_site(database, settings, clock):
    """Somebody answers on the site; the stored answer."""

    def answer_on_site(rating=5, *, trust=Trust.UNVERIFIED, ticket="42", person="jane"):
        link = parse_link({"ticketId": ticket, "distinct_id": person, "team": "surveys"})
        form = Submission(link, trust, rating, None, "s", Questions("How?"))
        return receive(database, settings, form, clock())

    return answer_on_site


def of_survey(survey_id):
    return make_settings(survey_id=survey_id)


def response(database, ticket="42"):
    with database.reading() as connection:
        return find_response(connection, ticket)


def everything(database, *, with_ids=True):
    """All rows of all tables. Row and submission ids need not be the same in two stores, and the
    versions of days count what changed, not what there is."""
    left_out = () if with_ids else ("id", "submission_id")
    tables = [t for t in Base.metadata.sorted_tables if with_ids or t.name != "day_versions"]
    with database.reading() as connection:
        return {
            table.name: sorted(
                (
                    tuple(value for name, value in row._mapping.items() if name not in left_out)
                    for row in connection.execute(select(table))
                ),
                key=repr,
            )
            for table in tables
        }


def count(database, table):
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def outcomes(run):
    return {outcome.value: n for outcome, n in run.outcomes.items() if n}


class TestNewAnswers:
    def test_they_become_responses_and_keep_what_their_events_said(self, database, bring):
        run = bring(imported(comment="Thanks!", survey_id="s", properties='{"ticketId":"42"}'))
        assert outcomes(run) == {"response": 1}
        found = response(database)
        assert (found.rating, found.comment, found.team) == (4, "Thanks!", "surveys")
        assert found.answered_at == NOON
        with database.reading() as connection:
            row = connection.execute(select(AnswerRow)).one()
        assert (row.source, row.survey_id, row.properties) == ("import", "s", '{"ticketId":"42"}')
        assert row.rating_question is None

    def test_those_without_ticket_or_rating_are_stored_with_their_reason(self, database, bring):
        run = bring(imported("a", ticket=None), imported("b", rating=None))
        assert outcomes(run) == {"no_ticket": 1, "invalid_rating": 1}
        assert count(database, AnswerRow) == 2
        assert count(database, ResponseRow) == 0

    def test_voided_tickets_and_testers_count_nowhere(self, database, bring, clock):
        with database.writing() as connection:
            void_ticket(connection, "42", "by the agent", clock())
        testing = make_settings(test_distinct_ids="robot")
        run = bring(imported("a"), imported("b", ticket="43", person="robot"), settings=testing)
        assert outcomes(run) == {"void": 1, "test": 1}
        assert count(database, ResponseRow) == 0

    def test_unverified_answers_alone_count_nowhere_from_the_month_on(self, database, bring):
        configured = make_settings(unverified_excluded_from="2026-10")
        answers = [imported("a"), imported("b", ticket="43", at=NOON - 24 * HOUR)]
        run = bring(*answers, settings=configured)
        assert outcomes(run) == {"unverified": 1, "response": 1}
        run = bring(imported("c", trust=Trust.SIGNED, at=NOON + HOUR), settings=configured)
        assert outcomes(run) == {"edit": 1}
        assert response(database).answered_at == NOON

    def test_more_than_a_transaction_takes_and_more_tickets_than_a_statement(self, database, bring):
        many = [imported(f"u{n}", ticket=str(n % 700), at=NOON + n * HOUR) for n in range(2100)]
        run = bring(*many)
        assert run.received == 2100
        assert run.outcomes[Outcome.RESPONSE] == 700
        assert count(database, AnswerRow) == 2100


class TestAgain:
    def test_the_same_answers_again_change_nothing(self, database, bring):
        answers = [
            imported("a"),
            imported("a", at=NOON + HOUR),
            imported("b", ticket="43", at=NOON - HOUR),
            imported("c", ticket=None),
        ]
        bring(*answers)
        before = everything(database)
        for again in itertools.permutations(answers):
            run = bring(*again)
            assert (run.known, outcomes(run)) == (4, {})
        assert everything(database) == before

    def test_what_the_site_received_is_known_whatever_a_copy_says(
        self, database, bring, answer_on_site
    ):
        stored = answer_on_site(5)
        before = everything(database)
        run = bring(imported(stored.uuid, at=NOON - HOUR, rating=1, ticket="7"))
        assert (run.known, outcomes(run)) == (1, {})
        assert everything(database) == before

    def test_a_form_that_an_import_brought_first_is_not_received_again(
        self, database, bring, answer_on_site, clock
    ):
        uuid = answer_on_site(5, ticket="1").uuid
        with database.writing() as connection:
            for table in (OutboxRow, ResponseRow, AnswerRow):  # a new store, and a restored answer
                connection.execute(table.__table__.delete())
        bring(imported(uuid, ticket="1", rating=5, at=clock()))
        clock.advance(minutes=1)
        assert answer_on_site(5, ticket="1").answered_at == clock() - timedelta(minutes=1)
        assert count(database, AnswerRow) == 1


class TestOrder:
    def test_an_earlier_answer_that_arrives_late_recomputes_its_ticket(self, database, bring):
        bring(imported("late", at=NOON, rating=2, team="experiments"))
        submission_id = response(database).submission_id
        run = bring(imported("early", at=NOON - HOUR, rating=5))
        found = response(database)
        assert (found.answered_at, found.team, found.rating) == (NOON - HOUR, "surveys", 2)
        assert found.submission_id == submission_id
        assert outcomes(run) == {"response": 1}

    @pytest.mark.parametrize("excluded_from", [None, "2026-10"])
    def test_any_order_and_any_division_makes_the_same_store(self, database, excluded_from):
        configured = make_settings(unverified_excluded_from=excluded_from)
        answers = [
            imported("a", rating=1),
            imported("b", at=NOON + HOUR, rating=2),
            imported("c", at=NOON - HOUR, rating=3, person="joe"),
            imported("d", at=NOON + 2 * HOUR, rating=5, trust=Trust.SIGNED),
        ]
        stores, sums = [], []
        for order in itertools.permutations(answers):
            run = AnswerImport(database, CountingRules.of(configured))
            for answer in order:
                run.add([answer])
            stores.append(everything(database, with_ids=False))
            sums.append(outcomes(run))
            with database.writing() as connection:
                for table in (AnswerRow, ResponseRow):
                    connection.execute(table.__table__.delete())
        assert all(store == stores[0] for store in stores)
        assert sums == [{"response": 1, "edit": 2, "other_person": 1}] * len(stores)

    def test_the_site_answers_after_what_it_received_not_after_imported_times(
        self, database, bring, answer_on_site, clock
    ):
        bring(imported("next year", at=clock() + timedelta(days=365)))
        assert answer_on_site(5).answered_at == clock()


class TestCopies:
    EARLY = imported("a", at=NOON - HOUR, ticket="1", rating=1, properties='{"ticketId":"1"}')
    LATE = imported("a", at=NOON, ticket="2", rating=2, properties='{"ticketId":"2"}')

    @pytest.mark.parametrize("at_once", [True, False])
    def test_the_earliest_counts_in_whatever_order_they_come(self, database, bring, at_once):
        stores = []
        for first, then in ((self.EARLY, self.LATE), (self.LATE, self.EARLY)):
            if at_once:
                run = bring(first, then)
                assert outcomes(run) == {"response": 1, "duplicate": 1}
            else:
                assert outcomes(bring(first)) == {"response": 1}
                assert outcomes(bring(then)) == {"duplicate": 1}
            assert response(database, "1").rating == 1
            assert response(database, "2") is None
            stores.append(everything(database, with_ids=False))
            with database.writing() as connection:
                for table in (AnswerRow, AnswerCopyRow, ResponseRow):
                    connection.execute(table.__table__.delete())
        assert stores[0] == stores[1]
        assert len(stores[0]["answer_copies"]) == 1

    def test_of_equal_times_the_greatest_words_and_then_the_greatest_person(self, database, bring):
        copies = [
            imported("a", rating=1, properties='{"x":"1"}', person="zoe"),
            imported("a", rating=2, properties='{"x":"2"}', person="ann"),
            imported("a", rating=2, properties='{"x":"2"}', person="bob"),
        ]
        for order in itertools.permutations(copies):
            bring(*order)
            assert response(database).distinct_id == "bob"
            with database.writing() as connection:
                for table in (AnswerRow, AnswerCopyRow, ResponseRow):
                    connection.execute(table.__table__.delete())

    def test_a_copy_is_on_record_once(self, database, bring):
        for _ in range(2):
            bring(self.EARLY, self.LATE, self.LATE)
        assert count(database, AnswerCopyRow) == 1

    def test_a_copy_that_says_the_same_is_known(self, bring):
        assert outcomes(bring(self.EARLY)) == {"response": 1}
        assert bring(self.EARLY, self.EARLY).known == 2

    def test_the_summary_follows_an_answer_that_changes_its_ticket(self, database, settings, bring):
        bring(imported("other", ticket="1", at=NOON - 2 * HOUR))
        run = AnswerImport(database, CountingRules.of(settings))
        run.add([self.LATE])
        assert outcomes(run) == {"response": 1}
        run.add([self.EARLY])
        assert outcomes(run) == {"edit": 1, "duplicate": 1}


class TestOtherSurveys:
    ANSWERS = (
        imported("ours", ticket="1", survey_id="s"),
        imported("theirs", ticket="2", survey_id="t"),
        imported("nobody's", ticket="3", survey_id=None),
    )

    def test_they_are_stored_and_do_not_count(self, database, bring):
        run = bring(*self.ANSWERS, settings=of_survey("s"))
        assert outcomes(run) == {"response": 1, "other_survey": 2}
        assert count(database, AnswerRow) == 3
        assert count(database, ResponseRow) == 1

    def test_without_a_configured_survey_all_count(self, bring):
        assert outcomes(bring(*self.ANSWERS)) == {"response": 3}

    def test_another_survey_id_needs_no_new_import(self, database, bring):
        bring(*self.ANSWERS, settings=of_survey("s"))
        for survey_id, ticket in (("t", "2"), ("s", "1")):
            apply_rules(database, CountingRules.of(of_survey(survey_id)))
            with database.reading() as connection:
                assert connection.scalars(select(ResponseRow.ticket_id)).all() == [ticket]

    def test_what_the_site_received_is_ours_whatever_the_survey_is_called(
        self, database, answer_on_site
    ):
        answer_on_site(5)
        apply_rules(database, CountingRules.of(of_survey("s")))
        assert response(database).rating == 5

    def test_an_answer_to_another_survey_does_not_begin_a_response_on_the_site(
        self, database, bring, clock
    ):
        settings = of_survey("s")
        bring(imported(survey_id="t", person="joe"), settings=settings)
        link = parse_link({"ticketId": "42", "distinct_id": "jane"})
        form = Submission(link, Trust.UNVERIFIED, 3, None, "s", Questions("How?"))
        receive(database, settings, form, clock())
        assert (response(database).distinct_id, response(database).rating) == ("jane", 3)


class TestOutbox:
    def test_an_import_sends_nothing(self, database, bring):
        bring(imported(), imported("b", ticket="43"))
        assert count(database, OutboxRow) == 0

    def test_nor_is_anything_imported_sent_when_it_begins_to_count(
        self, database, bring, answer_on_site, clock
    ):
        """Joe came first; jane's imported answer counts once she comes by a signed link."""
        bring(imported("joe", person="joe"), imported("jane", at=NOON + HOUR, rating=2))
        clock.time = NOON + 2 * HOUR
        stored = answer_on_site(5, trust=Trust.SIGNED)
        assert response(database).answered_at == NOON + HOUR
        with database.reading() as connection:
            assert connection.scalars(select(OutboxRow.answer_uuid)).all() == [stored.uuid]

    def test_nor_when_settings_change(self, database, bring):
        bring(imported(survey_id="t"), settings=of_survey("s"))
        apply_rules(database, CountingRules.of(of_survey("t")))
        assert response(database) is not None
        assert count(database, OutboxRow) == 0


def test_a_batch_is_stored_wholly_or_not_at_all(database, settings, monkeypatch):
    def fail(*_):
        raise RuntimeError("pulled out, for a test")

    run = AnswerImport(database, CountingRules.of(settings))
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(importing, "save_responses", fail)
        run.add([imported()])
    assert count(database, AnswerRow) == 0
    assert (run.received, run.known, outcomes(run)) == (0, 0, {})
    run.add([imported()])
    assert outcomes(run) == {"response": 1}


def test_what_differs_in_what_it_said_alone_is_a_copy(bring):
    run = bring(imported(properties="{}"), replace(imported(), properties='{"team":"surveys"}'))
    assert outcomes(run) == {"response": 1, "duplicate": 1}
