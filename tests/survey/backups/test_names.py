"""Backups in a folder are named by their time, and only what is named so is ever removed."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from survey.backups.names import find_surplus, name_backup

AT = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)


def test_the_name_says_when_in_utc():
    assert name_backup(AT) == "csat-20261014T093000Z.db"
    assert name_backup(AT.astimezone(timezone(timedelta(hours=5)))) == name_backup(AT)


@given(st.sets(st.integers(0, 10**6), max_size=8), st.integers(1, 5))
def test_the_newest_are_kept(seconds, keep):
    names = [name_backup(AT + timedelta(seconds=each)) for each in sorted(seconds)]
    assert find_surplus(reversed(names), keep) == names[: max(len(names) - keep, 0)]


def test_what_has_another_name_is_nobodys_backup():
    others = ["csat.db", "csat-20261014.db", "csat-20261014T093000Z.db.old", "notes.txt"]
    assert find_surplus(others, 1) == []
