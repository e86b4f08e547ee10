"""Commands work on the schema of their release, and on no other."""

import sqlite3

import pytest

import csat
from tests.conftest import on_sqlite
from tests.support.command import run_csat
from tests.support.events import make_event, write_jsonl

# They need no store, or bring it up to date themselves.
WITHOUT = {"demo", "serve", "import", "link", "mail", "zendesk", "db", "config"}
# They take a store of any schema: a backup is written before an upgrade.
WITHOUT |= {"backup", "restore"}
MONTH = ("--month", "2026-10")
TICKET = ("--ticket", "42")
COMMANDS = [
    ("deliver", "--once"),
    ("outbox",),
    ("outbox", "retry"),
    ("doctor",),
    ("tick",),
    ("reconcile", *MONTH),
    ("posthog", "check"),
    ("aggregate", "--out", "counts.csv"),
    ("aggregate", "--out", "counts.csv", "--source", "export:x.jsonl"),
    ("report", *MONTH, "--out", "out"),
    ("donations", "rate", "--from", "2026-10", "--amount", "0.50", "--currency", "GBP"),
    ("donations", "close", *MONTH),
    ("donations", "pay", *MONTH, "--reference", "x", "--date", "2026-11-03"),
    ("donations", "correct", *MONTH, "--reason", "x"),
    ("donations", "export", "--out", "out.csv"),
    ("donations", "verify"),
    ("marks", "add", "2026-10-14", "Release 2.3"),
    ("marks", "list"),
    ("marks", "remove", "1"),
    ("users", "list"),
    ("users", "disable", "lea"),
    ("targets", *MONTH, "--out", "targets.csv"),
    ("invite", "--dry-run"),
    ("responses", "show", *TICKET),
    ("responses", "void", *TICKET, "--reason", "x"),
    ("responses", "unvoid", *TICKET, "--reason", "x"),
    ("responses", "redact", *TICKET),
    ("erase", "--distinct-id", "jane", "--confirmed-by", "Ada"),
    ("export-person", "--distinct-id", "jane"),
    ("retention",),
]
SETTINGS = {
    "CSAT_POSTHOG_KEY": "phc_x",
    "CSAT_POSTHOG_HOST": "http://127.0.0.1:9",
    "CSAT_POSTHOG_PROJECT_ID": "1",
    "CSAT_POSTHOG_PERSONAL_KEY": "phx_x",
    "CSAT_INVITE": "smtp",
    "CSAT_SMTP_URL": "smtp://127.0.0.1:9",
    "CSAT_MAIL_FROM": "csat@example.com",
}


def test_every_command_that_opens_the_store_is_tried_here():
    assert {command[0] for command in COMMANDS} | WITHOUT == set(csat.COMMANDS)


@on_sqlite
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_another_schema_is_refused_with_what_to_do(
    database, settings, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "x.jsonl", [make_event()])
    before = {path.name for path in tmp_path.iterdir()}
    for schema, hint in {
        "0005": "run `csat db upgrade` first",
        "9999": "schema 9999, this release knows up to",
    }.items():
        with sqlite3.connect(database.path) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (schema,))
            connection.execute("UPDATE schema_support SET oldest = ?", (schema,))
        done = run_csat(*command, CSAT_DATABASE_URL=settings.database_url, **SETTINGS)
        # `csat doctor` prints what it finds, failures too.
        told = done.stdout if command == ("doctor",) else done.stderr
        assert (done.returncode, hint in told) == (1, True), done.stderr
        assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} - before <= {"csat.db-wal", "csat.db-shm"}


@on_sqlite
@pytest.mark.parametrize("command", [("db", "upgrade"), ("import", "export:x.jsonl"), ("serve",)])
def test_what_upgrades_leaves_a_newer_schema_alone(
    database, settings, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "x.jsonl", [make_event()])
    with sqlite3.connect(database.path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("UPDATE schema_support SET oldest = '9999'")
    secret = "a secret of thirty-two characters"
    done = run_csat(*command, CSAT_DATABASE_URL=settings.database_url, CSAT_SECRET_KEY=secret)
    assert done.returncode == 1
    assert "schema 9999, this release knows up to" in done.stderr
