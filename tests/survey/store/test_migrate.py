"""The schema on its way from release to release, with what the tables hold."""

import threading
from datetime import timedelta

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from survey.store import migrate, outbox
from survey.store.migrate import schema_is_current, upgrade
from tests.support.clock import Clock

NOW = Clock()()
AN_ANSWER = text(
    "INSERT INTO answers (uuid, source, ticket_id, distinct_id, rating, team, answered_at,"
    " link_trust) VALUES (:uuid, 'site', :uuid, 'jane', 5, 'surveys', :at, 'unverified')"
)
AN_EVENT = text(
    "INSERT INTO outbox (answer_uuid, ticket_id, payload, created_at, available_at, attempts,"
    " last_error, delivered_at, dead_at)"
    " VALUES (:uuid, :uuid, '{}', :at, :at, 3, :error, :delivered_at, :dead_at)"
)


def upgrade_to(database, revision):
    config = Config()
    config.set_main_option("script_location", str(migrate._MIGRATIONS))
    with database.upgrading() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_the_outbox_of_the_first_schema_is_kept(empty_database):
    upgrade_to(empty_database, "0001")
    at = NOW.replace(tzinfo=None) if empty_database.is_sqlite else NOW
    states = {
        "waiting": (None, None, None),
        "tried": ("PostHog answered 503: come back", None, None),
        "delivered": (None, at, None),
        "dead": ("PostHog answered 400: no: really", None, at),
    }
    with empty_database.writing() as connection:
        for uuid, (error, delivered_at, dead_at) in states.items():
            connection.execute(AN_ANSWER, {"uuid": uuid, "at": at})
            times = {"at": at, "delivered_at": delivered_at, "dead_at": dead_at}
            connection.execute(AN_EVENT, {"uuid": uuid, "error": error, **times})
    upgrade(empty_database)
    with empty_database.writing() as connection:
        summary = outbox.summarise(connection, NOW)
        claims = outbox.claim(connection, NOW, timedelta(seconds=20), 100, 10**6)
    assert (summary.waiting, summary.delivered, summary.dead_total) == (2, 1, 1)
    assert summary.last_reason == "PostHog answered 503"
    (dead,) = summary.dead
    assert (dead.reason, dead.words) == ("PostHog answered 400", "no: really")
    assert [claimed.id for claimed in claims] == [1, 2]


def test_several_upgrades_at_once_wait_for_each_other(empty_database):
    errors = []

    def run():
        try:
            upgrade(empty_database)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert schema_is_current(empty_database)


def test_a_database_without_tables_is_not_current(empty_database):
    if empty_database.is_sqlite:
        upgrade_to(empty_database, "0001")
    assert not schema_is_current(empty_database)
    with pytest.raises(migrate.StoreError, match="run `csat db upgrade` first"):
        migrate.require_current_schema(empty_database)
