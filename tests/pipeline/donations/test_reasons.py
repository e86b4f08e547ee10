"""Why the responses of a closed month changed: each reason as it really comes about."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from pipeline.donations.kept_rules import KeptRules
from pipeline.donations.verifying import verify_ledger
from pipeline.importing import AnswerImport
from survey.copies import ImportedAnswer
from survey.counting_rules import CountingRules
from survey.event_values import canonical_json
from survey.events import Questions
from survey.link_proofs import make_proof
from survey.links import parse_link
from survey.receive import Arrival, Submission, receive_all
from survey.rederive import apply_rules
from survey.vocabulary import Trust
from tests.conftest import on_sqlite
from tests.support.changes import find_changes
from tests.support.donations import AUGUST, JULY, OCTOBER, SEPTEMBER, Donations
from tests.support.settings import make_settings

JUNE = JULY.shift(-1)


class Story(Donations):
    """A ledger to which one thing happens after the other, an hour apart."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._uuids = count()

    def _passes(self) -> None:
        self.now += timedelta(hours=1)

    def answer(self, month, person="ann", trust=Trust.UNVERIFIED, ticket="42", day=14):
        """Received by the site on a day of a month, whenever it was stored."""
        self._passes()
        link = parse_link({"ticketId": ticket, "distinct_id": person, "team": "surveys"})
        form = Submission(link, trust, 5, None, None, Questions("How was it?"))
        receive_all(self.database, self.settings, [Arrival(form, on(month, day))])

    def bring(self, month, person="ann", *, uuid=None, ticket="42", day=14, proof=None, **given):
        """Imported."""
        self._passes()
        answer = ImportedAnswer(
            uuid=uuid or f"event {next(self._uuids)}",
            ticket_id=ticket,
            distinct_id=person,
            rating=5,
            comment=None,
            team="surveys",
            answered_at=on(month, day),
            properties=canonical_json(
                {"ticketId": ticket, "link_trust": given.get("trust"), "link_proof": proof}
            ),
            **given,
        )
        AnswerImport(self.database, CountingRules.of(self.settings)).add([answer])

    def configure(self, **given):
        """With other settings, the site starts again."""
        self._passes()
        self.settings = make_settings(database_url=str(self.settings.database_url), **given)
        apply_rules(self.database, CountingRules.of(self.settings))

    def void(self, ticket_id="42"):
        self._passes()
        super().void(ticket_id)

    def unvoid(self, ticket_id="42"):
        self._passes()
        super().unvoid(ticket_id)

    def close(self, month, **given):
        self._passes()
        return super().close(month, without_amount=True, **given)

    @property
    def changes(self):
        """The changes by month, as how many hedgehogs and why."""
        return {str(each.month): (each.hedgehogs, each.reason.value) for each in find_changes(self)}


def on(month, day):
    return datetime(month.year, month.number, day, 12, tzinfo=UTC)


@pytest.fixture
def story(database, settings):
    return Story(database, settings)


@on_sqlite
class TestVoids:
    def test_a_void(self, story):
        story.answer(JULY)
        story.close(JULY)
        story.void()
        assert story.changes == {"2026-07": (-1, "void")}

    def test_a_void_that_is_lifted(self, story):
        story.answer(JULY)
        story.void()
        story.close(JULY)
        story.unvoid()
        assert story.changes == {"2026-07": (1, "unvoid")}

    def test_a_void_that_is_lifted_after_it_was_posted(self, story):
        story.answer(JULY)
        story.answer(AUGUST, ticket="43")
        story.close(JULY)
        story.void()
        story.close(AUGUST)
        assert story.changes == {}
        story.unvoid()
        assert story.changes == {"2026-07": (1, "unvoid")}

    def test_a_void_that_is_lifted_before_the_close_changes_nothing(self, story):
        story.answer(JULY)
        story.close(JULY)
        story.void()
        story.unvoid()
        assert story.changes == {}

    def test_a_ticket_that_came_late_and_was_void_for_a_while_came_late(self, story):
        story.answer(JULY, ticket="43")
        story.close(JULY)
        story.bring(JULY)
        story.void()
        story.unvoid()
        assert story.changes == {"2026-07": (1, "late_import")}


