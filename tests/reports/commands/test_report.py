"""`csat report --mail`: the report goes to its recipients at once, and says to how many."""

from datetime import UTC, datetime, timedelta

import pytest

from survey.counting_rules import CountingRules
from survey.rederive import apply_rules
from tests.conftest import on_sqlite
from tests.support.command import run_csat
from tests.support.given_answers import GivenAnswer, give
from tests.support.mail_server import mail_server
from tests.support.pages import address
from tests.support.settings import SECRET_KEY

pytestmark = [on_sqlite]

RECIPIENTS = "surveys=sue@example.com;all=lea@example.com,max@example.com"


@pytest.fixture
def mails():
    with mail_server() as server:
        yield server


@pytest.fixture
def report(settings, database, client, mails):
    apply_rules(database, CountingRules.of(settings))
    client.post(address(), data={"rating": "5"})
    given = {
        "CSAT_DATABASE_URL": settings.database_url,
        "CSAT_SECRET_KEY": SECRET_KEY,
        "CSAT_SMTP_URL": mails.url,
        "CSAT_MAIL_FROM": "csat@example.com",
        "CSAT_REPORT_RECIPIENTS": RECIPIENTS,
    }

    def report(*arguments, **changes):
        environment = {k: v for k, v in {**given, **changes}.items() if v is not None}
        return run_csat("report", "--month", "2026-10", *arguments, **environment)

    return report


def test_it_is_sent_once_and_again_when_asked_to(report, mails, tmp_path):
    done = report("--mail", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["Sent to 3 addresses."]
    assert (tmp_path / "out" / "report.html").exists()
    assert report("--mail").stdout == "3 had it already; --again sends it again.\n"
    assert len(mails.mails) == 3
    assert report("--mail", "--again").stdout == "Sent to 3 addresses.\n"
    assert len(mails.mails) == 6


def test_whom_it_did_not_reach_is_said_with_the_reason(report, mails):
    mails.replies["max@example.com"] = "550 no such user"
    mails.replies["sue@example.com"] = "451 try later"
    done = report("--mail")
    assert done.returncode == 1
    assert done.stdout == "Sent to 1 address.\n"
    failed, sue, max_ = done.stderr.splitlines()[-3:]
    assert failed == "csat: Not sent to 2 addresses."
    assert sue.startswith("sue@example.com: ")
    assert sue.endswith("; it is tried again")
    assert max_.startswith("max@example.com: ")
    assert max_.endswith("; --again tries it again")

    mails.replies.clear()
    done = report("--mail", "--again")
    assert done.returncode == 1  # sue's mail waits for its time
    assert done.stdout == "Sent to 2 addresses.\n"


def test_a_mail_server_that_is_away_is_an_error_that_names_it(report):
    done = report("--mail", CSAT_SMTP_URL="smtp://127.0.0.1:1")
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "reason"),
    [
        ((), {}, 2, "Say where the report goes: --out FOLDER, --mail, or both."),
        (("--out", "out", "--again"), {}, 2, "only --mail sends anything again"),
        (("--mail", "--source", "posthog"), {}, 2, "mails are made from the database alone"),
        (("--mail",), {"CSAT_REPORT_RECIPIENTS": None}, 1, "CSAT_REPORT_RECIPIENTS is not set"),
        (("--mail",), {"CSAT_SMTP_URL": None}, 1, "need CSAT_SMTP_URL"),
        (("--mail",), {"CSAT_MAIL_FROM": None}, 1, "CSAT_SMTP_URL needs CSAT_MAIL_FROM"),
        (("--mail",), {"CSAT_DATABASE_URL": "sqlite:///none.db"}, 1, "there is no database"),
    ],
)
def test_what_is_refused_says_why_and_sends_nothing(
    report, mails, arguments, changes, code, reason
):
    done = report(*arguments, **changes)
    assert done.returncode == code
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert mails.mails == []


def test_a_day_with_unusually_many_answers_is_told(report, settings, database, tmp_path):
    noon = datetime(2026, 10, 14, 12, tzinfo=UTC)
    before = [GivenAnswer(at=noon - timedelta(days=days)) for days in range(1, 40)]
    give(database, settings, *before, *[GivenAnswer(rating=1, at=noon) for _ in range(30)])
    done = report("--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "Unusually many unverified answers; have a look at the report:",
        "  Surveys: 30 unverified answers rated 1 to 3 on 14 October 2026.",
    ]
    assert "on 14 October 2026" in (tmp_path / "out" / "report.html").read_text("utf-8")
