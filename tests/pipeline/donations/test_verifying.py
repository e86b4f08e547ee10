"""`csat donations verify`: what it checks, what it says, and what it finds by an earlier export."""

import json
import shutil
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from sqlalchemy import text

from demo.processes import free_port
from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from pipeline.commands.verify_donations import verify
from pipeline.donations.checks.chain import check_chain
from pipeline.donations.checks.difference import LedgerDiffers
from pipeline.donations.checks.earlier_export import check_export, read_export
from pipeline.donations.checks.entries import read_entry
from pipeline.donations.checks.money import check_money
from pipeline.donations.checks.months import check_months
from pipeline.donations.checks.readers import open_readers
from pipeline.donations.ledger import Charity, Rate
from pipeline.donations.lines import frame_entries, frame_lines
from pipeline.donations.listing import list_lines, read_line
from pipeline.donations.verifying import CannotVerify, verify_ledger
from pipeline.output_files import format_csv
from survey.command_line import run_command
from survey.months import Month
from survey.settings import DEFAULT_SURVEY_ID
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.responses import count_all_responses
from tests.conftest import on_sqlite
from tests.pipeline.conftest import forger_on_sqlite
from tests.support.donations import (
    AUGUST,
    HALF_A_POUND,
    JULY,
    NOVEMBER_THIRD,
    OCTOBER,
    SEPTEMBER,
    Donations,
)
from tests.support.erased import erase_person
from tests.support.given_answers import GivenAnswer, give
from tests.support.golden_donations import (
    DONATIONS_CSV,
    ENTRIES_CSV,
    read_golden_ledger,
    read_golden_rows,
)
from tests.support.settings import SECRET_KEY, make_settings
from tests.support.told_ledger import RESPONSES, Forger

CHECKS = ["chain", "months", "money", "tickets", "responses"]


@pytest.fixture
def database(request, settings, tmp_path):
    """An empty store; an SQLite file is copied, which takes a tenth of the time."""
    if settings.database_url.startswith("sqlite"):
        shutil.copy(request.getfixturevalue("template"), tmp_path / "csat.db")
    with closing(Database(settings.database_url)) as database:
        yield database


@pytest.fixture
def donations(database, settings):
    return Donations(database, settings)


@pytest.fixture
def settled(donations):
    """Two closed months, of which the first is paid."""
    donations.set_rate(SEPTEMBER)
    donations.respond(SEPTEMBER, 3)
    donations.close(SEPTEMBER)
    donations.respond(OCTOBER, 2)
    donations.close(OCTOBER)
    donations.pay(SEPTEMBER)
    return donations


def find_difference(given, export: Path | None = None) -> str | None:
    """What `verify` says; None if it finds nothing."""
    read = None if export is None else read_export(export)
    try:
        list(verify_ledger(given.database, given.settings, read))
    except LedgerDiffers as error:
        return str(error)
    return None


def figures(given) -> dict[str, dict[str, object]]:
    return {each.name: dict(each.figures) for each in verify_ledger(given.database, given.settings)}


def export_lines(donations: Donations, path: Path) -> Path:
    timezone = donations.settings.timezone
    with donations.database.reading() as connection:
        lines = list_lines(connection, donations.ledger, timezone, donations.now)
    path.write_text(format_csv(frame_lines(lines)), encoding="utf-8", newline="")
    return path


def export_entries(donations: Donations, path: Path) -> Path:
    frame = frame_entries(donations.ledger.entries)
    path.write_text(format_csv(frame), encoding="utf-8", newline="")
    return path


