"""`csat erase`, `export-person`, `retention` and `responses redact`, as a person uses them."""

import json
import stat
import sys
from types import ModuleType

import pytest

import csat
from survey.command_line import Parts, run_command
from survey.errors import CsatError
from survey.pseudonyms import make_pseudonym
from survey.store.models import AnswerRow, ErasureRow
from tests.conftest import on_sqlite
from tests.support.command import run_csat
from tests.support.donations import SEPTEMBER, Donations
from tests.support.erasing import MAIL, PERSON, WORDS, find_marks, leave_traces, settings_of
from tests.support.rows import rows
from tests.support.settings import SECRET_KEY

pytestmark = on_sqlite
PSEUDONYM = make_pseudonym(PERSON, SECRET_KEY)


@pytest.fixture
def settings(database_url):
    return settings_of(database_url)


@pytest.fixture
def traces(database, settings, clock):
    leave_traces(database, settings, clock())
    return database


@pytest.fixture
def told(monkeypatch):
    """What PostHog's side and the notice were told; either may fail."""
    told = []

    def request_deletion(_database, _settings, distinct_id, pseudonym, _now):
        told.append(("posthog", distinct_id, pseudonym))
        if "posthog" in told:
            raise CsatError("remains: the person at PostHog. No key.")
        return ["PostHog was asked to delete the person."]

    def queue_handover(_database, _settings, pseudonym, tickets, _now):
        told.append(("handover", pseudonym, tickets))

    for place, function in (
        ("survey.posthog.deletion", request_deletion),
        ("survey.messages.handover", queue_handover),
    ):
        module = ModuleType(place)
        setattr(module, function.__name__, function)
        monkeypatch.setitem(sys.modules, place, module)
    return told


def erase_partials(_database, _settings):
    return ["2 cached files were deleted."]


def leave_folder(_database, _settings):
    return ["remains: the folder /r could not be written."]


@pytest.fixture
def csat_in_process(settings, monkeypatch, capsys):
    """Run a command in this process, with stand-ins of what other packages hand over; its exit
    code, and all that it printed."""

    def run(*arguments, erasers=(erase_partials,), **more):
        monkeypatch.setenv("CSAT_DATABASE_URL", settings.database_url)
        monkeypatch.setenv("CSAT_SECRET_KEY", SECRET_KEY)
        for name, value in more.items():
            monkeypatch.setenv(name, value)
        places = [f"{__name__}:{each.__name__}" for each in erasers]
        monkeypatch.setitem(csat.cli.context_settings, "obj", Parts((), places))
        code = run_command(csat.cli, arguments)
        return code, "".join(capsys.readouterr())

    return run


ERASE = ("erase", "--distinct-id", PERSON)


def test_somebody_has_to_confirm_and_is_shown_what(csat_in_process, traces):
    code, output = csat_in_process(*ERASE)
    assert code == 2
    assert "--confirmed-by is missing" in output
    assert "It is about exactly this distinct_id." in output
    assert "cannot be undone" in output
    assert not rows(traces, ErasureRow)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--distinct-id", " ", "--confirmed-by", "Ada"), "it is blank"),
        (("--distinct-id", PSEUDONYM, "--confirmed-by", "Ada"), "was erased already"),
        (("--distinct-id", "jane", "--confirmed-by", "jane herself"), "names the person"),
    ],
)
def test_bad_usage_is_told(csat_in_process, traces, arguments, problem):
    code, output = csat_in_process("erase", *arguments)
    assert (code, problem in output) == (2, True), output
    assert not rows(traces, ErasureRow)


def test_a_trial_counts_and_changes_nothing(csat_in_process, traces, told):
    code, output = csat_in_process(*ERASE, "--confirmed-by", "Ada", "--dry-run")
    assert code == 0
    assert " 6  answers" in output
    assert output.endswith("Nothing was changed.\n")
    assert (told, rows(traces, ErasureRow)) == ([], [])


def test_everything_is_done_and_told(csat_in_process, traces, told):
    code, output = csat_in_process(*ERASE, "--confirmed-by", "Ada")
    assert code == 0, output
    assert find_marks(traces) == set()
    for words in (
        "Confirmed by Ada.",
        "to be erased:\n",
        "\nerased:\n",
        "2 cached files were deleted.",
        "PostHog was asked",
        "Nothing of this person remains here.",
    ):
        assert words in output
    assert told == [
        ("posthog", PERSON, PSEUDONYM),
        ("handover", PSEUDONYM, ["T1", "T2", "T3", "T4", "T6"]),
    ]
    assert WORDS not in output
    code, output = csat_in_process(*ERASE, "--confirmed-by", "Ada")
    assert (code, "to be erased: nothing" in output) == (0, True)
    assert len(rows(traces, ErasureRow)) == 1


