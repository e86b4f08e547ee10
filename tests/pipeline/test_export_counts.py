"""Counts from export files, however the events lie in them, are those made by hand."""

import itertools
import os
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch
from uuid import UUID, uuid5

import pandas as pd
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pipeline.counts import MonthCounts
from pipeline.schemas import RECEIVED
from pipeline.sources import incremental
from pipeline.sources.cache import PartialCache
from pipeline.sources.export import ExportSource
from survey.counting_rules import CountingRules
from survey.months import Month
from tests.pipeline.by_hand import Contract, Result, count_by_hand
from tests.pipeline.test_rules import LONDON, contracts, crowds, settings_for
from tests.support.events import NOON, Event, make_event, write_jsonl, write_parquet
from tests.support.examples import examples

SPACE = UUID("0192f1a4-6d2e-7c3b-9a58-c5a70000c5a7")
MONTHS = [Month(2026, 9), Month(2026, 10), Month(2026, 11)]


def with_uuids(events: list[Event]) -> list[Event]:
    """The same events under uuids as PostHog writes them."""
    return [{**each, "uuid": str(uuid5(SPACE, each["uuid"]))} for each in events]


def write_files(folder: Path, events: Sequence[Event], ends: Sequence[int]) -> None:
    """The events divided into files of all kinds."""
    bounds = [0, *sorted(end % (len(events) + 1) for end in ends), len(events)]
    for i, (begin, end) in enumerate(itertools.pairwise(bounds)):
        if i % 3 == 2:
            write_jsonl(folder / f"{i}.jsonl.gz", events[begin:end])
        else:
            write_parquet(folder / f"{i}.parquet.zst", events[begin:end])


def rules_of(contract: Contract) -> CountingRules:
    return CountingRules.of(settings_for(contract), contract.voids)


def ignore(_read: int) -> None:
    pass


def counted(frame: pd.DataFrame) -> Counter:
    return Counter({tuple(row[:3]): row[3] for row in frame.itertuples(index=False, name=None)})


def check_source(source: ExportSource, events: list[Event], contract: Contract) -> None:
    by_hand = count_by_hand(events, contract)
    totals = source.count_months(ignore)
    assert totals.received == len(events)
    assert counted(totals.counts) == by_hand.counts
    for month in MONTHS:
        found = source.count_month(month, MONTHS[0], ignore)
        assert counted(found.counts) == {
            k: n for k, n in by_hand.counts.items() if k[0] >= "2026-09"
        }
        check_month(found, events, by_hand, month, contract)


def check_month(
    found: MonthCounts, events: list[Event], by_hand: Result, month: Month, contract: Contract
) -> None:
    in_month = [
        outcome
        for each, outcome in zip(events, by_hand.outcomes, strict=True)
        if Month.of(each["timestamp"], contract.timezone) == month
    ]
    quality = dict(found.quality.itertuples(index=False, name=None))
    assert quality.pop(RECEIVED) == len(in_month)
    assert {k: n for k, n in quality.items() if n} == Counter(in_month)

    commented = [
        (ticket, team, rating, comment, at, trust, language or "")
        for ticket, (of, team, rating, comment, at, trust, language) in by_hand.responses.items()
        if comment is not None and of == str(month)
    ]
    rows = found.comments.itertuples(index=False, name=None)
    assert sorted(rows, key=lambda row: row[0]) == sorted(commented)
    of_team = Counter(row[1] for row in commented)
    counts = found.comment_counts[found.comment_counts["month"] == str(month)]
    assert dict(zip(counts["team"], counts["comments"], strict=True)) == of_team


@settings(max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    events=crowds.filter(bool),
    contract=contracts,
    order=st.randoms(use_true_random=False),
    ends=st.lists(st.integers(0, 30), max_size=3),
    are_odd=st.sampled_from([False, False, True]),
)
def test_files_of_any_kind_in_any_order_give_the_numbers_made_by_hand(
    events: list[Event],
    contract: Contract,
    order: random.Random,
    ends: list[int],
    are_odd: bool,
):
    events = events if are_odd else with_uuids(events)
    shuffled = order.sample(events, len(events))
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), shuffled, ends)
        source = ExportSource(folder, rules_of(contract))
        check_source(source, shuffled, contract)
        event("odd uuids" if are_odd else "uuids")


operations = st.lists(
    st.tuples(st.sampled_from(["write", "write", "remove", "break"]), st.integers(0, 4), crowds),
    min_size=2,
    max_size=5,
)


@settings(max_examples=examples(3), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=operations, contract=contracts)
@patch.object(incremental, "_MOST_NEW", 10)  # count the changes alone, however many there are
def test_what_was_kept_of_earlier_runs_never_changes_a_number(steps, contract):
    with tempfile.TemporaryDirectory() as exports, tempfile.TemporaryDirectory() as kept:
        files: dict[int, list[Event]] = {}
        source = ExportSource(exports, rules_of(contract), PartialCache(Path(kept)))
        for step, (what, which, events) in enumerate(steps):
            path = Path(exports, f"{which}.parquet")
            if what == "write":
                files[which] = with_uuids(events)
                write_parquet(path, files[which])
                # Only what has stood unchanged for a while is kept.
                os.utime(path, (step, step))
            elif what == "remove":
                files.pop(which, None)
                path.unlink(missing_ok=True)
            else:
                spoil(Path(kept), which)
            if files:
                everything = [each for name in sorted(files) for each in files[name]]
                by_hand = count_by_hand(everything, contract)
                totals = source.count_months(ignore)
                assert totals.received == len(everything)
                assert counted(totals.counts) == by_hand.counts


def spoil(folder: Path, which: int) -> None:
    """Change a byte of a kept file, or cut it."""
    for path in sorted(folder.iterdir())[which : which + 1]:
        content = bytearray(path.read_bytes())
        content[len(content) * which // 5] ^= 0x40
        path.write_bytes(content if which else content[: len(content) // 2])


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_of_copies_that_differ_in_their_comment_alone_the_greatest_is_shown(tmp_path, kind):
    uuid = str(SPACE)
    copies = [make_event(uuid, **{"$survey_response_1": text}) for text in ("a", "c", "b")]
    write = write_parquet if kind == "parquet" else write_jsonl
    for i, each in enumerate(copies):
        write(tmp_path / f"{i}.{kind}", [each])
    contract = Contract(LONDON)
    source = ExportSource(str(tmp_path), rules_of(contract))
    found = source.count_month(Month(2026, 10), Month(2026, 10), ignore)
    assert list(found.comments["comment"]) == ["c"]


def test_uuids_that_differ_in_their_last_digit_are_no_copies(tmp_path):
    uuids = [f"{'0' * 8}-0000-0000-0000-{i:012x}" for i in range(200)]
    events = [make_event(uuid, ticketId=i, at=NOON) for i, uuid in enumerate(uuids)]
    write_parquet(tmp_path / "x.parquet", events)
    source = ExportSource(str(tmp_path), rules_of(Contract(LONDON)))
    assert source.count_months(ignore).counts["responses"].sum() == 200
