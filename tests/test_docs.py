"""What README and the documents promise, tried."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import requests

from pipeline.metrics import ALPHA
from survey.setting_values import MAKE_SECRET
from survey.teams import DEFAULT_TEAMS
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