class TestLateAnswers:
    def test_an_import(self, story):
        story.answer(JULY, ticket="43")
        story.close(JULY)
        story.bring(JULY)
        assert story.changes == {"2026-07": (1, "late_import")}

    def test_an_answer_that_the_site_stored_late(self, story):
        story.answer(JULY, ticket="43")
        story.close(JULY)
        story.answer(JULY)
        assert story.changes == {"2026-07": (1, "late_answer")}

    def test_an_earlier_answer_by_the_same_person_takes_the_response_along(self, story):
        story.answer(AUGUST)
        story.close(JULY)
        story.close(AUGUST)
        story.bring(JULY)
        assert story.changes == {"2026-07": (1, "late_import"), "2026-08": (-1, "late_import")}

    def test_an_earlier_copy_of_an_event_takes_the_response_along(self, story):
        story.bring(AUGUST, uuid="one event")
        story.close(JULY)
        story.close(AUGUST)
        story.bring(JULY, uuid="one event")
        assert story.changes == {"2026-07": (1, "late_import"), "2026-08": (-1, "late_import")}

    def test_an_earlier_copy_of_an_event_names_another_ticket(self, story):
        story.bring(JULY, uuid="one event", day=20)
        story.close(JULY)
        story.bring(JULY, uuid="one event", day=10, ticket="43")
        assert [(each.ticket_id, each.hedgehogs, each.reason) for each in find_changes(story)] == [
            ("42", -1, "late_import"),
            ("43", 1, "late_import"),
        ]


class TestOtherPersons:
    def test_a_better_trusted_person_takes_the_response_into_a_later_month(self, story):
        story.answer(JULY)
        story.close(JULY)
        story.answer(AUGUST, "ben", Trust.SIGNED)
        assert story.changes == {"2026-07": (-1, "other_person")}

    def test_somebody_who_proves_who_they_are_gets_the_response_with_the_earlier_answer(
        self, story
    ):
        story.answer(JULY, "ben", ticket="43")
        story.answer(JULY, "ann", Trust.KNOWN, day=20)
        story.answer(AUGUST, "ben", day=2)
        story.answer(AUGUST, "ann", Trust.KNOWN, day=3)
        story.close(JULY)
        story.close(AUGUST)
        assert story.changes == {}
        story.answer(SEPTEMBER, "ben", Trust.SIGNED)
        assert story.changes == {
            "2026-07": (-1, "other_person"),
            "2026-08": (1, "other_person"),
        }

    def test_also_where_an_unrelated_setting_has_changed(self, story):
        story.answer(JULY)
        story.close(JULY)
        story.configure(test_distinct_ids="robot")
        story.answer(AUGUST, "ben", Trust.SIGNED)
        assert story.changes == {"2026-07": (-1, "other_person")}

    def test_also_where_the_change_could_not_be_posted(self, story):
        story.answer(JULY)
        story.close(JULY)
        story.answer(OCTOBER, "ben", Trust.SIGNED)
        assert len(story.close(AUGUST).pending) == 1
        story.configure(edit_window="1d")
        assert story.changes == {"2026-07": (-1, "other_person")}


@on_sqlite
class TestSettings:
    def test_a_person_becomes_a_tester_and_is_none_any_more(self, story):
        story.answer(JULY)
        story.answer(AUGUST, ticket="43", person="ben")
        story.close(JULY)
        story.configure(test_distinct_ids="ann")
        assert story.changes == {"2026-07": (-1, "settings")}
        story.close(AUGUST)
        story.configure()
        assert story.changes == {"2026-07": (1, "settings")}

    def test_another_survey_id(self, story):
        story.bring(JULY, survey_id="theirs")
        story.bring(JULY, ticket="43", survey_id="ours")
        story.close(JULY)
        story.configure(survey_id="ours")
        assert story.changes == {"2026-07": (-1, "settings")}

    def test_the_next_person_of_the_ticket_has_answered_in_another_month(self, story):
        story.answer(JULY)
        story.answer(AUGUST, "ben")
        story.close(JULY)
        story.close(AUGUST)
        story.configure(test_distinct_ids="ann")
        assert story.changes == {"2026-07": (-1, "settings"), "2026-08": (1, "settings")}

    def test_also_where_that_person_answered_after_the_close(self, story):
        story.answer(JULY)
        story.close(JULY)
        story.answer(AUGUST, "ben")
        story.configure(test_distinct_ids="ann")
        assert story.changes == {"2026-07": (-1, "settings")}

    def test_a_late_import_that_was_posted_leaves_and_comes_back(self, story):
        story.answer(JULY, ticket="43", person="ben")
        story.answer(AUGUST, ticket="44", person="ben")
        story.answer(SEPTEMBER, ticket="45", person="ben")
        story.close(JULY)
        story.bring(JULY)
        story.close(AUGUST)
        story.configure(test_distinct_ids="ann")
        assert story.changes == {"2026-07": (-1, "settings")}
        story.close(SEPTEMBER)
        story.configure()
        assert story.changes == {"2026-07": (1, "settings")}

    def test_a_late_answer_of_a_tester_counts_since_nobody_is_one(self, story):
        story.answer(JULY, ticket="43", person="ben")
        story.configure(test_distinct_ids="ann")
        story.close(JULY)
        story.bring(JULY)
        story.close(AUGUST)
        story.configure()
        assert story.changes == {"2026-07": (1, "settings")}


FIRST, SECOND = "the first secret of a site", "the second secret of a site"


