"""`csat` as a whole: quick to help, clear when refusing."""

import subprocess
import sys

import pytest

import csat
from tests.support.command import ROOT, environment, run_csat

HEAVY = ("pandas", "flask", "sqlalchemy", "pydantic", "posthog", "altair")


def test_help_imports_nothing_heavy():
    program = (
        "import sys, csat\n"
        "try: csat.main()\n"
        "except SystemExit: pass\n"
        f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip() == "[]"
    for name in csat.COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize("name", csat.COMMANDS)
def test_every_command_explains_itself(name):
    done = run_csat(name, "--help")
    assert done.returncode == 0
    assert "Usage: csat" in done.stdout


def test_a_site_process_does_not_carry_pandas():
    program = "import sys, wsgi; print([m for m in ('pandas', 'reports') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "--month", "2026-13", "--out", "x"),
        ("report", "--month", "October", "--out", "x"),
        ("report", "--month", "0002-01", "--out", "x"),
        ("report", "--out", "x"),
        ("aggregate", "--source", "nowhere", "--out", "counts.csv"),
        ("aggregate", "--source", "export:", "--out", "counts.csv"),
        ("aggregate", "--out", "counts.pdf"),
        ("link", "--ticket-id", "1", "--rating", "6"),
        ("link",),
        ("serve", "--port", "70000"),
        ("nothing",),
    ],
)
def test_bad_usage_exits_2_and_says_what_is_wrong(arguments):
    done = run_csat(*arguments)
    assert done.returncode == 2
    assert "Error:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "setting", "value"),
    [
        ("serve", "CSAT_SECRET_KEY", ""),
        ("serve", "CSAT_TIMEZONE", "Mars/Phobos"),
        ("serve", "CSAT_EDIT_WINDOW", "a week"),
        ("serve", "CSAT_EDIT_WINDOW", "999999d"),
        ("serve", "CSAT_DATABASE_URL", "oracle://x"),
        ("serve", "CSAT_DATABASE_URL", "sqlite:///x.db?timeout=abc"),
        ("config check", "CSAT_BASE_URL", "https://example.com/?a=b"),
        ("config check", "CSAT_BASE_URL", "https://example.com:99999"),
        ("deliver", "CSAT_POSTHOG_KEY", ""),
        ("deliver", "CSAT_POSTHOG_HOST", "eu.posthog.com"),
        ("config check", "CSAT_TICKET_URL", "https://example.com/tickets"),
        ("config check", "CSAT_TEAMS", "web analytics, Web Analytics"),
        ("config check", "CSAT_REQUIRE_SIGNED_LINKS", "perhaps"),
    ],
)
def test_a_wrong_setting_stops_the_command_and_names_itself(command, setting, value):
    done = run_csat(*command.split(), **{"CSAT_POSTHOG_KEY": "phc_x", setting: value})
    assert done.returncode == 1
    assert setting in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_with_a_password_is_refused_without_repeating_it():
    done = run_csat("config", "check", CSAT_POSTHOG_HOST="https://user:passw0rd@example.com")
    assert done.returncode == 1
    assert "CSAT_POSTHOG_HOST" in done.stderr
    assert "passw0rd" not in done.stdout + done.stderr


def test_durations_are_shown_as_they_are_written():
    done = run_csat("config", "check", CSAT_EDIT_WINDOW="36h")
    assert "CSAT_EDIT_WINDOW" in done.stdout
    assert " 36h\n" in done.stdout


def test_config_check_shows_no_secret_and_no_person():
    done = run_csat(
        "config",
        "check",
        CSAT_SECRET_KEY="topsecret-1-of-a-good-length",
        CSAT_LINK_SECRET="topsecret-2",
        CSAT_POSTHOG_KEY="topsecret-3",
        CSAT_TEST_DISTINCT_IDS="jane@example.com",
        CSAT_POSTHOG_KYE="x",
    )
    assert done.returncode == 0
    assert "topsecret" not in done.stdout + done.stderr
    assert "jane@example.com" not in done.stdout
    assert "CSAT_POSTHOG_KYE is not a setting" in done.stdout
    assert "Did you mean CSAT_POSTHOG_KEY?" in done.stdout


@pytest.mark.parametrize(
    "command", ["outbox", "aggregate --out c.csv", "responses show --ticket 1"]
)
def test_reading_commands_do_not_make_a_database(command, tmp_path):
    path = tmp_path / "none.db"
    done = run_csat(*command.split(), CSAT_DATABASE_URL=f"sqlite:///{path}")
    assert done.returncode == 1
    assert "there is no database" in done.stderr
    assert not path.exists()