class TestWhatIsChecked:
    def test_every_check_says_what_it_has_looked_at(self, forger):
        found = figures(forger)
        assert list(found) == CHECKS
        assert found["chain"] == {"entries": 12, "last_hash": forger.rows()[-1]["hash"]}
        assert found["months"] == {"closed": 3, "opening": 1}
        assert found["tickets"] == {"tickets": 3 + 4 + 1 + 5 + 5, "entries": 5}
        assert found["responses"] == {
            "months": 4,
            "compared": RESPONSES - 1,
            "pending": 1,
            "pending_hedgehogs": -1,
            "responses": RESPONSES,
        }

    def test_progress_counts_the_compared_responses(self, settled):
        told = []
        list(verify_ledger(settled.database, settled.settings, on_progress=told.append))
        assert told == [3, 5]

    def test_a_store_without_entries(self, donations):
        donations.respond(OCTOBER, 2)
        found = figures(donations)
        assert found["chain"] == {"entries": 0, "last_hash": ""}
        assert found["responses"]["responses"] == 2

    @on_sqlite
    def test_rates_alone(self, donations):
        donations.set_rate(OCTOBER)
        assert find_difference(donations) is None

    @on_sqlite
    def test_a_month_without_responses_and_one_without_an_amount(self, donations):
        donations.respond(AUGUST, 1)
        donations.close(AUGUST, without_amount=True)
        donations.close(SEPTEMBER, without_amount=True)
        donations.set_rate(OCTOBER)
        donations.respond(AUGUST, 1, prefix="late")
        donations.respond(OCTOBER, 1)
        donations.close(OCTOBER)
        assert donations.ledger.closed[OCTOBER].hedgehogs == 2
        assert donations.ledger.closed[OCTOBER].amount == Decimal("0.50")
        assert find_difference(donations) is None

    @on_sqlite
    def test_a_change_of_the_currency(self, donations):
        donations.set_rate(AUGUST, Rate(Decimal("0.5"), "GBP"))
        donations.respond(AUGUST, 2)
        donations.close(AUGUST)
        donations.set_rate(SEPTEMBER, Rate(Decimal(75), "JPY"), Charity("Harinezumi"))
        donations.respond(SEPTEMBER, 3)
        donations.respond(AUGUST, 1, prefix="late")
        donations.close(SEPTEMBER)
        assert str(donations.ledger.closed[SEPTEMBER].amount) == "300"
        donations.set_rate(OCTOBER, Rate(Decimal("0.1255"), "KWD"), Charity("Qunfudh"))
        donations.respond(OCTOBER, 1)
        donations.close(OCTOBER)
        assert str(donations.ledger.closed[OCTOBER].amount) == "0.126"
        assert find_difference(donations) is None

    @on_sqlite
    def test_what_waits_for_several_closes(self, donations):
        donations.set_rate(AUGUST)
        tickets = donations.respond(AUGUST, 3)
        donations.respond(SEPTEMBER, 1)
        donations.close(AUGUST)
        for ticket_id in tickets:
            donations.void(ticket_id)
        donations.close(SEPTEMBER)
        assert figures(donations)["responses"]["pending"] == 2
        donations.respond(OCTOBER, 1)
        donations.close(OCTOBER)
        assert figures(donations)["responses"]["pending"] == 1

    @on_sqlite
    def test_months_before_the_first_close_that_got_responses_only_later(self, donations):
        donations.set_rate(SEPTEMBER)
        donations.respond(SEPTEMBER, 1)
        donations.close(SEPTEMBER)
        donations.respond(JULY, 2)
        assert figures(donations)["responses"]["pending_hedgehogs"] == 2
        donations.respond(OCTOBER, 1)
        donations.close(OCTOBER)
        found = figures(donations)
        assert found["responses"]["pending"] == 0
        assert found["months"] == {"closed": 2, "opening": 1}

    def test_other_test_ids(self, settled, database):
        settings = make_settings(
            database_url=settled.settings.database_url,
            test_distinct_ids="customer of T-2026-10-1",
        )
        other = Donations(database, settings)
        assert figures(other)["responses"]["pending_hedgehogs"] == -1

    @forger_on_sqlite
    def test_a_currency_of_today_with_fewer_decimals_changes_no_earlier_month(self, forger):
        """As if ISO 4217 had changed the minor unit of the pound after all these closes."""
        rows = forger.rows()
        for row in rows:
            if row["kind"] == "close":
                row["amount"] = {"2.00": "2.000", "2.50": "2.500", "3.12": "3.125"}[row["amount"]]
        forger.write(rows)
        assert find_difference(forger) is None


