"""The alert rules that we ship: on figures that there are, and each explained."""

import re

import pytest
import yaml

from survey.site.app import create_app
from tests.conftest import on_sqlite
from tests.support.command import ROOT
from tests.support.settings import make_settings

RULES = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS_SECTION = (
    (ROOT / "docs/operators.md")
    .read_text(encoding="utf-8")
    .partition("\n## Alerts\n")[2]
    .partition("\n## ")[0]
)


@pytest.fixture(scope="module")
def explained():
    return set(re.findall(r"^\| `(Csat\w+)` \|", ALERTS_SECTION, re.MULTILINE))


def test_each_alert_is_explained_and_each_explanation_has_an_alert(explained):
    assert explained == {rule["alert"] for rule in ALERTS}
    assert len(explained) == len(ALERTS)


@on_sqlite
def test_each_figure_of_a_rule_is_told(database_url, database):
    settings = make_settings(database_url=database_url, metrics_token="let me in")
    client = create_app(settings, database).test_client()
    client.get("/nothing")
    text = client.get("/metrics", headers={"Authorization": "Bearer let me in"}).text
    told = set(re.findall(r"^# TYPE (csat_\w+)", text, re.MULTILINE))
    # These are there only after the first close, and after a first count.
    told |= {"csat_close_months_due"}
    used = {name for rule in ALERTS for name in re.findall(r"csat_\w+", rule["expr"])}
    assert used
    for name in used:
        assert name.removesuffix("_count").removesuffix("_bucket") in told, name


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_each_rule_says_how_urgent_it_is_and_what_happened(rule):
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    # Several sites tell the same about the store: only what processes count may be added up.
    if "sum" in rule["expr"]:
        assert "csat_http_" in rule["expr"]
