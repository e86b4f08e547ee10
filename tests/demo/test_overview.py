"""The demo's first page: the ways in for four kinds of people, and numbers of real reports."""

import re

import pytest

from demo.overview import PARTS, Entry, read_highlights
from demo.standin_page import render_overview

TEAMS = "month,team,responses,csat_pct,change_pp,change_significant\n"
TREND = "month,team,csat_pct\n2026-08,all,80.00\n2026-09,all,\n2026-09,surveys,1.00\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "teams.csv").write_text(
        f"{TEAMS}2026-10,surveys,7,50.00,,\n2026-10,all,1439,83.83,-4.70,down\n"
    )
    (tmp_path / "trend.csv").write_text(f"{TREND}2026-10,all,90.00\n")
    return tmp_path


def test_numbers_are_those_of_the_report(folder):
    found = read_highlights(folder)
    assert found is not None
    assert (found.month, found.csat, found.responses) == ("2026-10", "83.8", 1439)
    assert found.change == "down 4.7 points, a clear change"
    assert found.line == "0.0,64.0 300.0,0.0"


@pytest.mark.parametrize("content", ["", TEAMS, f"{TEAMS}2026-10,all,0,,,\n", "x\n1\n"])
def test_without_numbers_none_are_shown(folder, content):
    (folder / "teams.csv").write_text(content)
    assert read_highlights(folder) is None
    assert read_highlights(folder / "missing") is None


def test_each_of_the_four_finds_a_way_in(folder):
    entries = [Entry(part, f"for the {part}", f"http://x/{part}") for part in PARTS]
    page = render_overview([], entries, read_highlights(folder))
    for heading, part in zip(("Customers", "CS leads", "Finance", "Operators"), PARTS, strict=True):
        section = page.partition(f">{heading}</h2>")[2].partition("</section>")[0]
        assert re.findall(r'href="([^"]+)"', section) == [f"http://x/{part}"]
    assert "83.8%" in page
    assert "1,439" in page


def test_a_stand_in_that_offers_nothing_shows_events_alone():
    page = render_overview([])
    assert "Customers" not in page
    assert "0 events received" in page
