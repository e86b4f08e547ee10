"""A store with as many responses as one likes, made by the database itself."""

from datetime import datetime

from sqlalchemy import Connection, text

from survey.store.database import Database

# The last of ten years is the month that is reported on.
BEGAN = "2016-11-01 00:00:00"
SECONDS = 10 * 365 * 86_400
MONTH = "2026-10"

# What differs between the two: how to count, and how to write a text and an instant.
_DIALECTS = {
    "sqlite": {
        "series": "(WITH RECURSIVE counted(n) AS "
        "(SELECT :first UNION ALL SELECT n + 1 FROM counted WHERE n < :last)"
        " SELECT n FROM counted)",
        "at": "strftime('%Y-%m-%d %H:%M:%S', '{began}', "
        "'+' || (n * {seconds} / :size + {later}) || ' seconds') || printf('.%06d', n % 1000000)",
        "uuid": "printf('{kind}0000000-0000-5000-8000-%012d', n)",
    },
    "postgresql": {
        "series": "(SELECT generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n)"
        " AS counted",
        "at": "TIMESTAMPTZ '{began}+00' + (n * {seconds} / :size + {later}) * INTERVAL '1 second'"
        " + n % 1000000 * INTERVAL '1 microsecond'",
        "uuid": "'{kind}0000000-0000-5000-8000-' || lpad(CAST(n AS text), 12, '0')",
    },
}
_TEAM = """CASE n * 7 % 10 WHEN 0 THEN 'product_analytics' WHEN 1 THEN 'web_analytics'
    WHEN 2 THEN 'session_replay' WHEN 3 THEN 'feature_flags' WHEN 4 THEN 'experiments'
    WHEN 5 THEN 'surveys' WHEN 6 THEN 'data_warehouse' WHEN 7 THEN 'batch_exports'
    WHEN 8 THEN 'sales_cs' ELSE 'unassigned' END"""
_RATING = "CASE WHEN n % 13 < 6 THEN 5 WHEN n % 13 < 10 THEN 4 ELSE n % 13 - 9 END"
_COMMENT = """CASE WHEN n % 7 = 0
    THEN 'Thank you, that was quick. The export works again since number ' || n END"""

# Each number once: an odd factor leaves no two numbers below a power of two alike.
_SHUFFLED = "n - n % 32768 + n * 7919 % 32768"

_AT_ONCE = 1_000_000
HOUR, EIGHT_DAYS = 3600, 8 * 86_400
IS_CHANGED = "n % 20 = 0"


def fill(database: Database, responses: int) -> None:
    """Responses spread evenly over ten years: one of 20 was changed within the hour, one of 100
    tickets has a stranger's answer, one of 200 a change that came too late."""
    with database.writing() as connection:
        _add_answers(connection, responses, kind=1)
        _add_answers(connection, responses, kind=2, where=IS_CHANGED, later=HOUR)
        _add_answers(connection, responses, kind=3, where="n % 100 = 1", person="'stranger'")
        _add_answers(connection, responses, kind=4, where="n % 200 = 3", later=EIGHT_DAYS)
        _add_responses(connection, responses)


def fill_responses(database: Database, responses: int, began: datetime, ends: datetime) -> None:
    """Responses without their answers, spread evenly from one instant to another. The tickets of
    some hours are answered in any order."""
    seconds = int((ends - began).total_seconds())
    words = _DIALECTS[database.engine.dialect.name]
    at = words["at"].format(began=f"{began:%Y-%m-%d %H:%M:%S}", seconds=seconds, later=0)
    # The log of SQLite is as large as the largest transaction.
    for first in range(1, responses + 1, _AT_ONCE):
        numbers = {"first": first, "last": min(first + _AT_ONCE - 1, responses), "size": responses}
        with database.writing() as connection:
            _insert_responses(connection, numbers, _SHUFFLED, at, at)


def _add_answers(
    connection: Connection,
    responses: int,
    *,
    kind: int,
    where: str = "n > 0",
    person: str = "'customer-' || (n % 1000000)",
    later: int = 0,
) -> None:
    words = _DIALECTS[connection.dialect.name]
    connection.execute(
        text(
            "INSERT INTO answers (uuid, source, ticket_id, distinct_id, rating, comment, team,"
            " answered_at, link_trust, language, rating_question)"
            f" SELECT {words['uuid'].format(kind=kind)}, 'site', CAST(n AS text), {person},"
            f" {_RATING}, {_COMMENT}, {_TEAM}, {_at(words, later)}, 'unverified', 'en',"
            f" 'How satisfied are you?' FROM {words['series']} WHERE {where}"
        ),
        _all(responses),
    )


def _add_responses(connection: Connection, responses: int) -> None:
    words = _DIALECTS[connection.dialect.name]
    changed_at = f"CASE WHEN {IS_CHANGED} THEN {_at(words, HOUR)} ELSE {_at(words)} END"
    _insert_responses(connection, _all(responses), "n", _at(words), changed_at)


def _insert_responses(
    connection: Connection, numbers: dict[str, int], ticket: str, answered_at: str, changed_at: str
) -> None:
    words = _DIALECTS[connection.dialect.name]
    connection.execute(
        text(
            "INSERT INTO responses (ticket_id, distinct_id, team, rating, comment, link_trust,"
            " answered_at, changed_at, submission_id)"
            f" SELECT CAST({ticket} AS text), 'customer-' || (n % 1000000), {_TEAM}, {_RATING},"
            f" {_COMMENT}, 'unverified', {answered_at}, {changed_at},"
            f" {words['uuid'].format(kind=0)}"
            f" FROM {words['series']}"
        ),
        numbers,
    )


def _all(responses: int) -> dict[str, int]:
    return {"first": 1, "last": responses, "size": responses}


def _at(words: dict[str, str], later: int = 0) -> str:
    return words["at"].format(began=BEGAN, seconds=SECONDS, later=later)
