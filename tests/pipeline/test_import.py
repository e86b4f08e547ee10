"""`csat import` as a person runs it, and rule 8: imports in any order give what the files give."""

import itertools
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

import pandas as pd
import pytest
import requests
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from pipeline.commands.import_answers import import_answers
from pipeline.commands.options import read_rules
from pipeline.importing import ImportSummary, import_events
from pipeline.sources.base import Source, SourceError
from pipeline.sources.export import ExportSource
from pipeline.sources.store import StoreSource
from survey.counting_rules import CountingRules
from survey.settings import Settings
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.models import AnswerCopyRow, AnswerRow, OutboxRow, ResponseRow
from survey.store.received import all_received
from survey.store.voids import void_ticket
from survey.vocabulary import Outcome
from tests.pipeline.by_hand import Contract
from tests.pipeline.test_rules import contracts, crowds, settings_for
from tests.support.command import environment, run_csat
from tests.support.customers import Customers
from tests.support.events import (
    NOON,
    Event,
    json_line,
    make_event,
    write_jsonl,
    write_packed,
    write_parquet,
)
from tests.support.examples import examples
from tests.support.responses import describe_source, outcomes_by_uuid
from tests.support.site import wait_until
from tests.support.tree import SiteTree

EVENTS = [
    make_event("u1", **{"$survey_response": 5, "$survey_response_1": "Thanks!"}),
    make_event("u2", at=NOON + timedelta(hours=1), **{"$survey_response": 2}),
    make_event("u2", at=NOON + timedelta(hours=1), **{"$survey_response": 2}),
    make_event("u2", at=NOON + timedelta(hours=2), **{"$survey_response": 1}),
    make_event("u3", ticketId=None),
    make_event("u4", ticketId="43", **{"$survey_response": 0}),
    make_event("u5", ticketId="44", distinct_id="robot"),
    make_event("u6", distinct_id="joe"),
    make_event("u7", at=NOON + timedelta(days=8)),
]
SUMMARY = [
    ("received", 9),
    ("new", 2),
    ("known", 1),
    ("duplicate", 1),
    ("other_survey", 0),
    ("no_ticket", 1),
    ("invalid_rating", 1),
    ("test", 1),
    ("void", 0),
    ("unverified", 0),
    ("other_person", 1),
    ("late_change", 1),
]


def csat_import(source: object, database_url: str, **given: str):
    defaults = {"CSAT_DATABASE_URL": database_url, "CSAT_TEST_DISTINCT_IDS": "robot"}
    return run_csat("import", str(source), **{**defaults, **given})


def summary_of(done: "subprocess.CompletedProcess[str]") -> list[tuple[str, int]]:
    assert (done.returncode, done.stderr) == (0, "")
    words = [line.split() for line in done.stdout.splitlines()]
    return [(word, int(number.replace(",", ""))) for word, number, *_ in words]


def everything(database: Database) -> dict[str, list[tuple]]:
    """What is stored, but for the ids, which depend on the order of receipt."""
    found = {}
    with database.reading() as connection:
        for table in (AnswerRow, AnswerCopyRow, ResponseRow, OutboxRow):
            columns = [c for c in table.__table__.columns if c.name not in ("id", "submission_id")]
            rows = map(tuple, connection.execute(select(*columns)))
            found[table.__tablename__] = sorted(rows, key=repr)
    return found


