"""Rule 8: what the site received gives the same numbers by every door."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from pipeline.commands.options import read_rules
from pipeline.sources.base import Source
from pipeline.sources.export import ExportSource
from pipeline.sources.store import StoreSource
from survey.counting_rules import CountingRules
from survey.events import Questions
from survey.links import judge_link, parse_link, sign_link
from survey.months import Month
from survey.outbox_payloads import unpack_event
from survey.receive import Submission, receive
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import OutboxRow, ResponseRow
from survey.store.voids import void_ticket
from survey.vocabulary import COUNTED
from tests.support.events import Event, write_jsonl, write_parquet
from tests.support.examples import examples
from tests.support.responses import describe_source, outcomes_by_uuid
from tests.support.settings import make_settings

# An hour before London's October begins, so that the first edits cross the month's end.
OPENING = datetime(2026, 9, 30, 22, 0, 0, 5, UTC)
SECRET = "a secret for links"


@dataclass(frozen=True)
class Visit:
    """Somebody submits the form; `wait` is the time since the visit before."""

    person: str
    signed: bool
    ticket: str
    team: str
    rating: int
    comment: str | None
    submit_id: str
    wait: timedelta
    language: str = "en"


visits = st.builds(
    Visit,
    person=st.sampled_from(["ann", "ann", "bob", "", "robot"]),
    signed=st.booleans(),
    ticket=st.sampled_from(["1", "1.0", "2", "nan", "void"]),
    team=st.sampled_from(["", "Web analytics", "web-analytics", "all", "Équipe"]),
    rating=st.integers(1, 5),
    comment=st.sampled_from([None, None, "Thanks!", "=1+1", "two\nlines 🦔"]),
    submit_id=st.sampled_from(["a", "b", "c"]),
    wait=st.sampled_from(
        [
            *(timedelta(0), timedelta(microseconds=1), timedelta(minutes=59), timedelta(days=2)),
            *(timedelta(hours=168), timedelta(hours=168, microseconds=1), -timedelta(hours=1)),
        ]
    ),
    language=st.sampled_from(["en", "de", "pt-BR"]),
)


@contextmanager
def site(
    template: Path, unverified_excluded_from: str | None = None
) -> Iterator[tuple[Settings, Database, Path]]:
    """A store of its own, with its settings and folder."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(template, Path(folder, "csat.db"))
        configured = make_settings(
            database_url=f"sqlite:///{folder}/csat.db",
            link_secret=(SECRET,),
            test_distinct_ids={"robot"},
            unverified_excluded_from=unverified_excluded_from,
        )
        database = Database(configured.database_url)
        with database.writing() as session:
            void_ticket(session, "void", "a test of ours", OPENING)
        yield configured, database, Path(folder)
        database.close()


def submit(database: Database, configured: Settings, visit: Visit, now: datetime) -> None:
    link = parse_link({"distinct_id": visit.person, "ticketId": visit.ticket, "team": visit.team})
    if visit.signed:
        link = parse_link({**link.parameters(), "sig": sign_link(link, SECRET)})
    trust = judge_link(link, configured.link_secrets)
    assert trust is not None
    questions = Questions(rating="How happy are you?", language=visit.language)
    form = (visit.rating, visit.comment, visit.submit_id, questions)
    receive(database, configured, Submission(link, trust, *form), now)


def play(database: Database, configured: Settings, played: list[Visit]) -> None:
    now = OPENING
    for visit in played:
        now += visit.wait
        submit(database, configured, visit, now)


def outbox_events(database: Database) -> list[Event]:
    """What PostHog gets, as it then exports it."""
    with database.reading() as session:
        payloads = session.scalars(select(OutboxRow.payload).order_by(OutboxRow.id)).all()
    events: list[dict[str, Any]] = [unpack_event(payload) for payload in payloads]
    return [{**e, "timestamp": datetime.fromisoformat(e["timestamp"])} for e in events]


def responses_of(source: Source, configured: Settings, database: Database) -> pd.DataFrame:
    return describe_source(source, read_rules(configured, database))


def doors(folder: Path, configured: Settings, database: Database) -> list[Source]:
    """The store, and exports of what PostHog got: one with every event twice, and backwards."""
    events, rules = outbox_events(database), read_rules(configured, database)
    jsonl = write_jsonl(folder / "x.jsonl", [*reversed(events), *events])
    parquet = write_parquet(folder / "x.parquet", events)
    exports = (ExportSource(str(path), rules) for path in (jsonl, parquet))
    return [StoreSource(database, rules), *exports]


def stored_responses(database: Database) -> list[tuple[object, ...]]:
    """The rows that the site keeps up to date, answer by answer."""
    columns = (ResponseRow.ticket_id, ResponseRow.team, ResponseRow.rating, ResponseRow.comment)
    rows = select(*columns, ResponseRow.answered_at).order_by(ResponseRow.ticket_id)
    with database.reading() as session:
        return [tuple(row) for row in session.execute(rows)]


def check_every_door(database: Database, configured: Settings, folder: Path) -> None:
    by_store, *by_export = (
        responses_of(source, configured, database) for source in doors(folder, configured, database)
    )
    columns = ["ticket_id", "team", "rating", "comment", "answered_at"]
    assert stored_responses(database) == list(by_store[columns].itertuples(index=False, name=None))
    for responses in by_export:
        pd.testing.assert_frame_equal(responses, by_store)
    counts = [
        source.count_months(lambda _read: None).counts
        for source in doors(folder, configured, database)
    ]
    for each in counts:
        pd.testing.assert_frame_equal(each, counts[0])


