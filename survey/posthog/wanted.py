"""What is to stand at PostHog: the survey, the insights, and the dashboard that holds them. Pure.

Each thing has a marker in its description, by which it is found again: names can be changed by
hand, and tags are no part of every plan.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from survey.events import COMMENT_QUESTION, RATING_QUESTION
from survey.languages import ENGLISH
from survey.posthog import hogql
from survey.posthog.note import write_note
from survey.scale import LABELS, RATINGS
from survey.settings import Settings

Json = Mapping[str, Any]

# What stands for ids that PostHog has not given yet.
NO_SURVEY = "<id of the survey>"
DASHBOARD_NAME = "Customer satisfaction (CSAT)"
SURVEY_KEY, DASHBOARD_KEY, NOTE_KEY = "survey", "dashboard", "note"


class Kind(Enum):
    """A kind of thing; the value is its path within a project of PostHog's API."""

    SURVEY = "surveys/"
    INSIGHT = "insights/"
    DASHBOARD = "dashboards/"

    @property
    def word(self) -> str:
        """The kind as a word: survey, insight or dashboard."""
        return self.name.lower()

    @property
    def read_scope(self) -> str:
        """The scope that a key needs to read such things."""
        return f"{self.word}:read"

    @property
    def write_scope(self) -> str:
        """The scope that a key needs to make and change such things."""
        return f"{self.word}:write"


@dataclass(frozen=True)
class Place:
    """The place of a tile in the dashboard's grid of twelve columns."""

    x: int
    y: int
    w: int
    h: int

    def as_layouts(self) -> dict[str, dict[str, int]]:
        """Return it as a tile's `layouts`. On a phone PostHog puts tiles below each other by
        itself."""
        return {"sm": {"x": self.x, "y": self.y, "w": self.w, "h": self.h}}


@dataclass(frozen=True)
class InsightPlan:
    """An insight as it is to be: what it shows, by which query, and where on the dashboard."""

    key: str
    name: str
    description: str
    query: Callable[[Settings, str], str]
    display: str
    place: Place
    x_column: str = "month"
    y_columns: Sequence[str] = ()


NOTE_PLACE = Place(0, 0, 12, 4)
INSIGHTS = (
    InsightPlan(
        "csat-by-month",
        "CSAT by month",
        "Responses rated 4 or 5, in per cent, and the same of the calendar month before.",
        hogql.csat_by_month,
        "ActionsLineGraph",
        Place(0, 4, 6, 5),
        y_columns=("csat_pct", "previous_csat_pct"),
    ),
    InsightPlan(
        "csat-by-team",
        "CSAT by team, this month",
        "Each team's responses of this month, and the share of them that was rated 4 or 5.",
        hogql.csat_by_team,
        "ActionsTable",
        Place(6, 4, 6, 5),
    ),
    InsightPlan(
        "responses-by-month",
        "Responses by month",
        "One for each ticket, in the month of its first answer.",
        hogql.responses_by_month,
        "ActionsBar",
        Place(0, 9, 4, 5),
        y_columns=("responses",),
    ),
    InsightPlan(
        "ratings-by-month",
        "Ratings by month",
        "How many responses have which rating.",
        hogql.ratings_by_month,
        "ActionsStackedBar",
        Place(4, 9, 4, 5),
        y_columns=tuple(f"rating_{rating}" for rating in RATINGS),
    ),
    InsightPlan(
        "response-rate",
        "Response rate by tickets shown",
        "Of the tickets whose survey was seen first in a month, how many were answered.",
        hogql.response_rate,
        "ActionsLineGraph",
        Place(8, 9, 4, 5),
        y_columns=("response_rate_pct",),
    ),
    InsightPlan(
        "latest-comments",
        "Latest comments",
        "What customers wrote, the newest responses first.",
        hogql.latest_comments,
        "ActionsTable",
        Place(0, 14, 12, 6),
    ),
)


def mark(description: str, key: str) -> str:
    """Return a description with the marker of a thing at its end."""
    return f"{description} {marker(key)}"


def marker(key: str) -> str:
    """Return the marker by which the thing of a key is found again."""
    return f"[csat:{key}]"


def make_survey(settings: Settings) -> Json:
    """Return the survey. PostHog shows it nowhere by itself: type `api` says that we ask."""
    return {
        "name": settings.survey_name,
        "description": mark(
            "Asked by mail after a support ticket was solved. The answers come from csat, which "
            "puts back what is changed here by hand.",
            SURVEY_KEY,
        ),
        "type": "api",
        "schedule": "always",
        "enable_partial_responses": False,
        "questions": [
            {
                "id": settings.rating_question_id,
                "type": "rating",
                "display": "emoji",
                "scale": len(RATINGS),
                "question": settings.rating_question.get(ENGLISH.tag) or RATING_QUESTION,
                "lowerBoundLabel": LABELS[min(RATINGS)],
                "upperBoundLabel": LABELS[max(RATINGS)],
                "optional": False,
            },
            {
                "id": settings.comment_question_id,
                "type": "open",
                "question": settings.comment_question.get(ENGLISH.tag) or COMMENT_QUESTION,
                "optional": True,
            },
        ],
    }


def make_insight(plan: InsightPlan, settings: Settings, survey_id: str) -> Json:
    """Return an insight."""
    return {
        "name": plan.name,
        "description": mark(plan.description, plan.key),
        "query": _make_query(plan, settings, survey_id),
    }


def make_dashboard() -> Json:
    """Return the dashboard, without its tiles, which PostHog adds only to one that there is."""
    description = "What customers of support answer, as csat sends it."
    return {"name": DASHBOARD_NAME, "description": mark(description, DASHBOARD_KEY)}


def make_note(settings: Settings) -> str:
    """Return the text of the dashboard's one text tile, with its marker."""
    return mark(write_note(settings), NOTE_KEY)


def _make_query(plan: InsightPlan, settings: Settings, survey_id: str) -> Json:
    query: dict[str, Any] = {
        "kind": "DataVisualizationNode",
        "source": {"kind": "HogQLQuery", "query": plan.query(settings, survey_id)},
        "display": plan.display,
    }
    if plan.y_columns:
        # A graph of a query has no axes unless they are named.
        query["chartSettings"] = {
            "xAxis": {"column": plan.x_column},
            "yAxis": [{"column": column} for column in plan.y_columns],
            "showLegend": len(plan.y_columns) > 1,
        }
    return query