@on_sqlite
class TestSecrets:
    @pytest.fixture
    def told(self, story):
        """July and August are closed by the first secret; of two persons ann proves who she is."""
        story.configure(secret_key=FIRST)
        story.bring(JULY, "ben")
        proof = make_proof(
            uuid="ann's",
            ticket_id="42",
            distinct_id="ann",
            rating=5,
            trust=Trust.SIGNED,
            secret=FIRST,
        )
        story.bring(AUGUST, uuid="ann's", trust=Trust.SIGNED, proof=proof)
        story.answer(JULY, "cem", ticket="43")
        story.close(JULY)
        story.close(AUGUST)
        return story

    def test_one_more_changes_no_count(self, told):
        told.configure(secret_key=f"{SECOND},{FIRST}")
        assert told.changes == {}
        told.close(SEPTEMBER)
        told.configure(secret_key=f"{SECOND},{FIRST}", link_secret="signs links")
        assert told.changes == {}

    def test_one_less_lets_its_proofs_no_more_decide(self, told):
        told.configure(secret_key=SECOND)
        assert told.changes == {"2026-07": (1, "settings"), "2026-08": (-1, "settings")}
        told.close(SEPTEMBER)
        told.configure(secret_key=FIRST)
        assert told.changes == {"2026-07": (-1, "settings"), "2026-08": (1, "settings")}

    def test_what_comes_after_it_has_changed_has_its_own_reason(self, told):
        told.configure(secret_key=f"{SECOND},{FIRST}")
        told.answer(JULY, "cem", ticket="44")
        told.bring(JULY, "cem", ticket="45")
        told.answer(AUGUST, "dan", Trust.SIGNED, ticket="43")
        assert [(each.ticket_id, each.hedgehogs, each.reason) for each in find_changes(told)] == [
            ("43", -1, "other_person"),
            ("44", 1, "late_answer"),
            ("45", 1, "late_import"),
            ("43", 1, "late_answer"),
        ]

    def test_another_copy_of_an_event_keeps_its_reason(self, told):
        told.configure(secret_key=f"{SECOND},{FIRST}")
        told.bring(JULY, uuid="ann's", day=2)
        assert told.changes == {"2026-07": (1, "late_import"), "2026-08": (-1, "late_import")}

    def test_a_tester_under_another_secret_is_the_same_tester(self, told):
        told.configure(secret_key=FIRST, test_distinct_ids="robot")
        told.close(SEPTEMBER)
        told.configure(secret_key=f"{SECOND},{FIRST}", test_distinct_ids="robot")
        told.answer(AUGUST, "dan", Trust.SIGNED, ticket="43")
        assert told.changes == {"2026-07": (-1, "other_person"), "2026-08": (1, "late_answer")}


class TestLedgersOfAnOlderRelease:
    """It kept the fingerprint of its rules alone, and believed all events."""

    @pytest.fixture
    def told(self, story, monkeypatch):
        story.configure(secret_key=())
        story.bring(JULY, "ben")
        story.bring(AUGUST, trust=Trust.SIGNED)
        story.answer(JULY, "cem", ticket="43")
        with monkeypatch.context() as patched:
            patched.setattr(KeptRules, "__str__", lambda kept: kept.fingerprint)
            story.close(JULY)
            story.close(AUGUST)
        return story

    def test_what_their_events_claim_without_a_proof_counts_no_more(self, told):
        told.configure(secret_key=FIRST)
        assert told.changes == {"2026-07": (1, "settings"), "2026-08": (-1, "settings")}
        assert told.close(SEPTEMBER).is_new
        assert told.changes == {}
        assert [check.name for check in verify_ledger(told.database, told.settings)][-1]

    def test_what_comes_later_has_its_own_reason(self, told):
        told.configure(secret_key=FIRST)
        told.close(SEPTEMBER)
        told.bring(JULY, "cem", ticket="44")
        told.answer(AUGUST, "dan", Trust.SIGNED, ticket="43")
        assert [(each.ticket_id, each.hedgehogs, each.reason) for each in find_changes(told)] == [
            ("43", -1, "other_person"),
            ("44", 1, "late_import"),
            ("43", 1, "late_answer"),
        ]


@on_sqlite
class TestMonthsBeforeTheFirstClose:
    def test_their_changes_have_reasons_too(self, story):
        story.answer(JUNE)
        story.answer(JUNE, ticket="43", person="ben")
        story.close(JULY)
        story.bring(JUNE, ticket="44", person="cleo")
        story.void("43")
        assert [(each.ticket_id, each.hedgehogs, each.reason) for each in find_changes(story)] == [
            ("43", -1, "void"),
            ("44", 1, "late_import"),
        ]

    def test_a_month_that_had_no_response_then(self, story):
        story.answer(JULY, ticket="43", person="ben")
        story.close(JULY)
        story.bring(JUNE)
        story.close(AUGUST)
        assert story.changes == {}
        story.answer(JULY, "ben", Trust.SIGNED)
        assert story.changes == {
            "2026-06": (-1, "other_person"),
            "2026-07": (1, "late_answer"),
        }
