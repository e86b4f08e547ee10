"""Dask's workers count what one process counts, to the last digit, whatever befalls them."""

import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import pytest
from distributed import Client
from distributed.protocol.pickle import dumps
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.exports import SECRET_KEY, TESTERS, VOIDS, write_exports
from pipeline.commands.aggregate import format_counts
from pipeline.sources import dask
from pipeline.sources.base import SourceError
from pipeline.sources.dask import DaskSource
from survey.clock import now
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.settings import DEFAULT_SURVEY_ID
from survey.store.database import Database
from survey.store.migrate import upgrade
from survey.store.voids import void_ticket
from tests.pipeline.test_export_counts import (
    check_source,
    ignore,
    rules_of,
    with_uuids,
    write_files,
)
from tests.pipeline.test_rules import contracts, crowds
from tests.support.command import run_csat
from tests.support.dask import Cluster, running_cluster
from tests.support.events import Event
from tests.support.examples import examples
from tests.support.settings import make_settings

ROWS = 6_300


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> Path:
    """Ten years of a survey, a file a month, with all that happens in ten years."""
    folder = tmp_path_factory.mktemp("ten-years") / "exports"
    assert write_exports(folder, ROWS * 20 // 21) == ROWS
    return folder


@pytest.fixture(scope="module")
def configured(exports) -> dict[str, str]:
    url = f"sqlite:///{exports.parent / 'csat.db'}"
    database = Database(url)
    upgrade(database)
    with database.writing() as connection:
        for ticket in VOIDS[:3]:
            void_ticket(connection, ticket, "a test of ours", now())
    database.close()
    return {
        "CSAT_DATABASE_URL": url,
        "CSAT_SECRET_KEY": SECRET_KEY,
        "CSAT_SURVEY_ID": DEFAULT_SURVEY_ID,
        "CSAT_TEST_DISTINCT_IDS": ",".join(TESTERS),
    }


def aggregate(exports: Path, out: Path, configured: dict[str, str], *options: str) -> bytes:
    command = ("aggregate", "--source", f"export:{exports}", "--out", str(out), *options)
    done = run_csat(*command, timeout=300, **configured)
    assert done.returncode == 0, done.stderr
    assert f"of {ROWS:,} answers" in done.stdout
    return out.read_bytes()


@pytest.fixture(scope="module")
def by_one_process(exports, configured) -> bytes:
    return aggregate(exports, exports.parent / "local.csv", configured, "--no-cache")


def test_two_workers_over_tcp_count_the_same(
    cluster, exports, configured, by_one_process, tmp_path
):
    options = ("--engine", "dask", "--scheduler", cluster.address)
    assert aggregate(exports, tmp_path / "out.csv", configured, *options) == by_one_process


def test_workers_on_this_machine_count_the_same(exports, configured, by_one_process, tmp_path):
    options = ("--engine", "dask")
    assert aggregate(exports, tmp_path / "out.csv", configured, *options) == by_one_process


def test_a_report_by_workers_is_the_same(cluster, exports, configured, tmp_path):
    files = []
    for name, options in (
        ("local", ("--no-cache",)),
        ("dask", ("--engine", "dask", "--scheduler", cluster.address)),
    ):
        command = ("report", "--month", "2026-09", "--source", f"export:{exports}")
        out = tmp_path / name
        done = run_csat(*command, "--out", str(out), *options, timeout=300, **configured)
        assert done.returncode == 0, done.stderr
        files.append({path.name: path.read_bytes() for path in out.glob("*.csv")})
    assert files[0] == files[1]
    assert len(files[0]["comments.csv"].splitlines()) > 10


@pytest.mark.parametrize(
    "moment",
    [pytest.param("while files are read", marks=pytest.mark.long), "while parts are counted"],
)
def test_a_worker_killed_in_the_middle_changes_nothing(
    moment, exports, by_one_process, tmp_path, monkeypatch
):
    monkeypatch.setattr(dask, "_BYTES_A_PART", 80_000)
    chosen = make_settings(
        secret_key=SECRET_KEY,
        survey_id=DEFAULT_SURVEY_ID,
        test_distinct_ids=frozenset(TESTERS),
    )
    rules = CountingRules.of(chosen, VOIDS[:3])
    with running_cluster(tmp_path) as cluster, Client(cluster.address) as watcher:
        victim = cluster.workers[0]

        def kill_when_files_are_read() -> None:
            while not any(watcher.run_on_scheduler(_tasks_in_memory)):
                time.sleep(0.01)
            victim.kill()

        def kill_when_parts_are_counted(_read: int) -> None:
            victim.kill()

        source = DaskSource(str(exports), rules, cluster.address)
        if moment == "while files are read":
            killer = threading.Thread(target=kill_when_files_are_read)
            killer.start()
            totals = source.count_months(ignore)
            killer.join()
        else:
            totals = source.count_months(kill_when_parts_are_counted)
        assert victim.wait(10) == -signal.SIGKILL
    assert format_counts(totals.counts, ".csv") == by_one_process


def _tasks_in_memory(dask_scheduler) -> list[str]:
    return [key for key, task in dask_scheduler.tasks.items() if task.state == "memory"]


@pytest.mark.long
def test_workers_that_are_all_out_of_memory_are_not_waited_for(exports, tmp_path, monkeypatch):
    monkeypatch.setattr(dask, "_CHECK_SECONDS", 0.5)
    chosen = make_settings(survey_id=DEFAULT_SURVEY_ID)
    with running_cluster(tmp_path, memory="100MB") as cluster:
        source = DaskSource(str(exports), CountingRules.of(chosen), cluster.address)
        with pytest.raises(SourceError, match="all workers are out of memory"):
            source.count_months(ignore)


@pytest.mark.parametrize("what", ["all months", "one month"])
def test_no_secret_is_sent_to_a_scheduler(what, exports, monkeypatch):
    secrets = [f"secret-{number}-{'x' * 20}" for number in range(6)]
    chosen = make_settings(
        **dict(zip(("secret_key", "posthog_personal_key", "metrics_token"), secrets, strict=False)),
        link_secret=secrets[3],
        posthog_key=secrets[4],
        database_url=f"postgresql://csat:{secrets[5]}@db/csat",
    )
    sent = []

    class Listener:
        def compute(self, tasks):
            sent.append(dumps([dict(task.dask) for task in tasks]))
            raise SourceError("heard enough")

    monkeypatch.setattr(dask, "_connected", lambda _: nullcontext(Listener()))
    source = DaskSource(str(exports), CountingRules.of(chosen))
    month = Month(2026, 9)
    with pytest.raises(SourceError, match="heard enough"):
        if what == "all months":
            source.count_months(ignore)
        else:
            source.count_month(month, month, ignore)
    assert chosen.rating_question_id.encode() in sent[0]
    assert not [secret for secret in secrets if secret.encode() in sent[0]]


def test_a_file_that_cannot_be_read_is_named(cluster, exports, configured, tmp_path):
    folder = tmp_path / "exports"
    shutil.copytree(exports, folder)
    spoilt = sorted(folder.iterdir())[60]
    spoilt.write_bytes(spoilt.read_bytes()[:-100])
    command = ("aggregate", "--source", f"export:{folder}", "--out", str(tmp_path / "out.csv"))
    options = ("--engine", "dask", "--scheduler", cluster.address)
    done = run_csat(*command, *options, timeout=300, **configured)
    assert done.returncode == 1
    assert done.stderr.startswith(f"csat: {spoilt} is not a whole Parquet file")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.csv").exists()


@settings(
    max_examples=examples(2),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(events=crowds, contract=contracts, ends=st.lists(st.integers(0, 30), max_size=3))
def test_parts_of_any_size_give_the_numbers_made_by_hand(
    cluster, events: list[Event], contract, ends
):
    with tempfile.TemporaryDirectory() as folder, patch.object(dask, "_BYTES_A_PART", 4_000):
        write_files(Path(folder), with_uuids(events), ends)
        source = DaskSource(folder, rules_of(contract), cluster.address)
        check_source(source, with_uuids(events), contract)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--scheduler", "tcp://127.0.0.1:1"), "only --engine dask has a scheduler"),
        (("--engine", "dask", "--source", "database"), "it counts export:PATH"),
        (("--engine", "dask", "--source", "posthog"), "it counts export:PATH"),
    ],
)
def test_what_makes_no_sense_together_is_bad_usage(options, reason, tmp_path):
    done = run_csat("aggregate", "--out", str(tmp_path / "out.csv"), *options)
    assert done.returncode == 2
    assert reason in done.stderr


def test_a_scheduler_that_does_not_answer_is_named(exports, tmp_path):
    command = ("aggregate", "--source", f"export:{exports}", "--out", str(tmp_path / "out.csv"))
    done = run_csat(*command, "--engine", "dask", "--scheduler", "tcp://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.startswith("csat: no Dask scheduler answers at tcp://127.0.0.1:1")