def test_what_remains_is_named_and_the_notice_sent_all_the_same(csat_in_process, traces, told):
    told.append("posthog")
    code, output = csat_in_process(
        *ERASE, "--confirmed-by", "Ada", erasers=(leave_folder, erase_partials)
    )
    assert code == 1
    assert "remains: the folder /r could not be written." in output
    assert "\nremains: the person at PostHog. No key." in output
    assert "2 things remain" in output
    assert told[-1][0] == "handover"
    assert find_marks(traces) == set()


@pytest.mark.usefixtures("told")
def test_a_ledger_in_which_finance_wrote_the_name_is_told_of(csat_in_process, database, settings):
    donations = Donations(database, settings)
    donations.set_rate(SEPTEMBER)
    donations.respond(SEPTEMBER, 2)
    donations.close(SEPTEMBER)
    donations.pay(SEPTEMBER, reference="refund of jane-1")
    code, output = csat_in_process("erase", "--distinct-id", "jane-1", "--confirmed-by", "Ada")
    assert code == 1
    assert "remains: finance wrote this distinct_id into the donation ledger (entry 3)" in output


@pytest.mark.usefixtures("traces")
def test_all_that_is_kept_of_a_person_is_exported(csat_in_process, tmp_path):
    file = tmp_path / "person.json"
    code, output = csat_in_process("export-person", "--distinct-id", PERSON, "--out", str(file))
    assert (code, str(file) in output) == (0, True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text(encoding="ascii")
    found = json.loads(text)
    assert found["distinct_id"] == PERSON
    counts = {name: len(some) for name, some in found.items() if isinstance(some, list)}
    assert counts == {
        "answers": 6,
        "copies": 2,
        "responses": 3,
        "voids": 3,
        "tickets": 2,
        "invitations": 2,
        "unsubscribed": 0,
        "events": 4,
        "page_views": 1,
        "waiting_invitations": 1,
        "erasures": 0,
    }
    assert found["waiting_invitations"][0]["payload"]["recipient"] == MAIL
    assert WORDS in {answer["comment"] for answer in found["answers"]}


@pytest.mark.usefixtures("traces", "told")
def test_after_the_erasure_the_proof_and_ratings_are_exported(csat_in_process):
    csat_in_process(*ERASE, "--confirmed-by", "Ada")
    _, output = csat_in_process("export-person", "--distinct-id", PERSON)
    found = json.loads(output)
    assert [proof["confirmed_by"] for proof in found["erasures"]] == ["Ada"]
    assert {answer["comment"] for answer in found["answers"]} == {None}
    assert len(found["answers"]) == 5


def test_retention_by_hand(csat_in_process, traces):
    code, output = csat_in_process("retention")
    assert (code, "CSAT_RETENTION is not set" in output) == (1, True)
    code, output = csat_in_process("retention", "--dry-run", CSAT_RETENTION="1s")
    assert (code, "would be forgotten:" in output) == (0, True)
    code, output = csat_in_process("retention", CSAT_RETENTION="1s")
    assert (code, "2 cached files were deleted." in output) == (0, True), output
    assert {row.comment for row in rows(traces, AnswerRow)} == {None}


@pytest.mark.usefixtures("traces")
def test_one_comment_is_redacted(csat_in_process):
    code, output = csat_in_process("responses", "redact", "--ticket", "T4")
    assert code == 0, output
    assert "ticket T4 has no comments here any more" in output
    assert "PostHog keeps what it has: 1 answer of this ticket" in output
    code, output = csat_in_process("responses", "redact", "--ticket", "no such ticket")
    assert (code, "nobody has answered" in output) == (1, True)


@pytest.mark.parametrize("command", [("tick",), ("config", "check"), ("serve", "--port", "0")])
@pytest.mark.usefixtures("traces", "told")
def test_a_secret_that_erasures_used_cannot_be_removed(csat_in_process, settings, command):
    csat_in_process(*ERASE, "--confirmed-by", "Ada")
    done = run_csat(
        *command, CSAT_DATABASE_URL=settings.database_url, CSAT_SECRET_KEY="another secret key"
    )
    assert done.returncode == 1
    assert "CSAT_SECRET_KEY lacks a secret under which persons were erased" in done.stderr