class TestErasedPersons:
    def test_identity_and_words_are_gone_and_the_ledger_verifies(self, forger):
        for table in ("answers", "responses"):
            forger.run(
                f"UPDATE {table} SET comment = NULL, distinct_id = 'erased ' || ticket_id"
                " WHERE ticket_id <> 'T-2026-10-1'"
            )
        found = figures(forger)["responses"]
        assert (found["compared"], found["pending"]) == (RESPONSES - 1, 1)


class TestWhatKeepsItFromVerifying:
    @on_sqlite
    def test_another_time_zone(self, settled):
        settings = make_settings(
            database_url=settled.settings.database_url, timezone="America/New_York"
        )
        assert verify_error(settled.database, settings) == (
            "the months of the ledger are closed in Europe/London, and CSAT_TIMEZONE is "
            "America/New_York: set it back, and verify again"
        )

    @on_sqlite
    def test_responses_that_other_settings_have_derived(self, settled):
        settings = make_settings(
            database_url=settled.settings.database_url, test_distinct_ids="somebody"
        )
        assert "run `csat db upgrade`" in verify_error(settled.database, settings)

    @forger_on_sqlite
    def test_nothing_can_be_closed_or_paid_and_the_reason_is_told(self, forger):
        forger.change(3, month="soon")
        donations = Donations(forger.database, forger.settings)
        with pytest.raises(
            StoreError, match="entry 3 of the donation ledger was changed and cannot be read"
        ):
            donations.pay(AUGUST)


def verify_error(database, settings) -> str:
    with pytest.raises(CannotVerify) as raised:
        list(verify_ledger(database, settings))
    return str(raised.value)


