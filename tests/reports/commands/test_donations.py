"""`csat donations` as finance runs it: a month from its rate to its payment."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pytest
from sqlalchemy import text

import csat as command_line
from pipeline.donations.ledger import Charity, Rate
from reports.commands import donations as commands
from survey.command_line import run_command
from survey.ledger import EntryKind
from tests.conftest import on_sqlite
from tests.support.donations import AUGUST, OCTOBER, SEPTEMBER, Donations
from tests.support.settings import SECRET_KEY


@pytest.fixture
def store(database, settings):
    return Donations(database, settings)


@pytest.fixture
def run(store, settings, monkeypatch, capsys):
    """Run `csat donations …` in this process, at the time of the store; its exit code, output and
    errors. Amounts have a space that does not break, which reads like any other."""
    monkeypatch.setenv("CSAT_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("CSAT_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("LOGNAME", "os-user")
    monkeypatch.setattr(commands, "now", lambda: store.now)

    def run(*arguments):
        code = run_command(command_line.cli, ["donations", *arguments])
        printed = capsys.readouterr()
        return code, printed.out.replace("\u00a0", " "), printed.err

    return run


@pytest.fixture
def succeed(run):
    def succeed(*arguments):
        code, output, errors = run(*arguments)
        assert (code, errors) == (0, "")
        return output

    return succeed


RATE = ("rate", "--from", "2026-09", "--amount", "0.50", "--currency", "gbp")
PAYMENT = ("pay", "--month", "2026-09", "--reference", "BACS 7", "--date", "2026-11-02")


@on_sqlite
class TestRate:
    def test_it_is_recorded_with_the_charity_and_told(self, succeed, store):
        output = succeed(
            *RATE, "--charity", " Hedgehog Rescue ", "--charity-reference", "CSAT 1", "--by", "ada"
        )
        (entry,) = store.ledger.entries
        assert output == (
            "From September 2026 on, a hedgehog is worth GBP 0.50.\n"
            "charity      Hedgehog Rescue, reference CSAT 1\n"
            f"entry 1      {entry.hash}\n"
        )
        assert store.ledger.rate_of(SEPTEMBER) == Rate(Decimal("0.50"), "GBP")
        assert store.ledger.charity_of(SEPTEMBER) == Charity("Hedgehog Rescue", "CSAT 1")
        assert entry.recorded_by == "ada"

    def test_the_charity_stays_unless_another_is_named(self, succeed):
        assert "none named yet; `csat donations rate … --charity NAME` names one" in succeed(*RATE)
        succeed(*RATE, "--charity", "Hedgehog Rescue")
        assert "charity      Hedgehog Rescue\n" in succeed(*RATE)

    def test_a_closed_month_keeps_its_rate(self, run, store):
        store.close(SEPTEMBER, without_amount=True)
        code, output, errors = run(*RATE)
        assert (code, output) == (1, "")
        assert "the first month that can have a new rate is 2026-10" in errors

    def test_whoever_acts_is_the_user_of_the_operating_system(self, succeed, store):
        succeed(*RATE)
        assert store.ledger.entries[0].recorded_by == "os-user"

    def test_a_user_without_a_name_says_who_they_are(self, run, monkeypatch):
        def nobody():
            raise KeyError("getpwuid(): uid not found: 10001")

        monkeypatch.setattr(commands.getpass, "getuser", nobody)
        code, _, errors = run(*RATE)
        assert code == 2
        assert "'--by'" in errors
        assert "say who you are" in errors


@on_sqlite
class TestClose:
    def test_it_tells_what_was_counted_and_what_is_to_be_paid(self, succeed, store):
        store.respond(AUGUST, 3)
        store.respond(SEPTEMBER, 4)
        store.set_rate(SEPTEMBER)
        output = succeed("close", "--month", "2026-09", "--by", "ada")
        close = store.ledger.closed[SEPTEMBER].close
        assert output == (
            "September 2026 is closed: 4 hedgehogs, GBP 2.00 to be paid.\n"
            "opening      1 earlier month with 3 responses: counted, never owed\n"
            "responses    4\n"
            "hedgehogs    4\n"
            "amount       GBP 2.00, at GBP 0.50 for a hedgehog\n"
            "charity      Hedgehog Rescue, reference CSAT 1\n"
            "pending      nothing\n"
            "closed       2026-11-03 09:00+00:00 by ada\n"
            f"entry 3      {close.hash}\n"
        )

    def test_adjustments_are_summed_by_month_reason_and_price(self, succeed, store):
        tickets = store.respond(SEPTEMBER, 4)
        store.respond(OCTOBER, 5)
        store.set_rate(SEPTEMBER)
        store.close(SEPTEMBER)
        for ticket in tickets[:2]:
            store.void(ticket)
        store.respond(SEPTEMBER, 1, prefix="late")
        output = succeed("close", "--month", "2026-10")
        assert (
            "responses    5\n"
            "adjustment   +1  2026-09, stored after the close, at GBP 0.50\n"
            "adjustment   −2  2026-09, void: the ticket was taken out, at GBP 0.50\n"
            "hedgehogs    4\n"
        ) in output

    def test_what_stays_pending_is_told(self, succeed, store):
        tickets = store.respond(SEPTEMBER, 3)
        store.respond(OCTOBER, 1)
        store.set_rate(SEPTEMBER)
        store.close(SEPTEMBER)
        for ticket in tickets:
            store.void(ticket)
        output = succeed("close", "--month", "2026-10")
        assert "October 2026 is closed: 0 hedgehogs, nothing to be paid.\n" in output
        assert "pending      −2  2026-09, void: the ticket was taken out; posted by a" in output

    def test_changes_of_the_months_before_the_first_close_are_told(self, succeed, store):
        tickets = store.respond(AUGUST, 2)
        store.close(SEPTEMBER, without_amount=True)
        store.void(tickets[0])
        output = succeed("close", "--month", "2026-10", "--without-amount")
        assert "opening      −1  2026-08, void: the ticket was taken out; never owed\n" in output
        assert "amount       none: closed without an amount\n" in output

    def test_a_closed_month_stays_as_it_is(self, succeed, store):
        store.respond(SEPTEMBER, 2)
        store.set_rate(SEPTEMBER)
        first = succeed("close", "--month", "2026-09")
        entries = store.ledger.entries
        again = succeed("close", "--month", "2026-09", "--by", "somebody else")
        assert "September 2026 is closed already: 2 hedgehogs, GBP 1.00 to be paid.\n" in again
        assert again.splitlines()[-2:] == first.splitlines()[-2:]
        assert store.ledger.entries == entries

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["--month", "2026-09"], "`csat donations rate --from 2026-09 --amount"),
            (["--month", "2026-11", "--without-amount"], "it cannot be closed before"),
        ],
    )
    def test_what_cannot_be_closed_says_what_to_do(self, run, store, arguments, reason):
        code, output, errors = run("close", *arguments)
        assert (code, output) == (1, "")
        assert reason in errors
        assert store.ledger.entries == ()


@on_sqlite
class TestPayment:
    @pytest.fixture(autouse=True)
    def _closed(self, store):
        store.respond(SEPTEMBER, 4)
        store.set_rate(SEPTEMBER)
        store.close(SEPTEMBER)

    def test_all_that_is_due(self, succeed, store):
        output = succeed(*PAYMENT)
        assert output == (
            "September 2026: GBP 2.00 paid on 2 November 2026, reference BACS 7.\n"
            "still due    GBP 0.00\n"
            f"entry 3      {store.ledger.entries[-1].hash}\n"
        )

    def test_a_part_and_then_the_rest(self, succeed):
        assert "still due    GBP 1.50\n" in succeed(*PAYMENT, "--amount", "0.5")
        assert "GBP 1.50 paid on" in succeed(*PAYMENT)

    def test_a_payment_is_taken_back(self, succeed, store):
        succeed(*PAYMENT)
        output = succeed("correct", "--month", "2026-09", "--reason", "wrong account")
        assert output == (
            "September 2026: the payment of GBP 2.00 on 2 November 2026, reference BACS 7, "
            "is taken back.\n"
            "reason       wrong account\n"
            "still due    GBP 2.00\n"
            f"entry 4      {store.ledger.entries[-1].hash}\n"
        )
        kinds = [each.kind for each in store.ledger.entries]
        assert kinds[-2:] == [EntryKind.PAYMENT, EntryKind.CORRECTION]

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            ([*PAYMENT, "--amount", "2.01"], "is more than what is due for 2026-09: 2.00 GBP"),
            ([*PAYMENT[:-1], "2026-11-04"], "is in the future"),
            ([*PAYMENT[:-1], "2026-09-30"], "is before the end of 2026-09"),
            (["correct", "--month", "2026-09", "--reason", "x"], "no payment that could be taken"),
        ],
    )
    def test_what_is_refused_says_why(self, run, arguments, reason):
        code, output, errors = run(*arguments)
        assert (code, output) == (1, "")
        assert reason in errors

    def test_paying_twice_is_refused(self, run, succeed):
        succeed(*PAYMENT)
        assert run(*PAYMENT) == (1, "", "csat: 2026-09 is paid already: 2.00 GBP\n")


@on_sqlite
class TestExport:
    @pytest.fixture(autouse=True)
    def _two_months(self, store):
        store.respond(AUGUST, 1)
        store.respond(SEPTEMBER, 4)
        store.set_rate(SEPTEMBER)
        store.close(SEPTEMBER)
        store.respond(OCTOBER, 2)

    @pytest.fixture
    def export(self, succeed, tmp_path):
        def export(*arguments, name="out.csv"):
            output = succeed("export", "--out", str(tmp_path / name), *arguments)
            return output, (tmp_path / name).read_bytes()

        return export

    def test_every_month_has_a_line(self, export, tmp_path):
        output, content = export()
        assert output == f"{tmp_path}/out.csv: 4 months, 2026-08 to 2026-11\n"
        lines = [(line["month"], line["status"], line["hedgehogs"]) for line in read(content)]
        assert lines == [
            ("2026-08", "opening", "1"),
            ("2026-09", "closed", "4"),
            ("2026-10", "open", "2"),
            ("2026-11", "open", "0"),
        ]

    def test_one_month_or_those_of_a_year(self, export, store):
        output, content = export("--month", "2026-10")
        assert output.endswith(": 1 month, 2026-10\n")
        assert [line["month"] for line in read(content)] == ["2026-10"]
        store.now = datetime(2027, 1, 5, tzinfo=UTC)
        assert [line["month"] for line in read(export("--year", "2027")[1])] == ["2027-01"]
        assert len(read(export("--year", "2026")[1])) == 5

    def test_the_entries_of_all_months_or_of_one(self, export, store):
        output, content = export("--detail")
        hashes = [entry.hash for entry in store.ledger.entries]
        assert [entry["hash"] for entry in read(content)] == hashes
        assert output.endswith(f": 3 entries, the last is {hashes[-1]}\n")
        _, content = export("--detail", "--month", "2026-09")
        assert [entry["kind"] for entry in read(content)] == ["rate", "close"]

    def test_a_workbook_to_pay_from(self, export):
        _, content = export(name="out.XLSX")
        book = openpyxl.load_workbook(io.BytesIO(content))
        assert book.sheetnames == ["to pay", "donations", "entries"]
        _, content = export("--detail", name="out.xlsx")
        assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == ["entries"]

    def test_the_file_is_for_its_owner_alone(self, export, tmp_path):
        export()
        assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["--year", "2031"], "2031 has no month with responses; there are months from 2026-08"),
            (["--month", "2026-12"], "to 2026-11"),
            (["--detail", "--month", "2026-08", "--out", "x.pdf"], "must end in .csv"),
        ],
    )
    def test_nothing_to_export_leaves_what_was_there(self, run, tmp_path, arguments, reason):
        out = tmp_path / "out.csv"
        out.write_text("before", encoding="utf-8")
        code, output, errors = run("export", "--out", str(out), *arguments)
        assert code in (1, 2)
        assert output == ""
        assert reason in errors
        assert out.read_text(encoding="utf-8") == "before"

    def test_a_setting_that_has_changed_is_no_other_number(
        self, run, succeed, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("CSAT_TEST_DISTINCT_IDS", "customer of T-2026-10-1")
        out = str(tmp_path / "out.csv")
        code, _, errors = run("export", "--out", out)
        assert code == 1
        assert "run `csat db upgrade`" in errors
        # What is closed does not depend on settings.
        succeed("export", "--out", out, "--month", "2026-09")
        succeed("export", "--out", out, "--detail")


@on_sqlite
def test_a_ledger_without_entries_has_no_detail(run, tmp_path):
    code, _, errors = run("export", "--detail", "--out", str(tmp_path / "out.csv"))
    assert code == 1
    assert "the ledger has no entry" in errors
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "reasons"),
    [
        ([*RATE[:3], "--amount", "1e3", "--currency", "GBP"], ["'--amount'", "'1e3' is not"]),
        ([*RATE[:3], "--amount", "-1", "--currency", "GBP"], ["'--amount'", "'-1' is not"]),
        ([*RATE[:3], "--amount", "1", "--currency", "GBX"], ["'--currency'", "ISO 4217"]),
        ([*RATE, "--charity-reference", "R"], ["--charity-reference needs --charity"]),
        ([*RATE, "--charity", " "], ["'--charity'", "the words are missing"]),
        ([*RATE, "--by", "a\nb"], ["'--by'", "U+000A"]),
        ([*RATE, "--by", "x" * 201], ["'--by'", "write at most 200"]),
        (["rate", "--from", "September"], ["'--from'", "write it as YYYY-MM"]),
        ([*PAYMENT, "--reference", "\x1b[2J"], ["'--reference'", "U+001B"]),
        ([*PAYMENT, "--amount", "1,50"], ["'--amount'", "'1,50' is not an amount"]),
        ([*PAYMENT, "--date", "2.11.2026"], ["'--date'", "write it as YYYY-MM-DD"]),
        (["correct", "--month", "2026-09", "--reason", "\t"], ["'--reason'", "missing"]),
        (["close", "--month", "2026-13"], ["'--month'", "not a month"]),
        (["export", "--out", "out.parquet"], ["'--out'", "must end in .csv"]),
        (["export", "--out", "out"], ["'--out'", "or in .xlsx"]),
        (["export", "--out", "x.csv", "--month", "2026-09", "--year", "2026"], ["not both"]),
        (["export", "--out", "x.csv", "--year", "26"], ["'--year'"]),
    ],
)
def test_bad_usage_names_the_option_before_anything_is_opened(capsys, arguments, reasons):
    # There is no database, which would be the reason otherwise.
    code = run_command(command_line.cli, ["donations", *arguments])
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert all(reason in printed.err for reason in reasons)


@on_sqlite
def test_an_entry_that_cannot_be_read_is_named(run, store, tmp_path):
    store.set_rate(SEPTEMBER)
    with store.database.writing() as connection:
        connection.execute(text("DROP TRIGGER ledger_entries_refuse_update"))
        connection.execute(text("UPDATE ledger_entries SET month = 'soon'"))
    for arguments in (
        ["export", "--out", str(tmp_path / "x.csv")],
        ["close", "--month", "2026-09"],
    ):
        code, output, errors = run(*arguments)
        assert (code, output) == (1, "")
        assert (
            "entry 1 of the donation ledger was changed and cannot be read: month is 'soon'"
            in errors
        )


@on_sqlite
def test_without_a_database_it_says_how_to_make_one(run, monkeypatch, tmp_path):
    monkeypatch.setenv("CSAT_DATABASE_URL", f"sqlite:///{tmp_path}/none.db")
    for arguments in (RATE, ["close", "--month", "2026-09"], ["export", "--out", "x.csv"]):
        code, _, errors = run(*arguments)
        assert code == 1
        assert "there is no database" in errors


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))
