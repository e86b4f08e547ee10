"""What was erased stays erased, by whatever door its events come, and no number changes."""

import json
import random
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from sqlalchemy import delete, insert, select, update

from pipeline.importing import AnswerImport
from pipeline.sources.export import ExportSource
from pipeline.sources.opening import open_source
from pipeline.sources.store import StoreSource
from survey.copies import ImportedAnswer
from survey.counting_rules import CountingRules
from survey.erasures import Erasures, apply_erasures
from survey.event_values import PropertyKeys
from survey.months import Month
from survey.pseudonyms import key_id, make_pseudonym
from survey.rederive import apply_rules
from survey.rules import decide
from survey.settings import SettingsError
from survey.store.database import Database
from survey.store.erasures import read_erasures
from survey.store.imports import stored_answers
from survey.store.migrate import upgrade
from survey.store.models import (
    AnswerCopyRow,
    AnswerRow,
    ErasureRow,
    RedactionRow,
    ResponseRow,
    RetentionRow,
)
from survey.store.responses import answers_of_tickets, save_responses
from tests.pipeline.by_hand import Contract, count_by_hand
from tests.pipeline.test_export_counts import counted, ignore, with_uuids
from tests.pipeline.test_rules import (
    LONDON,
    NEW,
    OLD,
    bring_proof,
    kinds_of_proof,
    settings_for,
)
from tests.support.events import NOON, Event, as_imported, make_event, write_jsonl, write_parquet
from tests.support.examples import examples
from tests.support.settings import make_settings

HOUR = timedelta(hours=1)
SEPTEMBER, OCTOBER = Month(2026, 9), Month(2026, 10)
CONTRACT = Contract(LONDON, secrets=(NEW, OLD))
CONFIGURED = settings_for(CONTRACT)
RULES = CountingRules.of(CONFIGURED)
KEYS = PropertyKeys.of(RULES)
SECRET_KEYS = CONFIGURED.secret_keys
PERSONS = ("ann-of-hedgehog-lane", "bob-of-hedgehog-lane", "cem-of-hedgehog-lane")
WORDS = "words of mine alone"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Database:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('erased')}/csat.db")
    upgrade(database)
    apply_rules(database, RULES)
    yield database
    database.close()


def empty(database: Database) -> None:
    with database.writing() as connection:
        for table in (
            *(AnswerRow, AnswerCopyRow, ResponseRow),
            *(ErasureRow, RedactionRow, RetentionRow),
        ):
            connection.execute(delete(table))


def erase(database: Database, erasures: Erasures) -> None:
    """Write what `csat erase` and its like leave as a proof."""
    with database.writing() as connection:
        for pseudonym, until in erasures.persons.items():
            row = {"key_id": key_id(NEW), "confirmed_by": "Ada", "counts": "{}"}
            connection.execute(
                insert(ErasureRow), {**row, "pseudonym": pseudonym, "erased_at": until}
            )
        for ticket, until in erasures.tickets.items():
            connection.execute(insert(RedactionRow), {"ticket_id": ticket, "redacted_at": until})
        if erasures.forgotten_before is not None:
            row = {"key_id": key_id(NEW), "forgotten_before": erasures.forgotten_before}
            connection.execute(insert(RetentionRow), row)


def sweep(database: Database) -> None:
    """Remove from the store what is erased, as `csat erase` does."""
    with database.writing() as connection:
        erasures = read_erasures(connection, SECRET_KEYS)
        uuids = connection.scalars(select(AnswerRow.uuid)).all()
        for known in stored_answers(connection, uuids).values():
            erased = apply_erasures(known.answer, erasures, KEYS, NOON)
            values = kept_of(erased)
            connection.execute(update(AnswerRow).where(AnswerRow.id == known.id).values(values))
        taken = set()
        for row in connection.execute(select(AnswerCopyRow)).all():
            names = ("uuid", "ticket_id", "distinct_id", "rating", "comment", "team")
            copy = ImportedAnswer(
                **{name: getattr(row, name) for name in names},
                answered_at=row.answered_at,
                survey_id=row.survey_id,
                properties=row.properties,
            )
            erased = apply_erasures(copy, erasures, KEYS, NOON)
            fingerprint = erased.fingerprint
            if fingerprint in taken:
                fingerprint += f":{row.id}"
            taken.add(fingerprint)
            connection.execute(
                update(AnswerCopyRow)
                .where(AnswerCopyRow.id == row.id)
                .values(fingerprint=fingerprint, **kept_of(erased))
            )
        tickets = set(connection.scalars(select(AnswerRow.ticket_id))) - {None}
        answers = answers_of_tickets(connection, sorted(tickets))
        save_responses(connection, {t: decide(each, RULES).response for t, each in answers.items()})


def kept_of(answer: ImportedAnswer) -> dict:
    return {
        name: getattr(answer, name)
        for name in ("distinct_id", "comment", "properties", "erased_at")
    }


def bring(database: Database, events: list[Event]) -> AnswerImport:
    run = AnswerImport(database, RULES, SECRET_KEYS)
    run.add([as_imported(each, RULES) for each in events])
    return run


