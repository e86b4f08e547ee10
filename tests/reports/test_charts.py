from decimal import Decimal
from html.parser import HTMLParser

import altair as alt
import pandas as pd

from reports.charts import style
from reports.charts.teams import draw_teams
from reports.charts.trend import draw_trend
from survey.teams import Team

TEAMS = (Team("surveys", "Surveys"), Team("sales_cs", "Sales & CS"))
COLUMNS = ["month", "team", "responses", "csat_pct", "csat_low", "csat_high"]


class Reader(HTMLParser):
    """What a browser would find: elements, attributes, and the texts that are drawn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all_of(self, name: str) -> list[str]:
        return [value or "" for key, value in self.attributes if key == name]


def frame(*rows: tuple[str, str, int, str, str, str]) -> pd.DataFrame:
    shares = [[Decimal(share) if share else None for share in row[3:]] for row in rows]
    return pd.DataFrame(
        [[*row[:3], *share] for row, share in zip(rows, shares, strict=True)], columns=COLUMNS
    )


def month_of_teams() -> pd.DataFrame:
    return frame(
        ("2026-10", "experiments", 2, "100.00", "34.24", "100.00"),
        ("2026-10", "sales_cs", 100, "90.00", "82.56", "94.48"),
        ("2026-10", "surveys", 30, "90.00", "74.38", "96.54"),
        ("2026-10", "web_analytics", 0, "", "", ""),
        ("2026-10", "all", 132, "90.15", "83.89", "94.15"),
    )


def test_charts_hold_to_the_schema_of_vega_lite(monkeypatch):
    drawn = []
    draw = style.vl_convert.vegalite_to_svg

    def note(specification, **options):
        drawn.append(specification)
        return draw(specification, **options)

    monkeypatch.setattr(style.vl_convert, "vegalite_to_svg", note)
    draw_teams(month_of_teams(), TEAMS)
    draw_trend(trend({"2026-09": 3, "2026-10": 0}))
    assert len(drawn) == 2
    for specification in drawn:
        alt.Chart.from_dict(specification).to_dict(validate=True)


def trend(responses: dict[str, int]) -> pd.DataFrame:
    return frame(
        *(
            (month, "all", count, *(("90.00", "82.56", "94.48") if count else ("", "", "")))
            for month, count in responses.items()
        )
    )


def test_teams_stand_in_the_order_of_their_intervals_lower_end_and_all_teams_last() -> None:
    texts = Reader(draw_teams(month_of_teams(), TEAMS)).texts
    names = [t for t in texts if t in ("Sales & CS", "Surveys", "Experiments", "All teams")]
    assert names == ["Sales & CS", "Surveys", "Experiments", "All teams"]


def test_a_team_without_responses_is_left_out() -> None:
    assert "Web analytics" not in draw_teams(month_of_teams(), TEAMS)


def test_a_team_with_under_ten_responses_is_drawn_hollow() -> None:
    svg = draw_teams(month_of_teams(), TEAMS)
    assert svg.count('fill="var(--paper, #ffffff)"') == 1
    assert svg.count('fill="var(--accent, #b4530a)"') == 2


def test_the_text_alternative_tells_every_teams_numbers() -> None:
    reader = Reader(draw_teams(month_of_teams(), TEAMS))
    (label,) = reader.all_of("aria-label")
    assert reader.all_of("role")[0] == "img"
    assert "Sales & CS: 90.00%, interval 82.56 to 94.48, 100 responses;" in label
    assert "Experiments: 100.00%, interval 34.24 to 100.00, 2 responses, too few" in label


def test_a_hostile_team_name_stays_a_text() -> None:
    name = """<script>alert(1)</script>"onload='x'"""
    reader = Reader(draw_teams(month_of_teams(), (Team("surveys", name),)))
    assert "script" not in reader.tags
    assert name in reader.texts
    assert name in reader.all_of("aria-label")[0]


def test_a_month_without_responses_has_no_chart_of_teams() -> None:
    assert draw_teams(frame(("2026-10", "all", 0, "", "", "")), TEAMS) == ""


def test_the_trend_tells_thirteen_months_and_which_of_them_are_empty() -> None:
    (label,) = Reader(draw_trend(trend({"2026-10": 100, "2026-09": 0}))).all_of("aria-label")
    assert "Oct 2026: 90.00%, interval 82.56 to 94.48, 100 responses." in label
    assert "Sep 2026: no responses" in label
    assert "Oct 2025: no responses" in label
    assert label.count(";") == 12


def test_a_month_without_responses_leaves_a_gap_in_the_line() -> None:
    months = [f"2026-{number:02d}" for number in range(1, 11)]
    whole = draw_trend(trend(dict.fromkeys(months, 100)))
    gap = draw_trend(trend(dict.fromkeys(months, 100) | {"2026-05": 0}))

    def lines(svg: str) -> int:
        path = svg.partition("mark-line")[2].partition(' d="')[2].partition('"')[0]
        return path.count("M")

    assert (lines(whole), lines(gap)) == (1, 2)


def test_every_month_with_responses_says_how_many() -> None:
    texts = Reader(draw_trend(trend({"2026-08": 812, "2026-09": 1234, "2026-10": 12_900}))).texts
    assert {"812", "1.2k", "13k"} <= set(texts)


def test_no_responses_at_all_make_no_trend() -> None:
    assert draw_trend(trend({"2026-10": 0})) == ""


def test_rows_of_single_teams_do_not_touch_the_trend() -> None:
    together = trend({"2026-10": 100})
    team = together.assign(team="surveys", responses=7)
    assert draw_trend(pd.concat([team, together])) == draw_trend(together)


def test_the_same_numbers_draw_the_same_chart_and_no_ids_clash() -> None:
    for draw in (lambda: draw_teams(month_of_teams(), TEAMS), lambda: draw_trend(trend(
        {"2026-09": 50, "2026-10": 100}
    ))):  # fmt: skip
        svg = draw()
        assert svg == draw()
        assert " id=" not in svg
        assert "url(" not in svg


def test_a_chart_scales_with_the_page_and_takes_its_colours() -> None:
    svg = draw_teams(month_of_teams(), TEAMS)
    assert svg.startswith("<svg ")
    root = svg[: svg.index(">")]
    assert 'viewBox="0 0 ' in root
    assert 'width="100%"' in root
    assert "height" not in root
    assert all(
        value.startswith(("var(", "none", "transparent"))
        for key in ("fill", "stroke")
        for value in Reader(svg).all_of(key)
    )
