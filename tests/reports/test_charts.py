"""The charts of the trend: what they draw, what they say, and that they fit into a page."""

import time
from dataclasses import replace
from datetime import date
from decimal import Decimal

import altair as alt
import pandas as pd
import pytest

from pipeline.weeks import WEEKS, tabulate_weeks, weeks_up_to
from reports.charts import style
from reports.charts.trend import LARGE, SMALL, draw_teams, draw_together
from reports.links import FileLinks
from reports.shown_teams import show_teams
from reports.shown_trend import MOST_TRENDS, show_trends, show_weeks
from survey.store.marks import Mark
from survey.teams import DEFAULT_TEAMS, Team, parse_teams
from tests.support.html_reader import Reader
from tests.support.report_numbers import (
    LIMITS,
    OCTOBER,
    RATINGS,
    WEB_LINKS,
    frame_of,
    full_numbers,
    make_numbers,
    team_row,
)

TEAMS = parse_teams(DEFAULT_TEAMS)


def trends_of(numbers, links=None, teams=TEAMS):
    shown = show_trends(numbers, show_teams(numbers, teams), links or FileLinks())
    assert shown is not None
    return shown


def months(**responses: int):
    """A trend of all teams, with so many responses in months such as `m09`; 0 leaves a gap."""
    rows = [
        team_row("all", [number // 10 * each for each in (0, 1, 0, 3, 6)], month=f"2026-{name[1:]}")
        for name, number in responses.items()
    ]
    return replace(make_numbers(), trend=frame_of(rows, rows[0]))


@pytest.fixture(scope="module")
def full():
    return trends_of(full_numbers())


def test_charts_hold_to_the_schema_of_vega_lite(full, monkeypatch):
    drawn = []
    draw = style.vl_convert.vegalite_to_svg

    def note(specification, **options):
        drawn.append(specification)
        return draw(specification, **options)

    monkeypatch.setattr(style.vl_convert, "vegalite_to_svg", note)
    # What was drawn before is kept.
    draw_together.cache_clear()
    draw_teams.cache_clear()
    draw_together(full.together, full.marks)
    draw_teams(full.teams, full.marks)
    assert len(drawn) == 2
    for specification in drawn:
        alt.Chart.from_dict(specification).to_dict(validate=True)


def test_every_team_that_can_be_compared_has_a_chart_of_its_own(full):
    svgs = draw_teams(full.teams, full.marks)
    names = [trend.team.name for trend in full.teams]
    assert sorted(names) == sorted(team.name for team in TEAMS)
    for svg, name in zip(svgs, names, strict=True):
        (label,) = Reader(svg).all_of("aria-label")
        assert label.startswith(f"CSAT of {name} over 13 periods. October 2025: ")


def test_of_very_many_teams_those_with_the_most_responses_have_charts():
    many = {f"team_{n:02}": (1, 1, 1, 5, 10 + n) for n in range(MOST_TRENDS + 3)}
    shown = trends_of(make_numbers(many))
    assert {trend.team.slug for trend in shown.teams} == set(sorted(many)[3:])
    assert shown.left_out == 3


def test_the_text_alternative_tells_every_periods_numbers():
    (label,) = Reader(draw_together(trends_of(months(m08=100, m09=0, m10=10)).together, ())).all_of(
        "aria-label"
    )
    assert label == (
        "CSAT of All teams over 3 periods. August 2026: 90.0%, interval 82.6 to 94.5, "
        "100 responses; September 2026: 0 responses; "
        "October 2026: 90.0%, interval 59.6 to 98.2, 10 responses."
    )


def test_a_period_without_responses_leaves_a_gap_in_the_line():
    def lines(svg):
        parts = svg.split("mark-line")[1:]
        return max(part.partition(' d="')[2].partition('"')[0].count("M") for part in parts)

    whole = trends_of(months(m06=50, m07=50, m08=50, m09=50, m10=50))
    gap = trends_of(months(m06=50, m07=50, m08=0, m09=50, m10=50))
    assert lines(draw_together(whole.together, ())) == 1
    assert lines(draw_together(gap.together, ())) == 2


def test_a_point_outside_the_limits_has_its_own_shape_and_colour():
    numbers = months(m08=100, m09=100, m10=100)
    limit = {"team": "all", "centre_pct": Decimal(95), "lower_pct": Decimal(92)}
    limit |= {"upper_pct": Decimal(98), "signal": "below"}
    limits = frame_of([limit | {"month": "2026-10"}], LIMITS)
    calm = draw_together(trends_of(numbers).together, ())
    alarm = draw_together(trends_of(replace(numbers, limits=limits)).together, ())
    assert calm.count(f'fill="{style.ACCENT}"') == 0
    assert alarm.count(f'fill="{style.ACCENT}"') == 1
    assert "October 2026: 90.0%, interval 82.6 to 94.5, 100 responses, below the limits" in alarm
    points = [each.partition(' d="')[2].partition('"')[0] for each in _points(alarm)]
    assert points[0] == points[1] != points[2]


def _points(svg):
    return svg.partition("mark-symbol")[2].partition("mark-text")[0].split("<path")[1:]


def test_a_point_of_under_ten_responses_is_hollow():
    numbers = make_numbers({"surveys": (0, 0, 0, 1, 3)}, {"surveys": RATINGS})
    svg = draw_together(trends_of(numbers).together, ())
    hollow, full = (f'fill="{colour}" stroke' for colour in (style.PAPER, style.INK))
    assert sum(hollow in point for point in _points(svg)) == 1
    assert sum(full in point for point in _points(svg)) == 1


def test_marks_stand_where_they_happened_and_only_within_the_trend():
    numbers = months(m08=100, m09=100, m10=100)
    marks = (
        Mark(4, date(2026, 10, 31), "last day", "lead"),
        Mark(3, date(2026, 8, 1), "first day", "lead"),
        Mark(2, date(2026, 7, 31), "too early", "lead"),
        Mark(1, date(2026, 11, 1), "too late", "lead"),
    )
    shown = trends_of(replace(numbers, marks=marks)).marks
    assert [(mark.number, mark.words) for mark in shown] == [(1, "first day"), (2, "last day")]
    assert -0.5 < shown[0].place < -0.47
    assert 2.47 < shown[1].place < 2.5


def test_a_point_leads_to_its_responses_where_there_are_pages():
    shown = trends_of(full_numbers(), WEB_LINKS)
    reader = Reader(draw_teams(shown.teams, ())[0])
    slug = shown.teams[0].team.slug
    assert reader.all_of("href") == [
        WEB_LINKS.responses(period.name, slug, None) for period in OCTOBER.up_to(13)
    ]
    assert reader.all_of("role")[0] == "group"
    assert reader.all_of("aria-label")[-1] == shown.teams[0].points[-1].words
    assert reader.all_of("xlink:href") == []


def test_in_a_file_nothing_is_a_link(full):
    reader = Reader(draw_teams(full.teams, ())[0])
    assert "a" not in reader.tags
    assert reader.all_of("role")[0] == "img"


def test_weeks_are_drawn_as_the_trend_of_all_teams():
    weeks = tabulate_weeks(
        pd.DataFrame(
            {"month": ["2026-10-05..2026-10-11"], "team": ["surveys"], "rating": [5]}
        ).assign(responses=12),
        weeks_up_to(date(2026, 10, 14)),
        [],
    )
    together = show_teams(make_numbers(), TEAMS).together
    reader = Reader(draw_together(*show_weeks(weeks, together, [])))
    (label,) = reader.all_of("aria-label")
    assert "5 to 11 October 2026: 100%, interval 75.8 to 100.0, 12 responses;" in label
    assert label.count(";") == WEEKS - 1
    assert "12 Oct" in reader.data


def test_a_hostile_team_name_stays_a_text():
    name = """<script>alert(1)</script>"onload='x'"""
    shown = trends_of(make_numbers(), teams=(Team("surveys", name),))
    reader = Reader(draw_teams(shown.teams, ())[0])
    assert "script" not in reader.tags
    assert name in reader.all_of("aria-label")[0]


def test_no_responses_at_all_make_no_trend():
    numbers = make_numbers({"surveys": (0,) * 5})
    assert show_trends(numbers, show_teams(numbers, TEAMS), FileLinks()) is None


def test_the_same_numbers_draw_the_same_chart_and_no_ids_clash(full):
    svgs = draw_teams(full.teams, full.marks)
    assert svgs == draw_teams(full.teams, full.marks)
    assert not any(" id=" in svg or "url(" in svg or "style=" in svg for svg in svgs)


@pytest.mark.parametrize("size", [LARGE, SMALL])
def test_a_chart_scales_with_the_page_and_takes_its_colours(full, size):
    draw = draw_together(full.together, ()) if size is LARGE else draw_teams(full.teams, ())[0]
    root = draw[: draw.index(">")]
    assert f'viewBox="{" ".join(map(str, size.box))}"' in root
    assert "height=" not in root
    assert all(
        value.startswith(("var(", "none", "transparent"))
        for key in ("fill", "stroke")
        for value in Reader(draw).all_of(key)
    )


def test_all_charts_of_a_page_are_drawn_in_a_fraction_of_a_second(full):
    draw_together(full.together, full.marks), draw_teams(full.teams, full.marks)
    began = time.process_time()
    for _ in range(3):
        draw_together(full.together, full.marks), draw_teams(full.teams, full.marks)
    # 60 ms on a machine with nothing else to do.
    assert (time.process_time() - began) / 3 < 0.5