class TestAnEarlierExport:
    @pytest.mark.parametrize("export", [export_lines, export_entries])
    def test_stands_in_the_ledger(self, settled, tmp_path, export):
        path = export(settled, tmp_path / "e.csv")
        assert find_difference(settled, path) is None

    @pytest.mark.parametrize("export", [export_lines, export_entries])
    @on_sqlite
    def test_payments_and_further_closes_change_nothing_of_it(self, donations, tmp_path, export):
        donations.set_rate(AUGUST)
        donations.respond(JULY, 1)
        for month in (AUGUST, SEPTEMBER):
            donations.respond(month, 2)
        donations.close(AUGUST)
        path = export(donations, tmp_path / "e.csv")
        donations.pay(AUGUST)
        donations.correct(AUGUST)
        donations.pay(AUGUST, reference="=BACS")
        donations.respond(JULY, 1, prefix="late")
        donations.close(SEPTEMBER)
        assert find_difference(donations, path) is None
        later = export(donations, tmp_path / "later.csv")
        assert find_difference(donations, later) is None

    @on_sqlite
    def test_says_how_many_months_got_entries_since_and_were_open(self, settled, tmp_path):
        settled.respond(Month(2026, 11), 1, day=2)
        path = export_lines(settled, tmp_path / "e.csv")
        settled.correct(SEPTEMBER)
        checks = verify_ledger(settled.database, settled.settings, read_export(path))
        found = next(each for each in checks if each.name == "export")
        assert found.figures == {"confirmed": 2, "continued": 1, "open": 1}
        assert found.summary == (
            f"2 months of {path} in the ledger as exported, 1 of them with further entries since; "
            "1 month had no entry yet."
        )

    def test_a_deleted_last_entry(self, forger, tmp_path):
        donations = Donations(forger.database, forger.settings)
        lines = export_lines(donations, tmp_path / "lines.csv")
        entries = export_entries(donations, tmp_path / "entries.csv")
        last = forger.rows()[-1]["hash"][:12]
        forger.run("DELETE FROM ledger_tickets WHERE sequence = 12")
        forger.run("DELETE FROM ledger_entries WHERE sequence = 12")
        assert find_difference(forger) is None
        assert find_difference(forger, lines) == (
            f"{lines}, line 5: 2026-10 was closed at 2026-11-03T09:00:00+00:00 by fiona with 5 "
            f"hedgehogs; the ledger has no such entry (hash {last}…): entries were deleted or "
            "changed, or a backup from before them was restored, and it has not closed the month"
        )
        assert find_difference(forger, entries) == (
            f"{entries}, line 13: entry 12 (close of 2026-10) was recorded at "
            f"2026-11-03T09:00:00+00:00 by fiona; the ledger has no such entry (hash {last}…): "
            "entries were deleted or changed, or a backup from before them was restored"
        )

    @on_sqlite
    def test_a_restored_backup_after_which_the_month_was_closed_again(self, donations, tmp_path):
        donations.set_rate(OCTOBER)
        donations.respond(OCTOBER, 2)
        backup = tmp_path / "backup.db"
        with closing(donations.database.engine.raw_connection()) as connection:
            connection.cursor().execute("VACUUM INTO ?", (str(backup),))
        donations.respond(OCTOBER, 1, prefix="lost")
        donations.close(OCTOBER)
        path = export_lines(donations, tmp_path / "e.csv")
        donations.database.close()
        for suffix in ("-wal", "-shm"):
            Path(f"{donations.database.path}{suffix}").unlink(missing_ok=True)
        shutil.copy(backup, donations.database.path)
        donations.close(OCTOBER)
        assert find_difference(donations) is None
        difference = find_difference(donations, path)
        assert "2026-10 was closed at 2026-11-03T09:00:00+00:00 by fiona with 3 hed" in difference
        assert difference.endswith(
            "and it has closed the month at 2026-11-03T09:00:00+00:00 by fiona with 2 hedgehogs"
        )

    @forger_on_sqlite
    def test_a_removed_payment(self, forger, tmp_path):
        path = export_lines(Donations(forger.database, forger.settings), tmp_path / "e.csv")
        forger.write(forger.rows()[:5])
        forger.run("DELETE FROM ledger_tickets WHERE sequence > 5")
        difference = find_difference(forger, path)
        assert (
            "line 2: 2026-07 was an opening month with 2 hedgehogs; the ledger has n" in difference
        )
        assert "and it has it as an opening month with 3 hedgehogs" in difference

    @forger_on_sqlite
    def test_any_forgery_that_is_chained_anew(self, forger, tmp_path):
        path = export_lines(Donations(forger.database, forger.settings), tmp_path / "e.csv")
        forger.forge(3, recorded_by="somebody else")
        assert find_difference(forger) is None
        assert "hash" in find_difference(forger, path)

    @on_sqlite
    @pytest.mark.parametrize(
        ("written", "changed", "expected"),
        [
            (",3,0,3,0.50,", ",4,0,4,0.50,", "responses is '4', and the ledger says '3' up to ent"),
            (
                ",1.50,",
                ",1.60,",
                "amount is '1.60', and the ledger says '1.50' up to entry 6 (paym",
            ),
            (",paid,", ",closed,", "status is 'closed', and the ledger says 'paid' up to entry 6"),
            ("BACS 1", "BACS 9", "payment_reference is 'BACS 9', and the ledger says 'BACS 1'"),
            ("Hedgehog Rescue", "Mine", "charity is 'Mine', and the ledger says 'Hedgehog Rescue'"),
        ],
    )
    def test_a_changed_file(self, settled, tmp_path, written, changed, expected):
        settled.correct(SEPTEMBER)
        settled.pay(SEPTEMBER)
        path = export_lines(settled, tmp_path / "e.csv")
        text_of_file = path.read_text(encoding="utf-8")
        assert written in text_of_file
        path.write_text(text_of_file.replace(written, changed, 1), encoding="utf-8")
        assert expected in find_difference(settled, path)

    @on_sqlite
    def test_a_file_that_a_spreadsheet_has_saved_again(self, settled, tmp_path):
        path = export_lines(settled, tmp_path / "e.csv")
        saved = (
            path.read_text(encoding="utf-8").replace(",0.50,", ",0.5,").replace(",1.50,", ",1.5,")
        )
        path.write_text("\ufeff" + saved.replace("\n", "\r\n"), encoding="utf-8", newline="")
        assert find_difference(settled, path) is None

    @on_sqlite
    def test_a_month_before_the_first_close_that_no_entry_counted_yet(self, settled, tmp_path):
        settled.respond(JULY, 1)
        with settled.database.reading() as connection:
            line = read_line(connection, settled.ledger, settled.settings.timezone, JULY)
        assert (line["status"], line["responses"]) == ("opening", 1)
        path = tmp_path / "e.csv"
        path.write_text(format_csv(frame_lines([line])), encoding="utf-8")
        assert find_difference(settled, path) is None

    @on_sqlite
    def test_words_that_a_spreadsheet_would_run(self, donations, tmp_path):
        donations.set_rate(OCTOBER, HALF_A_POUND, Charity("=Hedgehogs", "+1"))
        donations.respond(OCTOBER, 1)
        donations.close(OCTOBER)
        donations.pay(OCTOBER, reference='@a,"b"\nc')
        for export in (export_lines, export_entries):
            path = export(donations, tmp_path / "e.csv")
            assert "'=Hedgehogs" in path.read_text(encoding="utf-8")
            assert find_difference(donations, path) is None


