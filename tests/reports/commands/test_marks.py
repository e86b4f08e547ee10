"""`csat marks`: a lead's releases and incidents, added, listed and removed."""

import pytest

from tests.conftest import on_sqlite
from tests.support.command import run_csat

pytestmark = [on_sqlite, pytest.mark.usefixtures("database")]


@pytest.fixture
def marks(settings):
    def marks(*arguments):
        return run_csat("marks", *arguments, CSAT_DATABASE_URL=settings.database_url)

    return marks


def test_a_mark_is_added_listed_and_removed(marks):
    assert marks("list").stdout == "no marks\n"
    assert marks("add", "2026-10-14", "Release 2.3").stdout == "mark 1: 2026-10-14  Release 2.3\n"
    # Words need no quotes.
    assert marks("add", "2026-10-05", "Outage", "in", "Europe").returncode == 0
    assert marks("list").stdout.splitlines() == [
        "2  2026-10-05  Outage in Europe  (the command line)",
        "1  2026-10-14  Release 2.3  (the command line)",
    ]
    assert marks("remove", "1").stdout == (
        "removed  1  2026-10-14  Release 2.3  (the command line)\n"
    )
    assert marks("list").stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("add", "yesterday", "Release"), 2, "'yesterday' is not a day"),
        (("add", "2026-10-14"), 2, "Missing argument 'WORDS'"),
        (("add", "2026-10-14", " "), 2, "the words are missing"),
        (("add", "2026-10-14", "x" * 81), 2, "81 characters are too many"),
        (("add", "2026-10-14", "\x1b[31mred"), 2, "U+001B cannot be printed"),
        (("remove", "7"), 1, "no mark has the id 7"),
        (("remove", "99999999999"), 2, "99999999999 is not in the range"),
        (("remove", "one"), 2, "'one' is not a valid integer"),
    ],
)
def test_what_is_refused_says_why_and_changes_nothing(marks, arguments, code, reason):
    done = marks(*arguments)
    assert done.returncode == code
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert marks("list").stdout == "no marks\n"


def test_without_a_database_it_says_how_to_make_one(tmp_path):
    url = f"sqlite:///{tmp_path}/none.db"
    done = run_csat("marks", "add", "2026-10-14", "Release", CSAT_DATABASE_URL=url)
    assert done.returncode == 1
    assert "there is no database" in done.stderr
