"""What README and the documents promise, tried."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from demo.zendesk_standin import ZendeskStandIn
from pipeline.metrics import ALPHA
from survey.clock import now
from survey.setting_values import MAKE_SECRET
from survey.settings import Settings, variable
from survey.teams import DEFAULT_TEAMS
from tests.support.clock import Clock
from tests.support.command import ROOT, run_csat
from tests.support.settings import SECRET_KEY
from tests.support.site import running_site

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return README.partition(f"\n{heading}\n")[2].partition("\n##")[0]


def commands(text: str) -> list[list[str]]:
    """The `csat` commands of all code blocks, as a shell hands them on."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("csat")]
    month = f"{datetime.now(UTC):%Y-%m}"
    return [shlex.split(line.replace("$(date +%Y-%m)", month), comments=True)[1:] for line in lines]


def test_a_stranger_reaches_a_first_answer_by_readme_alone(tmp_path):
    assert MAKE_SECRET in section("### Your first real answer")
    check, serve, link, *later = commands(section("### Your first real answer"))
    assert (check, serve) == (["config", "check"], ["serve"])
    env = tmp_path / ".env"
    env.write_text((ROOT / "deploy/example.env").read_text(encoding="utf-8"), encoding="utf-8")
    env.chmod(0o600)
    database = {"CSAT_DATABASE_URL": f"sqlite:///{tmp_path}/var/csat.db"}
    with running_site(tmp_path, **database) as site:
        lines = {"CSAT_SECRET_KEY": SECRET_KEY, "CSAT_BASE_URL": site.url}
        text = env.read_text(encoding="utf-8")
        for name, value in lines.items():
            assert f"\n{name}=\n" in text
            text = text.replace(f"\n{name}=\n", f"\n{name}={value}\n")
        env.write_text(text, encoding="utf-8")
        told = run_csat(*check)
        assert (told.returncode, "CSAT_BASE_URL is" in told.stdout) == (0, False)
        address = run_csat(*link).stdout.strip()
        assert address.startswith(f"{site.url}/?distinct_id=me")
        sent = requests.post(address, data={"rating": "5", "comment": "at last"}, timeout=10)
        assert sent.status_code == 200
    shown, report, outbox, void = (run_csat(*command) for command in later)
    assert "response  5 for web_analytics" in shown.stdout
    assert "at last" in shown.stdout
    assert "1 responses" in report.stdout
    assert "at last" in Path("var/reports/first/report.html").read_text(encoding="utf-8")
    assert "waiting    1" in outbox.stdout
    assert "counts nowhere now" in void.stdout


def test_the_commands_of_the_zendesk_document_do_what_it_says(tmp_path):
    document = (ROOT / "docs/zendesk.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", document, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert [line.partition("csat ")[2] for line in lines] == [
        "config check",
        "zendesk import --since 2026-10-01",
        "zendesk webhook",
        "zendesk webhook --apply",
        "invite --dry-run",
        "zendesk plan --ticket 42 --plan enterprise",
    ]
    clock = Clock(now() - timedelta(hours=80))
    with ZendeskStandIn(clock=clock) as zendesk:
        zendesk.desk.next_number = 42
        customer = zendesk.desk.add_user("jane@example.com", "jane")
        zendesk.desk.reply(zendesk.desk.create_ticket(customer), "solved")
        clock.time = now()
        settings = {variable(name): value for name, value in zendesk.settings.items()}
        settings |= {
            "CSAT_DATABASE_URL": f"sqlite:///{tmp_path}/csat.db",
            "CSAT_SECRET_KEY": SECRET_KEY,
            "CSAT_BASE_URL": "https://survey.example.com",
            "CSAT_SMTP_URL": "smtp://127.0.0.1:9",
            "CSAT_MAIL_FROM": "care@example.com",
        }
        assert run_csat("db", "upgrade", **settings).returncode == 0
        told = []
        for line in lines:
            words = shlex.split(line)
            own = dict(word.split("=") for word in words if word.startswith("CSAT_"))
            done = run_csat(*words[len(own) + 1 :], **settings, **own)
            assert done.returncode == 0, done.stderr
            told.append(done.stdout + done.stderr)
        kinds = {kind: len(found) for kind, found in zendesk.rules.objects.items()}
    _, imported, foretold, applied, tried, corrected = told
    assert "1 tickets and 2 events" in imported
    assert "would be created" in foretold
    assert "was created" in applied
    assert kinds == {"automations": 0, "triggers": 1, "webhooks": 1}
    assert "42  would be asked" in tried
    assert "enterprise" in corrected


def test_each_setting_of_zendesk_is_explained_in_its_document():
    document = (ROOT / "docs/zendesk.md").read_text(encoding="utf-8")
    table = document.partition("## Settings")[2].partition("\n## ")[0]
    parts = ("zendesk_", "invite", "survey_delay", "survey_cooldown", "targets")
    parts += ("unverified_excluded",)
    names = {variable(name) for name in Settings.model_fields if name.startswith(parts)}
    assert names == set(re.findall(r"CSAT_\w+", table)) - {"CSAT_SETTLING_DELAY"}


def test_links_between_documents_lead_somewhere():
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for target, _, anchor in re.findall(r"\]\(([^)#:\s]*)(#([^)]+))?\)", text):
            file = path.parent / target if target else path
            assert file.exists(), f"{path.name} leads to {target}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
                slugs = {
                    re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings
                }
                assert anchor in slugs, f"{path.name} leads to {target}#{anchor}"


def test_the_documents_know_how_often_nine_tests_are_wrong():
    percent = round(100 * (1 - (1 - ALPHA) ** len(DEFAULT_TEAMS)))
    leads = (ROOT / "docs/leads.md").read_text(encoding="utf-8")
    assert f"{percent} % of them" in leads
    assert 100 / percent < 3  # more than one month in three
    assert "every other month" not in leads


def test_delivery_is_not_promised_to_be_once():
    assert "in order and once" not in README
    assert "at least once" in README
    assert "at least once" in (ROOT / "docs/operators.md").read_text(encoding="utf-8")