class TestTheGoldenFiles:
    """The entries and the exports of the first release."""

    def test_its_entries_pass_every_check_that_needs_no_store(self):
        rows = read_golden_rows()
        check_chain(rows)
        entries = [read_entry(row) for row in rows]
        check_months(entries)
        check_money(entries)

    @pytest.mark.parametrize("path", [DONATIONS_CSV, ENTRIES_CSV])
    def test_its_exports_stand_in_its_ledger(self, path):
        ledger = read_golden_ledger()
        found = check_export(read_export(path), ledger)
        whole = ledger.entries if path is ENTRIES_CSV else ledger.months
        assert (found.confirmed, found.was_open) == (len(whole), 0)


class TestAFileThatIsNoExport:
    @pytest.fixture(autouse=True)
    def _ledger(self, database, settings, monkeypatch):
        monkeypatch.setenv("CSAT_DATABASE_URL", settings.database_url)
        monkeypatch.setenv("CSAT_SECRET_KEY", SECRET_KEY)

    @on_sqlite
    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", "e.csv is no donation export: its header has none of the columns"),
            (b"month,team\n2026-10,surveys\n", "e.csv is no whole donation export: it has no tim"),
            (b"PK\x03\x04\xff\xfe", "e.csv is no text in UTF-8: --against takes the CSV file of"),
            (b'a,"b\n', "e.csv, line 1, is no CSV: unexpected end of data"),
            (b"{header}\n", "e.csv has no line besides its header: there is nothing to compare"),
            (b"{header}\n2026-10\n", "e.csv, line 2, has 1 cells, and the header has 17"),
            (b"{header},month\n" + b"," * 17, "e.csv has a column twice"),
            (b"{header}\nOct 26" + b"," * 16, "e.csv, line 2: 'Oct 26' is not a month"),
            (b"{header}\n2026-10" + b"," * 11 + b"lost,,,,,", "'lost' is not a valid Status"),
        ],
    )
    def test_says_why(self, tmp_path, capsys, content, expected):
        header = export_header().encode()
        Path("e.csv").write_bytes(content.replace(b"{header}", header))
        code = run_command(verify, ["--against", "e.csv"])
        printed = capsys.readouterr()
        assert code == 1
        assert printed.err.startswith("csat: ")
        assert expected in printed.err

    @on_sqlite
    def test_a_file_that_is_not_there(self, capsys):
        assert run_command(verify, ["--against", "none.csv"]) == 1
        assert (
            capsys.readouterr().err == "csat: none.csv cannot be read: No such file or directory\n"
        )


