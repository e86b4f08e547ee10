"""What docs/posthog.md promises, tried: from a fresh project to an answer on the dashboard."""

import re
import shlex
from contextlib import closing
from urllib.parse import parse_qsl

from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from survey.clock import now
from survey.events import Questions
from survey.links import parse_link
from survey.posthog.note import write_note
from survey.receive import Submission, receive
from survey.store.database import Database
from survey.vocabulary import Trust
from tests.support.command import ROOT, run_csat
from tests.support.settings import SECRET_KEY, make_settings

DOCUMENT = (ROOT / "docs/posthog.md").read_text(encoding="utf-8")


def commands():
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


def test_five_steps_lead_to_the_first_answer_on_the_dashboard(posthog, tmp_path):
    assert len(re.findall(r"^\*\*\d\. ", DOCUMENT, re.MULTILINE)) == 5
    foretell, apply, serve, link, check = commands()
    variables = {
        "CSAT_DATABASE_URL": f"sqlite:///{tmp_path}/csat.db",
        "CSAT_SECRET_KEY": SECRET_KEY,
        "CSAT_POSTHOG_HOST": posthog.url,
        "CSAT_POSTHOG_KEY": "phc_test",
        "CSAT_POSTHOG_PROJECT_ID": PROJECT_ID,
        "CSAT_POSTHOG_PERSONAL_KEY": PERSONAL_KEY,
    }
    posthog.access.scopes[PERSONAL_KEY] = frozenset(re.findall(r"`(\w+:\w+)`", DOCUMENT)[:4])
    assert "would be made" in run_csat(*foretell, **variables).stdout
    applied = run_csat(*apply, **variables)
    assert applied.returncode == 0, applied.stderr
    printed = [line for line in applied.stdout.splitlines() if line.startswith("CSAT_")]
    variables |= dict(line.split("=") for line in printed)
    assert serve == ["serve"]  # has tests of its own; here somebody answers, and it delivers
    assert run_csat("db", "upgrade", **variables).returncode == 0
    answer(run_csat(*link, **variables).stdout.strip(), variables)
    assert run_csat("deliver", "--once", **variables).returncode == 0
    insights = posthog.setup.things["insights"]
    shown = posthog.setup.evaluate(insights)
    assert shown[0]["result"] == [[f"{now():%Y-%m}", 1, 100.0, None]]
    checked = run_csat(*check, **variables)
    assert (checked.returncode, checked.stdout.count("ok ")) == (0, 4), checked.stdout


def answer(address, variables):
    """Answer a link as the site receives it."""
    link = parse_link(dict(parse_qsl(address.partition("?")[2])))
    settings = make_settings(
        database_url=variables["CSAT_DATABASE_URL"], survey_id=variables["CSAT_SURVEY_ID"]
    )
    form = Submission(link, Trust.UNVERIFIED, 5, "at last", "s", Questions("How?"))
    with closing(Database(settings.database_url)) as database:
        receive(database, settings, form, now())


def test_the_note_fits_into_a_tile_and_names_what_the_document_names():
    note = write_note(make_settings())
    assert len(note) < 3_500  # PostHog takes 4000
    for words in ("voided", "testers", "Erased", "project key", "took over", "imported", "outbox"):
        assert words in note
    for words in ("voided", "tester", "erased", "project key", "took the ticket", "imported"):
        assert words in DOCUMENT