def everything(database: Database) -> dict:
    """What is stored, but for what depends on the order of receipt, and when it was erased."""
    left_out = ("id", "submission_id", "erased_at")
    found = {}
    with database.reading() as connection:
        for table in (AnswerRow, AnswerCopyRow, ResponseRow):
            columns = [each for each in table.__table__.columns if each.name not in left_out]
            rows = [repr(tuple(row)) for row in connection.execute(select(*columns))]
            found[table.__tablename__] = sorted(rows)
    return found


# Times are all different, so that no copy of an event wins by what was erased of it.
given_events = st.lists(
    st.builds(
        dict,
        uuid=st.sampled_from("abcdefgh"),
        distinct_id=st.sampled_from([*PERSONS, None]),
        ticketId=st.sampled_from(["1", "1", "2", "A-3", None]),
        user=st.sampled_from([None, None, *PERSONS, 7]),
        rating=st.sampled_from(["1", "2", "5", "5", "0"]),
        has_words=st.booleans(),
        trust=st.sampled_from(["signed", "known", "unverified"]),
        kind=kinds_of_proof,
        hours=st.sampled_from([0, 1, 24, 24 * 6, 24 * 30]),
    ),
    min_size=1,
    max_size=14,
).map(lambda many: with_uuids([build(number, one) for number, one in enumerate(many)]))


def build(number: int, one: dict) -> Event:
    given = make_event(
        one["uuid"],
        at=NOON - 20 * 24 * HOUR + one["hours"] * HOUR + timedelta(minutes=number),
        distinct_id=one["distinct_id"],
        properties={
            "ticketId": one["ticketId"],
            "userId": one["user"],
            "$survey_response": one["rating"],
            "$survey_response_1": f"{WORDS} {number}" if one["has_words"] else "",
            "$survey_questions": [{"id": "C", "response": f"{WORDS} {number}"}],
            "initialTargetArea": "events",
            "link_trust": one["trust"],
            "$survey_language": "en",
            "team": "surveys",
        },
    )
    return bring_proof({**given, "uuid": with_uuids([given])[0]["uuid"]}, one["kind"]) | {
        "uuid": one["uuid"]
    }


times = st.sampled_from(
    [NOON - 20 * 24 * HOUR + 3 * HOUR, NOON - 15 * 24 * HOUR, NOON + 60 * 24 * HOUR]
)
given_erasures = st.builds(
    Erasures,
    secrets=st.just((NEW,)),
    persons=st.dictionaries(
        st.sampled_from([make_pseudonym(each, NEW) for each in PERSONS]), times, max_size=2
    ),
    tickets=st.dictionaries(st.sampled_from(["1", "A-3"]), times, max_size=1),
    forgotten_before=st.sampled_from([None, None, None, NOON - 14 * 24 * HOUR]),
).filter(bool)


def is_hidden(each: Event, erasures: Erasures) -> tuple[bool, bool]:
    """Whether the identity and whether the words of an event are gone, sentence by sentence."""
    at, properties = each["timestamp"], each["properties"]
    is_old = erasures.forgotten_before is not None and at < erasures.forgotten_before

    def is_erased(person: object) -> bool:
        until = erasures.persons.get(make_pseudonym(str(person), NEW))
        return person is not None and until is not None and at <= until

    of_person = is_old or is_erased(each["distinct_id"])
    redacted = erasures.tickets.get(properties["ticketId"])
    of_ticket = redacted is not None and at <= redacted
    return of_person, of_person or is_erased(properties["userId"]) or of_ticket


def check_nothing_is_left(database: Database, events: list[Event], erasures: Erasures) -> None:
    """No identity or words of an erased event, and all of those that are not erased."""
    hidden = {(each["uuid"], each["timestamp"]): is_hidden(each, erasures) for each in events}
    with database.reading() as connection:
        rows = [
            row
            for table in (AnswerRow, AnswerCopyRow)
            for row in connection.execute(select(table)).all()
        ]
        responses = connection.execute(select(ResponseRow)).all()
    for row in rows:
        no_identity, no_words = hidden[row.uuid, row.answered_at]
        text = repr(tuple(row))
        is_named = any(person in text for person in PERSONS)
        if no_identity:
            assert not is_named
        if no_words:
            assert WORDS not in text
            assert row.erased_at is not None
            assert json.loads(row.properties).keys() <= {"ticketId", "$survey_response", "team"}
        else:
            assert WORDS in text
            assert row.erased_at is None
    of_time = {row.answered_at: row for row in rows}
    for response in responses:
        assert response.comment == of_time[response.changed_at].comment
        assert response.distinct_id == of_time[response.answered_at].distinct_id