def export_header() -> str:
    return format_csv(frame_lines([])).rstrip("\n")


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def _environment(self, database, settings, monkeypatch):
        monkeypatch.setenv("CSAT_DATABASE_URL", settings.database_url)
        monkeypatch.setenv("CSAT_SECRET_KEY", SECRET_KEY)

    def test_prints_what_was_checked(self, settled, capsys):
        assert run_command(verify, []) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == [*CHECKS, "posthog", "No"]
        assert lines[1] == (
            "months     2 closed months, 2026-09 to 2026-10, one after another, and 0 months "
            "before them; nothing is paid twice."
        )
        assert lines[4] == (
            "responses  5 responses of 2 months of the ledger, each of them counted, none else, "
            "and as many as the reports count. With the open months, 5 responses in all."
        )
        assert lines[5].endswith(
            "Not asked: CSAT_POSTHOG_PROJECT_ID and CSAT_POSTHOG_PERSONAL_KEY are not both set."
        )
        assert lines[6] == "No difference was found."

    @on_sqlite
    def test_prints_changes_that_wait(self, settled, capsys):
        settled.void("T-2026-09-1")
        assert run_command(verify, []) == 0
        assert " 1 change since (-1) for the next close to post. " in capsys.readouterr().out

    @on_sqlite
    def test_prints_the_first_difference_and_exits_1(self, settled, capsys):
        Forger(settled.settings).change(2, amount="9.99")
        assert run_command(verify, []) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err == (
            "csat: entry 2 (close of 2026-09) was changed: its hash does not match\n"
        )

    @on_sqlite
    def test_the_same_as_json(self, settled, capsys):
        assert run_command(verify, ["--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert (result["ok"], result["difference"], result["error"]) == (True, None, None)
        assert [each["name"] for each in result["checks"]] == [*CHECKS, "posthog"]
        assert result["checks"][4]["compared"] == 5
        assert result["checks"][4]["summary"].startswith("5 responses of 2 months")

    @on_sqlite
    def test_the_first_difference_as_json(self, settled, capsys):
        Forger(settled.settings).run("DELETE FROM ledger_tickets WHERE sequence = 2")
        assert run_command(verify, ["--json"]) == 1
        result = json.loads(capsys.readouterr().out)
        assert not result["ok"]
        assert result["difference"].startswith("the tickets of entry 2 (close of 2026-09) are mis")
        assert [each["name"] for each in result["checks"]] == CHECKS[:3]

    @on_sqlite
    @pytest.mark.usefixtures("settled")
    def test_what_keeps_it_from_verifying_as_json(self, capsys, monkeypatch):
        monkeypatch.setenv("CSAT_TIMEZONE", "Asia/Tokyo")
        assert run_command(verify, ["--json"]) == 1
        result = json.loads(capsys.readouterr().out)
        assert (result["ok"], result["difference"]) == (False, None)
        assert "CSAT_TIMEZONE is Asia/Tokyo" in result["error"]

    @on_sqlite
    def test_where_there_is_no_database(self, capsys, monkeypatch):
        monkeypatch.setenv("CSAT_DATABASE_URL", "sqlite:///none.db")
        assert run_command(verify, []) == 1
        assert "there is no database at none.db" in capsys.readouterr().err

    @on_sqlite
    @pytest.mark.usefixtures("settled")
    def test_writes_nothing(self, database):
        with database.reading() as connection:
            before = connection.execute(text("SELECT * FROM settled_months")).all()
        assert run_command(verify, []) == 0
        with database.reading() as connection:
            assert connection.execute(text("SELECT * FROM settled_months")).all() == before


@on_sqlite
class TestPostHog:
    @pytest.fixture(autouse=True)
    def _environment(self, settled, posthog, monkeypatch):
        for name, value in {
            "DATABASE_URL": settled.settings.database_url,
            "SECRET_KEY": SECRET_KEY,
            "POSTHOG_HOST": posthog.url,
            "POSTHOG_PROJECT_ID": PROJECT_ID,
            "POSTHOG_PERSONAL_KEY": PERSONAL_KEY,
        }.items():
            monkeypatch.setenv(f"CSAT_{name}", value)

    @pytest.fixture
    def send(self, posthog):
        """Put an event of our survey into PostHog."""

        def send(uuid, ticket_id, at):
            properties = {"ticketId": ticket_id, "$survey_id": DEFAULT_SURVEY_ID}
            event = {"event": "survey sent", "uuid": uuid, "timestamp": at}
            event |= {"distinct_id": "somebody", "properties": properties}
            body = {"api_key": "phc_test", "batch": [event]}
            assert requests.post(f"{posthog.url}/batch/", json=body, timeout=5).ok

        return send

    @pytest.fixture
    def delivered(self, database, send):
        """All answers of the store are at PostHog."""
        with database.reading() as connection:
            rows = connection.execute(text("SELECT uuid, ticket_id, answered_at FROM answers"))
            for uuid, ticket_id, at in rows:
                send(uuid, ticket_id, f"{at}+00:00")

    @pytest.mark.usefixtures("delivered")
    def test_has_every_answer_and_no_other(self, capsys):
        assert run_command(verify, []) == 0
        assert (
            "posthog    5 answers of the last 2 closed months are at PostHog, which has none that "
            "is missing here."
        ) in capsys.readouterr().out

    @pytest.mark.usefixtures("delivered")
    def test_has_an_answer_that_the_store_lacks(self, send, capsys, settled):
        send("lost", "77", "2026-10-14T12:00:00+00:00")
        assert run_command(verify, []) == 1
        printed = capsys.readouterr()
        assert "No difference" not in printed.out
        assert printed.err.startswith(
            "csat: PostHog has an answer to ticket 77 of 2026-10, and the store has none: a "
            "hedgehog may be lost. `csat import posthog` brings such answers in."
        )
        settled.database.close()
        give(settled.database, settled.settings, GivenAnswer(at=NOVEMBER_THIRD, ticket_id="77"))
        assert run_command(verify, []) == 0
        assert (
            "! 2026-10: 1 differences to PostHog are not explained, and change no hedgehog; "
            "`csat reconcile --month 2026-10` lists them"
        ) in capsys.readouterr().out

    def test_lacks_an_answer_which_is_a_warning(self, settled, posthog, capsys):
        with settled.database.writing() as connection:
            connection.execute(text("DELETE FROM outbox"))
        assert run_command(verify, []) == 0
        assert "! 2026-09: 3 differences" in capsys.readouterr().out

    @pytest.mark.usefixtures("delivered")
    def test_lacks_the_answer_of_a_person_who_was_erased(self, settled, posthog, capsys):
        with settled.database.reading() as connection:
            found = connection.execute(text("SELECT uuid, distinct_id FROM answers LIMIT 1"))
            uuid, person = found.one()
        erase_person(settled.database, person, NOVEMBER_THIRD)
        with settled.database.writing() as connection:
            connection.execute(text("DELETE FROM outbox"))
        posthog.queries.forget(uuid)
        assert run_command(verify, []) == 0
        printed = capsys.readouterr().out
        assert "1 were of persons who are erased, and went from there." in printed
        assert "not explained" not in printed

    def test_cannot_be_asked(self, capsys, monkeypatch):
        monkeypatch.setenv("CSAT_POSTHOG_HOST", f"http://127.0.0.1:{free_port()}")
        assert run_command(verify, []) == 1
        printed = capsys.readouterr()
        assert "responses  5 responses" in printed.out
        assert "cannot be reached" in printed.err


class TestReaders:
    def test_read_the_same_state_and_keep_the_order(self, settled):
        with open_readers(settled.database, 2) as readers:
            give(settled.database, settled.settings, GivenAnswer())
            found = readers.map(lambda each, number: (number, count_all_responses(each)), range(9))
            assert list(found) == [(number, 5) for number in range(9)]

    def test_work_at_the_same_time_and_stop_at_an_error(self, settled):
        begun = []

        def work(_connection, number):
            begun.append(number)
            if number == 0:
                raise LedgerDiffers("the first")
            time.sleep(0.01)
            return number

        with (
            open_readers(settled.database, 2) as readers,
            pytest.raises(LedgerDiffers, match="the first"),
        ):
            list(readers.map(work, range(500)))
        assert len(begun) < 500

    def test_one_is_enough_where_others_write_all_the_time(self, settled, monkeypatch):
        reading = Database.reading

        def write_and_read(database):
            give(settled.database, settled.settings, GivenAnswer())
            return reading(database)

        other = Database(settled.settings.database_url)
        monkeypatch.setattr(other, "reading", lambda: write_and_read(other))
        with open_readers(other, 2) as readers:
            assert list(readers.map(lambda _, number: number, [1, 2])) == [1, 2]
        other.close()

    def test_a_large_ledger_is_read_by_several(self, forger, monkeypatch):
        monkeypatch.setattr("pipeline.donations.verifying._RESPONSES_PER_READER", 1)
        monkeypatch.setattr("pipeline.donations.verifying.count_cores", lambda: 3)
        assert figures(forger)["responses"]["compared"] == RESPONSES - 1
        forger.run("DELETE FROM responses WHERE ticket_id = 'T-2026-09-3'")
        assert "T-2026-09-3" in find_difference(forger)
