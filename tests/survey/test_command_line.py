"""Whatever a command is given, or prints to, it ends with words and an exit code."""

import csv
import errno
import io
import os
import threading

import pytest

from pipeline.output_files import OutputError, write_file
from tests.support.command import run_csat, run_csat_alone

NOT_UTF_8 = os.fsdecode(b"\xff")


@pytest.mark.parametrize(
    "arguments",
    [
        ("responses", "void", "--ticket", NOT_UTF_8, "--reason", "x"),
        ("responses", "void", "--ticket", "1", "--reason", NOT_UTF_8),
        ("link", "--ticket-id", NOT_UTF_8),
        ("aggregate", "--out", f"{NOT_UTF_8}.csv"),
        ("import", f"export:{NOT_UTF_8}"),
        (NOT_UTF_8,),
    ],
)
def test_an_argument_that_is_no_text_is_bad_usage(arguments):
    done = run_csat(*arguments)
    assert done.returncode == 2
    assert f"argument {arguments.index(next(a for a in arguments if NOT_UTF_8 in a)) + 1}" in (
        done.stderr
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["config check", "outbox", "link --ticket-id 1"])
def test_a_setting_that_is_no_text_names_itself(command):
    done = run_csat(*command.split(), CSAT_SURVEY_NAME=NOT_UTF_8)
    assert done.returncode == 1
    assert done.stderr == "csat: CSAT_SURVEY_NAME: it is not text in UTF-8\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("outbox", "retry", "99999999999999999999999"),
        ("outbox", "retry", "9" * 5000),
        ("outbox", "retry", "0"),
        ("report", "--month", "99999999999999999999999-01", "--out", "x"),
        ("link", "--ticket-id", "1", "--rating", "99999999999999999999999"),
        ("serve", "--port", "99999999999999999999999"),
        ("serve", "--workers", "99999999999999999999999"),
    ],
)
def test_a_number_that_is_too_large_is_bad_usage(arguments):
    done = run_csat(*arguments)
    assert done.returncode == 2
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_ticket_number_of_any_length_is_a_ticket():
    assert run_csat("link", "--ticket-id", "9" * 100).returncode == 0


@pytest.mark.parametrize("command", ["mail preview --out x", "config check", "demo", "serve"])
@pytest.mark.parametrize(
    ("teams", "reason"), [(" , ", "it names no team"), ("A; B", "write a comma between teams")]
)
def test_a_team_list_that_is_none_is_refused(command, teams, reason):
    done = run_csat(*command.split(), CSAT_TEAMS=teams)
    assert done.returncode == 1
    assert f"CSAT_TEAMS: {reason}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    ["--help", "--version", "link --help", "config check", "link --ticket-id 1", "mail preview"],
)
def test_output_that_finds_no_room_is_a_failure_that_says_so(command):
    given = ["--out", "mails"] if command == "mail preview" else []
    done = run_csat(*command.split(), *given, stdout="/dev/full")
    assert done.returncode == 1
    assert done.stderr == "csat: the output cannot be written: No space left on device\n"


def test_a_file_that_finds_no_room_is_named(tmp_path):
    (tmp_path / "solved.csv").write_text("ticketId\n1\n")
    done = run_csat("link", "--csv", "solved.csv", "--out", "/dev/full")
    assert done.returncode == 1
    assert done.stderr == "csat: /dev/full cannot be written: No space left on device\n"


def test_a_reader_that_has_had_enough_is_told_nothing(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    threading.Timer(0.1, os.close, [reading]).start()
    (tmp_path / "solved.csv").write_text("ticketId\n" + "1\n" * 5_000)
    done = run_csat("link", "--csv", "solved.csv", stdout=str(pipe))
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_counts_that_find_no_room_leave_what_was_there(tmp_path, monkeypatch, suffix):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.output_files.os.fsync", full)
    path = tmp_path / f"counts{suffix}"
    path.write_bytes(b"earlier")
    with pytest.raises(OutputError, match="cannot be written: No space left"):
        write_file(path, b"new")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"earlier"]


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
class TestOutputThatLacksLetters:
    def test_names_are_written_all_the_same(self, encoding):
        settings = {"CSAT_SECRET_KEY": "x" * 16, "CSAT_NAME": "日本"}
        done = run_csat("config", "check", PYTHONIOENCODING=encoding, **settings)
        assert (done.returncode, done.stderr) == (0, "")
        # Where only ASCII is left, click writes UTF-8.
        assert (r"\u65e5\u672c" if encoding == "latin-1" else "日本") in done.stdout

    def test_a_file_of_links_is_utf_8_all_the_same(self, encoding, tmp_path):
        (tmp_path / "solved.csv").write_text("ticketId,agent\n1,日本\n", encoding="utf-8")
        done = run_csat("link", "--csv", "solved.csv", PYTHONIOENCODING=encoding)
        (row,) = csv.DictReader(io.StringIO(done.stdout))
        assert (done.returncode, row["agent"]) == (0, "日本")

    def test_what_is_to_be_pasted_is_not_printed_escaped(self, encoding):
        done = run_csat("zendesk", "template", "--language", "ja", PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stdout) == (1, "")
        assert "set PYTHONIOENCODING=utf-8" in done.stderr


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ftp://127.0.0.1:1/events", "Connection refused"),
        ("ftp://user:hunter2@127.0.0.1:1/events", "Connection refused"),
        ("ftp://host.invalid/events", "cannot be read"),
        ("sftp://127.0.0.1:1/events", "paramiko"),
        ("nothing://there", "Protocol not known"),
        ("http://127.0.0.1:1/events.jsonl", "cannot be read"),
        ("s3://[::1", "cannot be read"),
    ],
)
def test_an_address_that_cannot_be_reached_is_named(address, reason):
    done = run_csat("aggregate", "--out", "c.csv", "--source", f"export:{address}")
    assert done.returncode == 1
    assert reason in done.stderr
    assert done.stderr.startswith("csat: ")
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_only_s3_is_said_to_come_with_the_package_for_s3():
    from pipeline.sources import export_files

    missing = ImportError("HTTPFileSystem requires aiohttp to be installed")
    assert "csat[s3]" in export_files._explain_missing_package("s3://bucket/a", missing)
    for address in ("https://host/s3", "gs://bucket/s3"):
        said = export_files._explain_missing_package(address, missing)
        assert "csat[s3]" not in said
        assert "requires aiohttp" in said


@pytest.mark.parametrize(
    "settings",
    [
        {"LC_ALL": "C"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_a_shell_without_utf_8_gets_words(settings):
    given = {"CSAT_SECRET_KEY": "x" * 16, "CSAT_TEAMS": "Über uns 日本"}
    done = run_csat_alone("config", "check", **given, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert run_csat_alone("link", "--ticket-id", NOT_UTF_8, **settings).returncode == 2
