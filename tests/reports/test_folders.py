"""Reports that were written: remembered, and written again when words in them were erased."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import insert, text, update

from pipeline.commands.options import open_local_source
from reports.folders import remember_folder, rewrite_reports
from reports.mailing import queue_report, rewrite_waiting_reports
from reports.writing import write_report
from survey.clock import now
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.rederive import apply_rules
from survey.store.database import Database
from survey.store.models import OutboxRow, RedactionRow, ReportFolderRow
from tests.conftest import on_postgresql, on_sqlite
from tests.support.command import run_csat
from tests.support.erased import erase_person
from tests.support.events import make_event, write_jsonl
from tests.support.pages import address
from tests.support.rows import rows
from tests.support.settings import make_settings

OCTOBER = Month(2026, 10)
JANE, TOM = "jane@example.com", "tom"
WORDS, OTHERS = "Jane's own words", "others' words"


@pytest.fixture
def answers(client, database, settings):
    """Two persons answer in October, each with a comment."""
    apply_rules(database, CountingRules.of(settings))
    given = {"rating": "1", "comment": WORDS}
    assert client.post(address(distinct_id=JANE, team="surveys"), data=given).status_code == 303
    given = {"rating": "1", "comment": OTHERS}
    assert client.post(address(ticketId="=43", distinct_id=TOM), data=given).status_code == 303
    return 2


@pytest.fixture
def report(settings, database, answers):
    """Write the report of October, as the command does."""
    assert answers == 2

    def report(folder: Path | str = "out", name="database"):
        out, as_of = Path(folder).absolute(), now()
        assert remember_folder(database, Path(folder), OCTOBER, name, as_of)
        source = open_local_source(name, settings, database, None)
        write_report(out, OCTOBER, settings, database, source, as_of, lambda _read: None)
        return out

    return report


def comments_in(folder: Path) -> list[str]:
    with (folder / "comments.csv").open(encoding="utf-8", newline="") as file:
        return [row["comment"] for row in csv.DictReader(file)]


def words_in(folder: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in folder.iterdir())


def folders(database):
    return {row.path: row for row in rows(database, ReportFolderRow)}


@on_sqlite
@pytest.mark.usefixtures("answers")
def test_a_folder_is_remembered_and_written_again(database, settings):
    out = Path("out").absolute()
    done = run_csat(
        *("report", "--month", "2026-10", "--out", "out"), CSAT_DATABASE_URL=settings.database_url
    )
    assert (done.returncode, done.stderr) == (0, "")
    row = folders(database)[str(out)]
    assert (row.month, row.source) == ("2026-10", "database")
    assert sorted(comments_in(out)) == [WORDS, OTHERS]
    counts = (out / "counts.csv").read_bytes()
    erase_person(database, JANE, now())
    told = rewrite_reports(database, settings)
    assert told[0] == f"Written again, as the answers are now: the report of 2026-10 in {out}."
    assert not [line for line in told if line.startswith("remains: ")]
    assert comments_in(out) == [OTHERS]
    assert "own words" not in words_in(out)
    assert (out / "counts.csv").read_bytes() == counts
    before = (out / "report.html").stat()
    assert len(rewrite_reports(database, settings)) == 1
    assert (out / "report.html").stat() == before


@on_sqlite
def test_a_folder_without_the_persons_words_stays_as_it_is(database, settings, report, client):
    out = report()
    client.post(address(ticketId="77", distinct_id="liz"), data={"rating": "1", "comment": "late"})
    before = (out / "report.html").stat()
    erase_person(database, "liz", now())
    assert len(rewrite_reports(database, settings)) == 1
    assert (out / "report.html").stat() == before


@on_sqlite
def test_a_removed_comment_is_taken_out_too_whatever_the_ticket_is_called(
    database, settings, report
):
    out = report()
    with database.writing() as connection:
        removed = {"ticket_id": "=43", "redacted_at": now()}
        connection.execute(insert(RedactionRow).values(removed))
        connection.execute(text("UPDATE responses SET comment = NULL WHERE ticket_id = '=43'"))
    rewrite_reports(database, settings)
    assert comments_in(out) == [WORDS]


@on_sqlite
def test_a_folder_that_somebody_changed_is_written_again(database, settings, report):
    out = report()
    erase_person(database, JANE, now())
    for change in ("", "ticket_id\n42\n", "\0"):
        (out / "comments.csv").write_text(change, encoding="utf-8")
        assert rewrite_reports(database, settings)[0].startswith("Written again")
        assert comments_in(out) == [OTHERS]
    (out / "comments.csv").unlink()
    assert rewrite_reports(database, settings)[0].startswith("Written again")


@on_sqlite
def test_a_folder_that_is_gone_is_forgotten(database, settings, report):
    shutil.rmtree(report())
    erase_person(database, JANE, now())
    told = rewrite_reports(database, settings)
    assert len(told) == 1
    assert folders(database) == {}


@on_postgresql
def test_on_a_server_a_folder_may_be_on_another_machine_which_is_said_once(
    database, settings, report
):
    out = report()
    shutil.rmtree(out)
    erase_person(database, JANE, now())
    told = rewrite_reports(database, settings)[0]
    assert told.startswith(f"remains: the report of 2026-10 in {out} is not on this machine.")
    assert f"csat report --month 2026-10 --source database --out {out}" in told
    assert len(rewrite_reports(database, settings)) == 1


@on_sqlite
def test_a_folder_that_cannot_be_written_remains(database, settings, report):
    out = report()
    erase_person(database, JANE, now())
    (out / "drivers.csv").unlink()
    (out / "drivers.csv").mkdir()
    told = rewrite_reports(database, settings)
    assert told[0].startswith(f"remains: the report of 2026-10 in {out} has words that were erased")
    assert WORDS in comments_in(out)
    (out / "drivers.csv").rmdir()
    assert rewrite_reports(database, settings)[0].startswith("Written again")
    assert comments_in(out) == [OTHERS]


def export(path: Path) -> Path:
    event = make_event(distinct_id=JANE, **{"$survey_response_1": WORDS})
    write_jsonl(path, [event])
    return path


@on_sqlite
def test_a_report_from_an_export_is_looked_at_again_from_anywhere(
    database, settings, report, tmp_path, monkeypatch
):
    (tmp_path / "exported").mkdir()
    monkeypatch.chdir(tmp_path / "exported")
    export(Path("october.jsonl"))
    out = report(tmp_path / "out", "export:october.jsonl")
    source = f"export:{tmp_path}/exported/october.jsonl"
    assert folders(database)[str(out)].source == source
    assert comments_in(out) == [WORDS]
    monkeypatch.chdir(tmp_path)
    with_words = (out / "comments.csv").read_bytes()
    before = folders(database)[str(out)].written_at
    erase_person(database, JANE, now())
    told = rewrite_reports(database, settings)
    assert told[0].startswith("Written again")
    assert told[-1].endswith(f"Reports were made from {source}.")
    assert folders(database)[str(out)].written_at > before
    assert comments_in(out) == []
    # The events are gone, and somebody has put the old file back.
    Path("exported/october.jsonl").unlink()
    (out / "comments.csv").write_bytes(with_words)
    erase_again = now()
    with database.writing() as connection:
        connection.execute(
            text("UPDATE erasures SET erased_at = :at"), {"at": str(erase_again)[:26]}
        )
    remains, *_ = rewrite_reports(database, settings)
    assert remains.startswith("remains: ")
    assert f"--source {source} --out {out}" in remains


@on_sqlite
def test_a_password_in_an_address_is_not_kept(database, tmp_path):
    source = "export:s3://user:secret@bucket/folder"
    assert remember_folder(database, tmp_path, OCTOBER, source, now())
    (row,) = folders(database).values()
    assert "secret" not in row.source


def test_without_a_store_there_is_nothing_to_remember(tmp_path):
    nowhere = Database(f"sqlite:///{tmp_path}/none.db")
    assert remember_folder(nowhere, tmp_path, OCTOBER, "posthog", now())
    assert not (tmp_path / "none.db").exists()


@on_postgresql
@pytest.mark.usefixtures("answers")
def test_a_store_that_cannot_be_written_is_no_error_but_is_said(settings):
    """Whoever may only read the database writes a report all the same."""
    readable = f"{settings.database_url}?options=-c%20default_transaction_read_only%3Don"
    done = run_csat(*("report", "--month", "2026-10", "--out", "out"), CSAT_DATABASE_URL=readable)
    assert done.returncode == 0, done.stderr
    assert "does not know of this folder" in done.stderr
    assert Path("out/report.html").exists()


@on_sqlite
class TestMails:
    @pytest.fixture
    def settings(self, database_url):
        return make_settings(
            database_url=database_url,
            smtp_url="smtp://127.0.0.1:1",
            mail_from="csat@example.com",
            report_recipients="surveys=sue@example.com;all=lea@example.com,max@example.com",
        )

    @pytest.fixture
    def queued(self, database, settings, answers):
        assert answers == 2
        queue_report(database, settings, OCTOBER, now(), again=False)

    def texts(self, database):
        return {
            row.message_key: json.loads(row.payload)["content"] if row.payload else ""
            for row in rows(database, OutboxRow)
            if row.message_key
        }

    @pytest.mark.usefixtures("queued")
    def test_those_that_wait_or_were_refused_are_written_anew(self, database, settings):
        words = "Jane"
        assert all(words in content for content in self.texts(database).values())
        key = f"report:{OCTOBER}:all:max@example.com"
        dead = {"dead_at": now(), "last_reason": "550", "error_message": f"550 {WORDS}"}
        with database.writing() as connection:
            connection.execute(update(OutboxRow).where(OutboxRow.message_key == key).values(dead))
        ids = {content.partition("Message-ID")[2][:80] for content in self.texts(database).values()}
        erase_person(database, JANE, now())
        told = rewrite_reports(database, settings)
        assert told[0] == "Reports that wait to be mailed are written anew: 3 mails."
        texts = self.texts(database)
        assert len(texts) == 3
        assert not [key for key, content in texts.items() if words in content]
        assert {each.partition("Message-ID")[2][:80] for each in texts.values()} == ids
        found = [row for row in rows(database, OutboxRow) if row.message_key == key]
        assert (found[0].error_message, found[0].dead_at is None) == (None, False)
        assert WORDS not in repr(found)

    @pytest.mark.usefixtures("queued")
    def test_those_that_were_sent_stay_as_they_are(self, database, settings):
        with database.writing() as connection:
            sent = {"delivered_at": now(), "payload": ""}
            connection.execute(update(OutboxRow).where(OutboxRow.channel == "mail").values(sent))
        assert rewrite_waiting_reports(database, settings, now()) == []
        assert set(self.texts(database).values()) == {""}

    @pytest.mark.usefixtures("queued")
    def test_those_that_cannot_be_written_now_remain(self, database, settings):
        with database.writing() as connection:
            connection.execute(text("UPDATE applied_rules SET fingerprint = 'other'"))
        (first, *_) = told = rewrite_waiting_reports(database, settings, now())
        assert len(told) == 2
        assert first.startswith("remains: mails with the report of 2026-10 wait in the outbox")
        assert "run `csat db upgrade`" in first