def many_events(count: int, seed: int = 5) -> list[Event]:
    """Answers to some tickets, with edits and with copies that differ."""
    rng = random.Random(seed)
    events = [
        make_event(
            str(UUID(int=rng.getrandbits(128))),
            at=NOON + timedelta(minutes=rng.randrange(20_000)),
            ticketId=str(ticket := rng.randrange(count)),
            distinct_id=f"customer-{ticket}",
            **{"$survey_response": rng.randint(1, 5)},
        )
        for _ in range(count)
    ]
    copies = [
        {**event, "timestamp": event["timestamp"] + timedelta(minutes=rng.randint(-9, 9))}
        for event in rng.sample(events, count // 10)
    ]
    return [*events, *copies]


class TestCommand:
    def test_it_says_what_became_of_the_answers_in_sums_that_tie(self, tmp_path):
        export = write_parquet(tmp_path / "e.parquet", EVENTS)
        done = csat_import(f"export:{export}", f"sqlite:///{tmp_path}/csat.db")
        assert summary_of(done) == SUMMARY
        assert "(response 1, edit 1)" in done.stdout
        (_, received), *others = summary_of(done)
        assert received == sum(n for _, n in others)

    def test_posthog_itself_as_the_source(self, posthog, tmp_path):
        batch = [{**each, "timestamp": each["timestamp"].isoformat()} for each in EVENTS]
        body = {"api_key": "phc_test", "batch": batch}
        assert requests.post(f"{posthog.url}/batch/", json=body, timeout=5).ok
        posthog.queries.merges = False
        done = csat_import(
            "posthog",
            f"sqlite:///{tmp_path}/csat.db",
            CSAT_POSTHOG_APP_HOST=posthog.url,
            CSAT_POSTHOG_PROJECT_ID=PROJECT_ID,
            CSAT_POSTHOG_PERSONAL_KEY=PERSONAL_KEY,
        )
        assert summary_of(done) == SUMMARY

    @pytest.mark.parametrize("source", ["database", "nowhere", "export:"])
    def test_what_is_no_source_of_answers_is_bad_usage(self, source, tmp_path):
        done = CliRunner().invoke(import_answers, [source])
        assert done.exit_code == 2
        assert "SOURCE" in done.stderr
        assert not (tmp_path / "var").exists()

    def test_a_row_that_cannot_be_read_is_named(self, tmp_path):
        url = f"sqlite:///{tmp_path}/csat.db"
        lines = [json_line(each) for each in EVENTS]
        export = tmp_path / "e.jsonl"
        write_packed(export, "\n".join([*lines[:5], "{not json", *lines[5:]]))
        done = csat_import(f"export:{export}", url)
        assert done.returncode == 1
        assert f"{export}, line 6: not JSON" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_postgresql_database_is_upgraded_by_nobody_but_the_operator(
        self, postgresql, monkeypatch
    ):
        monkeypatch.setenv("CSAT_DATABASE_URL", postgresql.create_database())
        done = CliRunner().invoke(import_answers, ["export:e.parquet"])
        assert isinstance(done.exception, StoreError)
        assert "csat db upgrade" in str(done.exception)


def test_the_same_import_again_changes_nothing(database, settings, tmp_path):
    export = write_jsonl(tmp_path / "e.jsonl", many_events(500))
    run_import(export, settings, database)
    before = everything(database)
    again = run_import(export, settings, database)
    assert (again.received, again.known) == (550, 550)
    assert everything(database) == before


def test_batches_before_a_bad_row_stay_and_nothing_of_its_own_batch_does(
    database, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr("pipeline.sources.export.EVENTS_AT_ONCE", 3)
    lines = [json_line(each) for each in EVENTS]
    export = write_packed(tmp_path / "e.jsonl", "\n".join([*lines[:5], "[]", *lines[5:]]))
    with pytest.raises(SourceError, match="line 6"):
        run_import(export, settings, database)
    with database.reading() as connection:
        assert set(connection.scalars(select(AnswerRow.uuid))) == {"u1", "u2"}
    write_packed(export, "\n".join(lines))
    mended = run_import(export, settings, database)
    assert (mended.received, mended.known) == (9, 3)


def test_killed_in_the_middle_it_ends_where_an_uninterrupted_one_ends(
    database, settings, template, tmp_path
):
    events = many_events(6000)
    for number, begin in enumerate(range(0, len(events), 1500)):
        write_jsonl(tmp_path / f"{number}.jsonl", events[begin : begin + 1500])
    source = f"export:{tmp_path}/*.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "csat", "import", source],
        env=environment(CSAT_DATABASE_URL=str(database.url)),
        stdout=subprocess.DEVNULL,
    )
    answers = select(func.count()).select_from(AnswerRow)
    wait_until(lambda: database.ask(answers) >= 2000)
    process.kill()
    process.wait()
    assert database.ask(answers) < 6000, "nothing was broken off"
    done = run_csat("import", source, CSAT_DATABASE_URL=str(database.url))
    assert done.returncode == 0

    with empty_store(template) as (whole, _folder):
        run_import(f"{tmp_path}/*.jsonl", settings, whole)
        assert everything(database) == everything(whole)


def test_the_site_goes_on_serving_while_an_import_runs(database_url, database, posthog, tmp_path):
    export = write_jsonl(tmp_path / "e.jsonl", many_events(12_000))
    site = SiteTree(tmp_path, database_url, posthog.url)
    with site, Customers(site.port) as customers:
        customers.wait_for(3)
        before = len(customers.thanks)
        done = run_csat("import", f"export:{export}", CSAT_DATABASE_URL=database_url)
        meanwhile = customers.thanks[before:]
        customers.stop()
    assert done.returncode == 0, done.stderr
    assert customers.refusals == 0
    assert len(meanwhile) > 10
    assert median(each.seconds for each in meanwhile) < 0.5
    with database.reading() as connection:
        received = all_received(connection, None)
        stored = Counter(each.ticket_id for each in received if not each.is_duplicate)
    assert all(stored[each.ticket_id] for each in customers.thanked)
    assert sum(stored.values()) == 12_000 + len(customers.thanked)


# --- rule 8


@contextmanager
def empty_store(template: Path) -> Iterator[tuple[Database, Path]]:
    """A store of its own, with its folder."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(template, Path(folder, "csat.db"))
        database = Database(f"sqlite:///{folder}/csat.db")
        yield database, Path(folder)
        database.close()


def run_import(path: str | Path, configured: Settings, database: Database) -> ImportSummary:
    source = ExportSource(str(path), CountingRules.of(configured))
    return import_events(source, CountingRules.of(configured), database, lambda _read: None)


def write_pieces(folder: Path, events: Sequence[Event], ends: Sequence[int]) -> list[Path]:
    """The events divided into files of both kinds; as many as have any."""
    bounds = sorted({0, *(end % (len(events) + 1) for end in ends), len(events)})
    return [
        write_jsonl(folder / f"{number}.jsonl", events[begin:end])
        if number % 2
        else write_parquet(folder / f"{number}.parquet", events[begin:end])
        for number, (begin, end) in enumerate(itertools.pairwise(bounds))
    ]


@settings(max_examples=examples(4), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    events=crowds.filter(bool),
    noise=st.lists(st.sampled_from(["Firefox", "Chrome"]), min_size=20, max_size=20),
    contract=contracts,
    ends=st.lists(st.integers(0, 20), max_size=3),
    order=st.randoms(use_true_random=False),
)
def test_imports_in_any_order_give_what_the_files_give(
    template: Path,
    events: list[Event],
    noise: list[str],
    contract: Contract,
    ends: list[int],
    order: random.Random,
):
    events = [
        {**each, "properties": {**each["properties"], "$browser": browser}}
        for each, browser in zip(events, noise, strict=False)
    ]
    configured = settings_for(contract)
    with empty_store(template) as (database, folder):
        void_all(database, contract.voids)
        files = write_pieces(folder, events, ends)
        imports = [*files, *order.choices(files, k=2)]
        order.shuffle(imports)
        summaries = [run_import(path, configured, database) for path in imports]
        check_sums(summaries, database)

        rules = read_rules(configured, database)
        by_files, by_store = ExportSource(str(folder), rules), StoreSource(database, rules)
        found_in_files = counted(by_files, rules)
        assert counted(by_store, rules) == found_in_files
        expected = describe_source(by_files, rules)
        pd.testing.assert_frame_equal(describe_source(by_store, rules), expected)
        counts = [each.count_months(lambda _read: None).counts for each in (by_store, by_files)]
        pd.testing.assert_frame_equal(*counts)
        check_table(database, expected)

    with empty_store(template) as (whole, folder):
        void_all(whole, contract.voids)
        order.shuffle(events)
        summary = run_import(write_jsonl(folder / "all.jsonl", events), configured, whole)
        assert summary.received == len(events)
        found = Counter(summary.outcomes)
        del found[Outcome.DUPLICATE]
        assert +found == found_in_files


def void_all(database: Database, tickets: Iterable[str]) -> None:
    with database.writing() as connection:
        for ticket in tickets:
            void_ticket(connection, ticket, "for a test", NOON)


def counted(source: Source, rules: CountingRules) -> Counter:
    """How many answers have each outcome. Which copies a store keeps is its own affair."""
    outcomes = Counter(outcome for _, outcome in outcomes_by_uuid(source, rules))
    del outcomes[Outcome.DUPLICATE]
    return outcomes


def check_sums(summaries: Sequence[ImportSummary], database: Database) -> None:
    for each in summaries:
        assert each.received == each.new + each.known + sum(each.reasons.values())
    with database.reading() as connection:
        copies = connection.scalar(select(func.count()).select_from(AnswerCopyRow))
        assert connection.scalar(select(func.count()).select_from(OutboxRow)) == 0
    assert copies == sum(each.outcomes[Outcome.DUPLICATE] for each in summaries)


def check_table(database: Database, expected: pd.DataFrame) -> None:
    """The rows that the site reads are those that a report derives."""
    columns = ["ticket_id", "team", "rating", "comment", "answered_at", "link_trust", "language"]
    with database.reading() as connection:
        query = select(*(getattr(ResponseRow, name) for name in columns))
        rows = connection.execute(query)
        found = sorted((*row[:-1], row.comment and row.language) for row in rows)
    assert found == sorted(expected[columns].itertuples(index=False, name=None))
