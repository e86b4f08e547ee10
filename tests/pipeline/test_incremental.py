"""One month more costs a month: what was counted before is not decided again."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from pipeline import aggregate
from pipeline.counts import Totals
from pipeline.sources.cache import PartialCache
from pipeline.sources.export import ExportSource
from survey.counting_rules import CountingRules
from tests.pipeline.test_export_files import RULES, answers, ignore
from tests.support.events import write_parquet


@pytest.fixture
def exports(tmp_path) -> Path:
    """Ten files of ten tickets each, unchanged for long."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for i in range(10):
        add_file(folder, i, *range(10 * i, 10 * i + 10))
    return folder


def add_file(folder: Path, number: int, *tickets: int) -> None:
    os.utime(write_parquet(folder / f"{number:02}.parquet", answers(*tickets)), (number, number))


def count(exports: Path, rules: CountingRules = RULES) -> tuple[Totals, list[int]]:
    """The totals, and how many answers were decided to find them, each time that any were."""
    cache = PartialCache(exports.parent / "cache")
    source = ExportSource(str(exports), rules, cache)
    with patch.object(aggregate, "decide", wraps=aggregate.decide) as decide:
        totals = source.count_months(ignore)
    return totals, [len(call.args[0]) for call in decide.call_args_list]


def responses(totals: Totals) -> int:
    return int(totals.counts["responses"].sum())


def test_the_first_time_everything_is_decided(exports):
    totals, decided = count(exports)
    assert (responses(totals), decided) == (100, [100])


def test_when_nothing_is_new_nothing_is_decided(exports):
    count(exports)
    totals, decided = count(exports)
    assert (responses(totals), totals.received, decided) == (100, 100, [0, 0])


def test_of_a_new_file_only_its_tickets_are_decided_again(exports):
    count(exports)
    add_file(exports, 10, 3, 44, 500)
    totals, decided = count(exports)
    assert (responses(totals), totals.received) == (101, 103)
    assert decided == [2, 5]


def test_the_same_files_a_third_time_need_no_more_than_the_second(exports):
    count(exports)
    add_file(exports, 10, 3, 44, 500)
    count(exports)
    add_file(exports, 11, 500, 501)
    totals, decided = count(exports)
    assert (responses(totals), totals.received) == (102, 105)
    assert decided == [2, 7]


def test_much_that_is_new_is_counted_with_everything(exports):
    count(exports)
    add_file(exports, 10, *range(500, 530))
    totals, decided = count(exports)
    assert (responses(totals), decided) == (130, [130])


def test_a_file_that_is_gone_is_not_counted(exports):
    count(exports)
    (exports / "04.parquet").unlink()
    totals, decided = count(exports)
    assert (responses(totals), decided) == (90, [90])


def test_where_a_part_is_lost_everything_is_decided(exports):
    count(exports)
    add_file(exports, 10, 3)
    for part in (exports.parent / "cache").iterdir():
        if not part.name.startswith("counted"):
            part.unlink()
    totals, decided = count(exports)
    assert (responses(totals), decided) == (100, [101])


@pytest.mark.parametrize(
    "changed",
    [
        replace(RULES, void_tickets=frozenset({"3"})),
        replace(RULES, test_distinct_ids=frozenset({"somebody"})),
        replace(RULES, edit_window=RULES.edit_window * 2),
        replace(RULES, unverified_excluded_from=datetime(2026, 10, 1, tzinfo=UTC)),
        replace(RULES, secrets=("another secret",)),
    ],
)
def test_other_rules_decide_everything(exports, changed):
    count(exports)
    _, decided = count(exports, changed)
    assert decided == [100]


def test_months_of_another_time_zone_are_counted_anew(exports):
    count(exports)
    _, decided = count(exports, replace(RULES, timezone=ZoneInfo("Pacific/Auckland")))
    assert decided == [100]
