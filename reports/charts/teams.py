"""The chart of CSAT per team."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from pipeline.metrics import ALL, FEWEST_TO_COMPARE
from reports.charts.style import ACCENT, INK, PAPER, QUIET, TRACK, WIDTH, Drawing, render
from reports.rows import count_responses
from reports.shown_teams import REST, show_teams
from survey.teams import Team

# In chart units: a team's name stands above its bar.
ROW = 54
NAME_LIMIT = 290


def draw_teams(teams: pd.DataFrame, team_list: Sequence[Team]) -> str:
    """CSAT of every team that has responses, with its interval, the safest high score first.

    Ordered by the interval's lower end; under ten responses drawn hollow; the last rows are the
    teams that are not shown by themselves, and all teams together, which a small tick repeats in
    every row. Empty text if there is nothing to draw.
    """
    rows = [_read_team(row) for row in show_teams(teams, team_list) if row["responses"]]
    together = [row for row in rows if row["all"]]
    rest = [row for row in rows if row["rest"]]
    single = [row for row in rows if not row["all"] and not row["rest"]]
    if not single:
        return ""
    single.sort(key=lambda row: (-row["low"], row["name"]))
    ordered = [row | {"place": place} for place, row in enumerate(single + rest + together)]
    reference = together[0]["csat"] if together else None
    words = "; ".join(row["words"] for row in ordered)
    label = f"CSAT per team with its 95% interval, ordered by the interval's lower end. {words}."
    return render(_build_teams(ordered, reference), label)


def _read_team(row: dict[str, Any]) -> dict[str, Any]:
    """Return what the chart needs of a team's row; floats only place marks, texts keep the
    digits."""
    name, few = row["name"], row["responses"] < FEWEST_TO_COMPARE
    interval = f"{row['csat_low']:.2f} to {row['csat_high']:.2f}"
    colour = INK if row["team"] == ALL else QUIET if few else ACCENT
    return {
        "all": row["team"] == ALL,
        "rest": row["team"] == REST,
        "name": name,
        "value": f"{row['csat_pct']:.2f}% of {row['responses']:,}",
        "csat": float(row["csat_pct"]),
        "low": float(row["csat_low"]),
        "high": float(row["csat_high"]),
        "stroke": colour,
        "fill": PAPER if few else colour,
        "ink": QUIET if few else INK,
        "words": f"{name}: {row['csat_pct']:.2f}%, interval {interval}, "
        f"{count_responses(row['responses'])}{', too few to compare' if few else ''}",
    }


def _build_teams(rows: list[dict[str, Any]], reference: float | None) -> Drawing:
    """Return a row per team: name and value above, interval and dot on a track from 0 to 100
    below."""
    data = pd.DataFrame(rows).assign(start=0, end=100, reference=reference)
    axis = alt.Axis(
        values=[0, 25, 50, 75, 100], labelExpr="datum.value + '%'", labelFlush=True, grid=False
    )
    scale = alt.Scale(domain=[0, 100], nice=False)
    base = alt.Chart(data).encode(y=alt.Y("place:O", axis=None))
    stroke: Any = alt.Stroke("stroke:N", scale=None)

    def at(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=axis, title=None)

    texts = base.encode(color=alt.Color("ink:N", scale=None))
    layers = [
        base.mark_rule(stroke=TRACK, strokeWidth=2, yOffset=13).encode(x=at("start"), x2="end"),
        base.mark_tick(color=QUIET, thickness=2, size=16, yOffset=13).encode(x=at("reference")),
        base.mark_rule(strokeWidth=7, strokeCap="round", opacity=0.4, yOffset=13).encode(
            x=at("low"), x2="high", stroke=stroke
        ),
        base.mark_point(size=110, strokeWidth=2.5, opacity=1, yOffset=13).encode(
            x=at("csat"), stroke=stroke, fill=alt.Fill("fill:N", scale=None)
        ),
        texts.mark_text(align="left", yOffset=-8, fontWeight=600, limit=NAME_LIMIT).encode(
            x=at("start"), text="name:N"
        ),
        texts.mark_text(align="right", yOffset=-8).encode(x=at("end"), text="value:N"),
    ]
    return alt.layer(*layers).properties(width=WIDTH, height=ROW * len(rows))