@settings(max_examples=examples(6), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    events=given_events,
    erasures=given_erasures,
    order=st.randoms(use_true_random=False),
)
def test_an_import_after_an_erasure_and_an_erasure_after_an_import_are_the_same(
    store: Database, events: list[Event], erasures: Erasures, order: random.Random
):
    stores = []
    for erase_first in (True, False):
        empty(store)
        shuffled = order.sample(events, len(events))
        if erase_first:
            erase(store, erasures)
            bring(store, shuffled)
        else:
            bring(store, shuffled)
            before = counted_in(store)
            erase(store, erasures)
            # Killed here, or while the import runs: what is stored already is known all the same.
            assert bring(store, shuffled).known == len(events)
            sweep(store)
            assert counted_in(store) == before
        check_nothing_is_left(store, events, erasures)
        stores.append(everything(store))
        again = bring(store, order.sample(events, len(events)))
        assert again.known == len(events)
        assert everything(store) == stores[-1]
    assert stores[0] == stores[1]
    by_hand = count_by_hand(events, CONTRACT)
    assert counted_in(store) == by_hand.counts
    event(f"{len(stores[0]['answer_copies'])} copies")


def counted_in(database: Database):
    return counted(StoreSource(database, RULES).count_months(ignore).counts)


@settings(max_examples=examples(4), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=given_events, erasures=given_erasures, as_parquet=st.booleans())
def test_a_report_from_files_shows_what_the_store_shows(
    store: Database, events: list[Event], erasures: Erasures, as_parquet: bool
):
    empty(store)
    erase(store, erasures)
    bring(store, events)
    with tempfile.TemporaryDirectory() as folder:
        write, kind = (write_parquet, "parquet") if as_parquet else (write_jsonl, "jsonl")
        write(Path(folder) / f"e.{kind}", events)
        source = ExportSource(folder, RULES, erasures=erasures)
        for since, month in ((SEPTEMBER, SEPTEMBER), (SEPTEMBER, OCTOBER), (OCTOBER, OCTOBER)):
            by_files = source.count_month(month, since, ignore)
            by_store = StoreSource(store, RULES).count_month(month, since, ignore)
            for name in ("counts", "comment_counts"):
                of_files = getattr(by_files, name)
                until = of_files[of_files["month"] <= str(month)].reset_index(drop=True)
                assert_frame_equal(until, getattr(by_store, name))
            assert_frame_equal(by_files.comments, by_store.comments)
            assert_frame_equal(by_files.quality, by_store.quality)


def test_an_erasure_while_an_import_runs_reaches_the_rest_of_it(store):
    empty(store)
    run = AnswerImport(store, RULES, SECRET_KEYS)
    events = [make_event(str(n), distinct_id=PERSONS[0], ticketId=str(n)) for n in range(2)]
    run.add([as_imported(events[0], RULES)])
    erase(store, Erasures(secrets=(NEW,), persons={make_pseudonym(PERSONS[0], NEW): NOON}))
    sweep(store)
    run.add([as_imported(events[1], RULES)])
    with store.reading() as connection:
        persons = set(connection.scalars(select(AnswerRow.distinct_id)))
    assert persons == {make_pseudonym(PERSONS[0], NEW)}


def test_a_person_who_was_forgotten_under_an_older_secret_stays_known(store):
    empty(store)
    raw = as_imported(make_event("a", distinct_id=PERSONS[0]), RULES)
    with store.writing() as connection:
        row = {"key_id": key_id(OLD), "forgotten_before": NOON + HOUR}
        connection.execute(insert(RetentionRow), row)
    AnswerImport(store, replace(RULES, secrets=(OLD,)), (OLD,)).add([raw])
    with store.writing() as connection:
        row = {"key_id": key_id(NEW), "forgotten_before": NOON + 2 * HOUR}
        connection.execute(insert(RetentionRow), row)
    again = AnswerImport(store, RULES, (NEW, OLD))
    again.add([raw])
    assert (again.known, again.outcomes.total()) == (1, 0)


def test_an_import_without_a_secret_that_an_erasure_used_is_refused(store):
    empty(store)
    erase(store, Erasures(secrets=(NEW,), persons={make_pseudonym(PERSONS[0], NEW): NOON}))
    with pytest.raises(SettingsError, match="CSAT_SECRET_KEY lacks a secret"):
        AnswerImport(store, RULES, (OLD,)).add([as_imported(make_event("a"), RULES)])


@pytest.mark.parametrize("name", ["export", "database"])
def test_the_erasures_of_the_store_reach_every_source(store, tmp_path, name):
    empty(store)
    events = [
        make_event(str(n), distinct_id=person, ticketId=str(n), **{"$survey_response_1": person})
        for n, person in enumerate(PERSONS)
    ]
    bring(store, events)
    erase(store, Erasures(secrets=(NEW,), persons={make_pseudonym(PERSONS[0], NEW): NOON}))
    sweep(store)
    full = f"export:{write_jsonl(tmp_path / 'e.jsonl', events)}" if name == "export" else name
    counted_now = open_source(full, CONFIGURED, RULES, store).count_month(OCTOBER, OCTOBER, ignore)
    assert sorted(counted_now.comments["comment"]) == [*PERSONS[1:]]
    assert counted_now.comment_counts["comments"].sum() == 2
    assert counted_now.counts["responses"].sum() == 3
    with pytest.raises(SettingsError, match="CSAT_SECRET_KEY lacks a secret"):
        open_source(full, make_settings(secret_key=OLD), RULES, store)
