"""The schema on its way from release to release, with what the tables hold."""

import threading
from datetime import timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from survey.months import Month
from survey.store import migrate, outbox
from survey.store.errors import RefusedData, StoreError
from survey.store.ledger import Head, append_entries, read_rows, read_settled
from survey.store.migrate import upgrade
from survey.store.models import Base, OutboxRow
from survey.store.schema import REVISION, require_supported_schema, schema_is_supported
from tests.support.clock import Clock
from tests.support.ledger_entries import a_rate

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
    assert (dead.reason, dead.error_message) == ("PostHog answered 400", "no: really")
    assert [claimed.id for claimed in claims] == [1, 2]


def test_the_outbox_of_the_second_schema_is_kept(empty_database):
    upgrade_to(empty_database, "0002")
    at = NOW.replace(tzinfo=None) if empty_database.is_sqlite else NOW
    insert = text(
        "INSERT INTO outbox (answer_uuid, ticket_id, payload, created_at, available_at,"
        " last_reason, last_words, delivered_at, dead_at)"
        " VALUES (:uuid, 'T', :payload, :at, :at, :reason, :words, :delivered_at, :dead_at)"
    )
    states = {
        "waiting": (None, None, None, None),
        "edit": ("PostHog answered 503", "come back", None, None),
        "delivered": (None, None, at, None),
        "dead": ("PostHog answered 400", "no", None, at),
    }
    with empty_database.writing() as connection:
        for uuid, (reason, words, delivered_at, dead_at) in states.items():
            connection.execute(AN_ANSWER, {"uuid": uuid, "at": at})
            values = {"reason": reason, "words": words, "delivered_at": delivered_at}
            values |= {"uuid": uuid, "payload": uuid, "at": at, "dead_at": dead_at}
            connection.execute(insert, values)
    upgrade(empty_database)
    with empty_database.writing() as connection:
        kept = connection.execute(select(OutboxRow).order_by(OutboxRow.id)).all()
        claims = outbox.claim(connection, NOW, timedelta(seconds=20), 100, 10**6)
        outbox.dead_letter(connection, [1], NOW, "PostHog answered 400", "")
    assert [(row.id, row.answer_uuid, row.payload) for row in kept] == [
        (number, uuid, uuid) for number, uuid in enumerate(states, start=1)
    ]
    assert [(r.last_reason, r.error_message, r.delivered_at, r.dead_at) for r in kept] == [
        (reason, words, delivered_at and NOW, dead_at and NOW)
        for reason, words, delivered_at, dead_at in states.values()
    ]
    assert [row.page_view_uuid for row in kept] == [None] * 4
    assert [claimed.payload for claimed in claims] == ["waiting"]  # the edit follows it


def test_a_store_of_the_ninth_schema_gets_an_empty_ledger(empty_database):
    upgrade_to(empty_database, "0009")
    at = NOW.replace(tzinfo=None) if empty_database.is_sqlite else NOW
    with empty_database.writing() as connection:
        connection.execute(AN_ANSWER, {"uuid": "kept", "at": at})
    upgrade(empty_database)
    with empty_database.writing() as connection:
        assert connection.scalars(text("SELECT uuid FROM answers")).all() == ["kept"]
        assert (read_rows(connection), read_settled(connection)) == ([], {})
        new = [(a_rate(Month(2026, 10), "0.50"), None)]
        assert append_entries(empty_database, connection, new, Head())
    with pytest.raises(StoreError, match="only added to"), empty_database.writing() as connection:
        connection.execute(text("DELETE FROM ledger_entries"))


def test_an_upgraded_database_has_the_tables_indexes_and_rules_of_the_models(empty_database):
    upgrade(empty_database)
    with empty_database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []
        found = inspect(connection).get_indexes("outbox")
        partial = {
            index["name"]
            for index in found
            if any(option.endswith("_where") for option in index["dialect_options"])
        }
        rules = {rule["name"] for rule in inspect(connection).get_check_constraints("outbox")}
    assert partial == {index.name for index in OutboxRow.__table__.indexes}
    assert rules == {"ck_outbox_one_origin"}


@pytest.mark.parametrize("origins", ["NULL, NULL", "(SELECT uuid FROM answers), 'v'"])
def test_an_event_comes_from_an_answer_or_from_a_page_view(database, fill, origins):
    fill(1)
    insert = text(
        "INSERT INTO outbox (answer_uuid, page_view_uuid, ticket_id, payload, created_at,"
        f" available_at) VALUES ({origins}, '1', '{{}}', '2026-10-01', '2026-10-01')"
    )
    with pytest.raises(RefusedData, match="one_origin"), database.writing() as connection:
        connection.execute(text("DELETE FROM outbox"))
        connection.execute(insert)


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
    assert schema_is_supported(empty_database)


def test_the_release_names_the_newest_schema():
    assert ScriptDirectory(str(migrate._MIGRATIONS)).get_current_head() == REVISION


def test_a_database_without_tables_is_not_current(empty_database):
    if empty_database.is_sqlite:
        upgrade_to(empty_database, "0001")
    assert not schema_is_supported(empty_database)
    with pytest.raises(StoreError, match="run `csat db upgrade` first"):
        require_supported_schema(empty_database)
