"""A ticket with very many answers, as anybody can send them."""

from sqlalchemy import text

from survey.store.database import Database

_NUMBERS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {0})"
    " SELECT n FROM s",
    "postgresql": "SELECT n FROM generate_series(1, {0}) AS n",
}
# A second apart, from 10 o'clock of 14 October 2026 on.
_TIMES = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', 1791972000 + n, 'unixepoch')",
    "postgresql": "timestamptz '2026-10-14 10:00:00+00' + n * interval '1 second'",
}


def add_many(
    database: Database, how_many: int, ticket: str = "'42'", person: str = "'person-' || n"
) -> None:
    """Add answers past the front door; `ticket` and `person` are SQL, in which `n` counts."""
    kind = database.engine.dialect.name
    numbers, at = _NUMBERS[kind].format(how_many), _TIMES[kind]
    insert = (
        "INSERT INTO answers (uuid, source, ticket_id, distinct_id, rating, team, answered_at,"
        f" link_trust) SELECT 'many-' || {ticket} || '-' || n, 'site', {ticket}, {person}, 5,"
        f" 'surveys', {at}, 'unverified' FROM ({numbers}) AS numbers"
    )
    with database.writing() as connection:
        connection.execute(text(insert))


def analyse(database: Database) -> None:
    """What autovacuum does by itself, only later."""
    if not database.is_sqlite:
        engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