def outcomes_of(database: Database, configured: Settings) -> list[tuple[str, str]]:
    rules = read_rules(configured, database)
    return outcomes_by_uuid(StoreSource(database, rules), rules)


def all_that_counts_is_sent(database: Database, configured: Settings) -> bool:
    """Whether PostHog gets every counted answer, also those that began to count later."""
    outcomes = outcomes_of(database, configured)
    counted = {uuid for uuid, outcome in outcomes if outcome in COUNTED}
    return counted <= {event["uuid"] for event in outbox_events(database)}


@settings(max_examples=examples(2), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    played=st.lists(visits, min_size=1, max_size=10),
    excluded_from=st.sampled_from([None, "2026-09", "2026-10"]),
)
def test_store_and_exports_of_its_outbox_give_the_same_responses(
    template: Path, played: list[Visit], excluded_from: str | None
):
    with site(template, excluded_from) as (configured, database, folder):
        play(database, configured, played)
        assert all_that_counts_is_sent(database, configured)
        assume(outbox_events(database))  # an empty file is refused
        check_every_door(database, configured, folder)


def test_a_stranger_who_comes_back_by_a_signed_link(template: Path):
    first = Visit("bob", False, "1", "surveys", 4, None, "a", timedelta(0))
    stranger = replace(first, person="ann", team="experiments", rating=2)
    signed = replace(stranger, signed=True, rating=5, wait=timedelta(days=3))
    with site(template) as (configured, database, folder):
        play(database, configured, [first, stranger, signed])
        check_every_door(database, configured, folder)


def test_a_stranger_who_comes_back_by_a_signed_link_when_it_is_too_late_to_change(
    template: Path,
):
    first = Visit("bob", False, "1", "surveys", 4, None, "a", timedelta(0))
    stranger = replace(first, person="ann", team="experiments", rating=2)
    signed = replace(stranger, signed=True, rating=5, wait=timedelta(days=8))
    with site(template) as (configured, database, folder):
        play(database, configured, [first, stranger, signed])
        check_every_door(database, configured, folder)


def test_unverified_answers_that_count_once_the_customer_comes_by_a_signed_link(template: Path):
    first = Visit("ann", False, "1", "surveys", 4, None, "a", timedelta(hours=1))
    edit = replace(first, rating=2, wait=timedelta(hours=1))
    stranger = replace(first, person="bob", ticket="2")
    signed = replace(first, signed=True, rating=5, submit_id="b", wait=timedelta(days=8))
    with site(template, "2026-10") as (configured, database, folder):
        play(database, configured, [first, edit, stranger])
        assert (stored_responses(database), outbox_events(database)) == ([], [])
        submit(database, configured, signed, OPENING + timedelta(days=9))
        assert [(*row[:3],) for row in stored_responses(database)] == [("1", "surveys", 2)]
        assert all_that_counts_is_sent(database, configured)
        check_every_door(database, configured, folder)
        outcomes = Counter(outcome for _, outcome in outcomes_of(database, configured))
        assert outcomes == {"response": 1, "edit": 1, "late_change": 1, "unverified": 1}


def test_edits_strangers_testers_and_voids_by_every_door(template: Path):
    first = Visit("ann", True, "1.0", "Web analytics", 5, None, "a", timedelta(0))
    played = [
        first,
        first,  # a double click
        replace(first, rating=3, comment="Hm.", wait=timedelta(hours=168)),
        replace(first, rating=1, submit_id="b", wait=timedelta(microseconds=1)),
        replace(first, person="eve", signed=False),
        replace(first, person="robot", ticket="2"),
        replace(first, ticket="void"),
        replace(first, person="", signed=False, ticket="nan", team=""),
    ]
    with site(template) as (configured, database, folder):
        play(database, configured, played)
        assert [(*row[:4],) for row in stored_responses(database)] == [
            ("1", "web_analytics", 3, "Hm."),
            ("nan", "unassigned", 5, None),
        ]
        check_every_door(database, configured, folder)
        outcomes = outcomes_of(database, configured)
        assert Counter(outcome for _, outcome in outcomes) == {
            "response": 2,
            "edit": 1,
            "late_change": 1,
            "other_person": 1,
            "test": 1,
            "void": 1,
        }


def test_a_comment_has_the_language_of_the_page_it_was_written_on_by_every_door(template: Path):
    first = Visit("ann", False, "1", "surveys", 4, None, "a", timedelta(0), "en")
    edit = replace(first, comment="Danke!", wait=timedelta(hours=1), language="de")
    with site(template) as (configured, database, folder):
        play(database, configured, [first, edit])
        month = Month.of(OPENING, configured.timezone)
        for source in doors(folder, configured, database):
            found = source.count_month(month, month, lambda _read: None).comments
            assert found[["comment", "language"]].to_numpy().tolist() == [["Danke!", "de"]]


def test_a_ticket_voided_later_counts_by_no_door(template: Path):
    answer = Visit("ann", False, "1", "surveys", 5, None, "a", timedelta(0))
    with site(template) as (configured, database, folder):
        play(database, configured, [answer, replace(answer, ticket="2")])
        with database.writing() as session:
            void_ticket(session, "1", "a test of ours", OPENING)
        check_every_door(database, configured, folder)
        assert [row[0] for row in stored_responses(database)] == ["2"]


def test_an_empty_store_gives_an_empty_frame(template: Path):
    with site(template) as (configured, database, _folder):
        assert responses_of(
            StoreSource(database, CountingRules.of(configured)), configured, database
        ).empty
