"""Addresses are shown without what may be a secret, however they are written."""

import pytest

from survey.addresses import hide_secrets, show_address
from survey.counting_rules import CountingRules
from tests.support.command import run_csat

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://csat:hunter2@db:5432/csat", "postgresql://csat:***@db:5432/csat"),
        (
            "postgresql://db/csat?user=a&password=hunter2",
            "postgresql://db/csat?user=***&password=***",
        ),
        ("postgresql://csat:hunter2/csat", "postgresql://csat:***/csat"),
        ("postgresql://csat:p@hunter2@db/csat", "postgresql://csat:***@db/csat"),
        ("postgresql://csat:a/hunter2?b@db/csat", "postgresql://csat:***@db/csat"),
        ("jdbc:postgresql://db/csat;password=hunter2", "jdbc:postgresql://db/csat;password=***"),
        ("memory://user:hunter2@bucket/a", "memory://user:***@bucket/a"),
        ("memory:///user:hunter2@bucket/a", "memory:///user:***@bucket/a"),
        ("export:memory://user:hunter2@bucket", "export:memory://user:***@bucket"),
        ("simplecache::ftp://user:hunter2@host/a", "simplecache::ftp://user:***@host/a"),
        ("smtp://csat:hunter2@mail:587", "smtp://csat:***@mail:587"),
        ("postgresql://db:5432/csat?password=a@hunter2", "postgresql://***"),
        ("postgresql://db/csat?password=hunter2@b&user=c", "postgresql://***"),
        ("https://host/a?hunter2", "https://host/a?***"),
        ("tcp://[::1]:hunter2/a", "tcp://[::1]:***/a"),
        ("https://hunter2@host/a", "https://***@host/a"),
        ("https://host/a#token=hunter2", "https://host/a#token=***"),
        ("csat:hunter2@db/csat", "csat:***@db/csat"),
    ],
)
def test_what_may_be_a_secret_is_hidden(address, shown):
    assert show_address(address) == shown
    if "://" in address:
        assert SECRET not in hide_secrets(f"cannot open '{address}' (again)")


@pytest.mark.parametrize(
    "address",
    [
        *("sqlite:///var/csat.db", "sqlite:////data/a@b/csat.db", "var/events", "folder/a@b.jsonl"),
        *("https://us.i.posthog.com", "https://[::1]:8000/a", "tcp://10.0.0.5:8786"),
        *("s3://bucket/2026-0?/part-*.parquet", "postgresql+psycopg://db:5432/csat"),
    ],
)
def test_what_holds_no_secret_stays(address):
    assert show_address(address) == address


def test_a_secret_is_hidden_where_another_program_names_it_alone():
    said = hide_secrets("no host named a@hunter2", "ftp://user:a@hunter2@host/x")
    assert said == "no host named ***"
    for address in ("ftp://user:a%40hunter2@host/x", "ftp://host/x?key=a@hunter2"):
        assert SECRET not in hide_secrets("no password a@hunter2", address)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/csat?password=hunter2",
        "postgresql://csat:hunter2@db/csat",
        "postgresql://csat:hunter2/csat",
        "postgresql://csat:a@hunter2@db/csat",
        "postgresql:csat:hunter2@db/csat",
        "host=db password=hunter2",
    ],
)
@pytest.mark.parametrize("command", ["config check", "outbox"])
def test_no_command_prints_the_password_of_a_database(command, url):
    done = run_csat(*command.split(), CSAT_DATABASE_URL=url)
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_an_at_sign_in_a_password_is_refused_with_what_to_write():
    done = run_csat("config", "check", CSAT_DATABASE_URL="postgresql://csat:a@b@db/csat")
    assert done.returncode != 0
    assert "as %40" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("aggregate", "--out", "c.csv", "--source", "export:memory://user:hunter2@bucket"),
        ("aggregate", "--out", "c.csv", "--source", "export:memory://user:a@hunter2@bucket/*"),
        ("aggregate", "--out", "c.csv", "--source", "exprot:memory://user:hunter2@bucket"),
        ("aggregate", "--out", "c.csv", "--source", "export:nothing://user:hunter2@bucket"),
        ("aggregate", "--out", "c.csv", "export:memory://user:hunter2@bucket"),
        ("import", "export:memory://bucket?key=hunter2"),
        ("import", "export:memory://bucket", "memory://user:a('hunter2 @bucket"),
        ("import", "memory://user:hunter2@bucket"),
        ("report", "--month", "2026-10", "--out", "x", "--source", "export:memory://a:hunter2@b"),
        (
            *("aggregate", "--out", "c.csv", "--source", "export:.", "--engine", "dask"),
            *("--scheduler", "wrong://user:hunter2@127.0.0.1:1"),
        ),
    ],
)
def test_no_command_prints_the_password_of_a_source(arguments, tmp_path):
    (tmp_path / "a.jsonl").write_text("{}\n")
    done = run_csat(*arguments)
    assert done.returncode in (1, 2)
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_report_names_its_source_without_the_password():
    from pipeline.sources.export import ExportSource
    from tests.support.settings import make_settings

    for path in ("memory://user:hunter2@bucket", "memory://bucket/a?key=hunter2"):
        assert SECRET not in ExportSource(path, CountingRules.of(make_settings())).description
