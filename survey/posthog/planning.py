"""What has to change at PostHog, from what is there and what is to be. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from survey.differences import restrict
from survey.errors import CsatError
from survey.posthog.wanted import (
    DASHBOARD_KEY,
    INSIGHTS,
    NO_SURVEY,
    NOTE_KEY,
    NOTE_PLACE,
    SURVEY_KEY,
    InsightPlan,
    Json,
    Kind,
    Place,
    make_dashboard,
    make_insight,
    make_note,
    make_survey,
    marker,
)
from survey.settings import Settings


class MoreThanOne(CsatError):
    """Several things at PostHog bear the same marker."""


@dataclass(frozen=True)
class Found:
    """What is at PostHog: all surveys of the project, and of insights and dashboards our own."""

    surveys: Sequence[Json] = ()
    insights: Mapping[str, Json] = field(default_factory=dict)
    dashboard: Json | None = None

    def with_survey(self, survey: Json) -> "Found":
        """Return the same with a survey that was made or changed."""
        others = [each for each in self.surveys if each["id"] != survey["id"]]
        return replace(self, surveys=[*others, survey])

    def with_insight(self, key: str, insight: Json) -> "Found":
        """Return the same with an insight that was made or changed."""
        return replace(self, insights={**self.insights, key: insight})


@dataclass(frozen=True)
class Change:
    """A thing that has to be made or changed at PostHog.

    `before` is what stands there of what we say, None if the thing is to be made; `after` is what
    is to stand there. `body` is what PostHog gets; sent twice, it would make something twice
    unless it `is_repeatable`.
    """

    kind: Kind
    key: str
    name: str
    number: str | None
    before: Json | None
    after: Json
    body: Json
    is_repeatable: bool = True

    @property
    def differences(self) -> list[str]:
        """The names of the fields that differ."""
        before = self.before or {}
        return [name for name, value in self.after.items() if before.get(name) != value]


@dataclass(frozen=True)
class Plan:
    """What has to change, in the order in which it can be done; what stands as it should, and what
    else the operator should know. A problem rules out that anything is done."""

    survey_id: str
    dashboard_id: str | None
    changes: Sequence[Change]
    unchanged: Sequence[str]
    remarks: Sequence[str]
    problems: Sequence[str]


def find_own(kind: Kind, key: str, listed: Iterable[Json]) -> Json | None:
    """Return the thing with the marker of a key, None if it is not there. Raise MoreThanOne."""
    own = [each for each in listed if marker(key) in str(each.get("description") or "")]
    if len(own) > 1:
        numbers = ", ".join(str(each.get("id")) for each in own)
        raise MoreThanOne(
            f"at PostHog, the descriptions of {len(own)} {kind.word}s hold {marker(key)} (ids "
            f"{numbers}): delete all but one, or take the marker out of the others, then run this "
            "again"
        )
    return own[0] if own else None


def find_survey(found: Found, survey_id: str) -> Json | None:
    """Return the survey with an id, whose ever it is."""
    return next((each for each in found.surveys if str(each["id"]) == survey_id), None)


def is_running(survey: Json) -> bool:
    """Return whether PostHog shows answers of a survey: it was started, and not ended."""
    is_over = survey.get("end_date") or survey.get("archived")
    return bool(survey.get("start_date")) and not is_over


def find_note(board: Json) -> Json | None:
    """Return the tile of our note; of several, the first one."""
    for tile in board.get("tiles") or ():
        text = tile.get("text")
        if text and marker(NOTE_KEY) in str(text.get("body") or ""):
            return dict(tile)
    return None


def make_plan(found: Found, settings: Settings, now: datetime) -> Plan:
    """Return what has to change. Raise MoreThanOne."""
    own = find_own(Kind.SURVEY, SURVEY_KEY, found.surveys)
    chosen = find_survey(found, settings.survey_id) if settings.survey_id else None
    is_of_others = chosen is not None and chosen is not own
    survey_id = settings.survey_id or (str(own["id"]) if own else NO_SURVEY)
    listed = [
        *([] if is_of_others else [_change_survey(own, settings, now)]),
        _make_dashboard_first(found, settings),
        *(_change_insight(each, found, settings, survey_id) for each in INSIGHTS),
        _change_dashboard(found, settings),
    ]
    changes = [each for each in listed if each is not None and each.differences]
    changed = {(each.kind, each.key) for each in changes}
    return Plan(
        survey_id=survey_id,
        dashboard_id=str(found.dashboard["id"]) if found.dashboard else None,
        changes=changes,
        unchanged=[
            describe(each.kind, each.name)
            for each in listed
            if each is not None and each.number and (each.kind, each.key) not in changed
        ],
        remarks=list(_remark(own, chosen, settings, is_of_others=is_of_others)),
        problems=[] if is_of_others else list(_find_taken_name(own, found, settings)),
    )


def describe(kind: Kind, name: str) -> str:
    """Return a thing in words, as people find it at PostHog."""
    return f'the {kind.word} "{name}"'


def explain_taken_name(name: str, survey_id: str | None) -> str:
    """Return what to do where the survey's name is taken; `survey_id` is that of the other survey,
    None if it is not known."""
    use = f"CSAT_SURVEY_ID={survey_id} to go on with that one" if survey_id else None
    ways = [*filter(None, [use]), "CSAT_SURVEY_NAME to another name"]
    return (
        f'PostHog has a survey "{name}" already, which was not made by csat and is left alone. Set '
        f"{', or '.join(ways)}; or rename it there"
    )


def _change_survey(own: Json | None, settings: Settings, now: datetime) -> Change:
    wanted = make_survey(settings)
    after = {**wanted, "is_running": True}
    if own is None:
        body = {**wanted, "start_date": now.isoformat()}
        return Change(Kind.SURVEY, SURVEY_KEY, wanted["name"], None, None, after, body)
    before = {**restrict(own, wanted), "is_running": is_running(own)}
    body = {
        **{name: wanted[name] for name in wanted if before.get(name) != wanted[name]},
        # Without their ids PostHog would give the questions new ones, and lose the old answers.
        "questions": [*_merge_questions(own.get("questions"), wanted["questions"])],
    }
    if not before["is_running"]:
        start = own.get("start_date") or now.isoformat()
        body |= {"start_date": start, "end_date": None, "archived": False}
    return Change(Kind.SURVEY, SURVEY_KEY, wanted["name"], str(own["id"]), before, after, body)


def _merge_questions(found: Any, wanted: Sequence[Json]) -> Iterator[Json]:
    """Yield our questions, each with what PostHog or somebody has added to it."""
    known = {each.get("id"): each for each in found or () if isinstance(each, Mapping)}
    for question in wanted:
        yield {**known.get(question["id"], {}), **question}


def _make_dashboard_first(found: Found, settings: Settings) -> Change | None:
    """Return the change that makes the dashboard: insights are put on it, so it comes first."""
    if found.dashboard is not None:
        return None
    body = make_dashboard()
    after = _view_wanted_dashboard(settings)
    return Change(Kind.DASHBOARD, DASHBOARD_KEY, body["name"], None, None, after, body)


def _change_insight(plan: InsightPlan, found: Found, settings: Settings, survey_id: str) -> Change:
    wanted = make_insight(plan, settings, survey_id)
    own = found.insights.get(plan.key)
    dashboard_id = found.dashboard["id"] if found.dashboard else None
    after = {**wanted, "on_the_dashboard": True}
    if own is None:
        body = {**wanted, "saved": True, "dashboards": [dashboard_id]}
        return Change(Kind.INSIGHT, plan.key, plan.name, None, None, after, body)
    boards = _list_boards(own)
    is_on = dashboard_id is not None and dashboard_id in boards
    before = {**restrict(own, wanted), "on_the_dashboard": is_on}
    body = {name: wanted[name] for name in wanted if before.get(name) != wanted[name]}
    if not is_on:
        # The list replaces the one there: an insight stays on the dashboards of others.
        body["dashboards"] = [*boards, dashboard_id]
    return Change(Kind.INSIGHT, plan.key, plan.name, str(own["id"]), before, after, body)


def _list_boards(insight: Json) -> list[Any]:
    """Return the ids of all dashboards that an insight is on, those of others among them."""
    if "dashboards" in insight:
        return list(insight["dashboards"] or ())
    # PostHog calls that list outdated, and may leave it out some day.
    tiles = insight.get("dashboard_tiles") or ()
    return [tile["dashboard_id"] for tile in tiles if not tile.get("deleted")]


def _change_dashboard(found: Found, settings: Settings) -> Change | None:
    if found.dashboard is None:
        return None
    board, wanted = found.dashboard, make_dashboard()
    after = _view_wanted_dashboard(settings)
    before = {**restrict(board, wanted), **_view_tiles(found)}
    body: dict[str, Any] = {
        name: wanted[name] for name in wanted if before.get(name) != wanted[name]
    }
    note = find_note(board)
    tiles = [*_place_insights(found), *_place_note(note, settings)]
    if tiles:
        body["tiles"] = tiles
    return Change(
        Kind.DASHBOARD,
        DASHBOARD_KEY,
        wanted["name"],
        str(board["id"]),
        before,
        after,
        body,
        # A text tile without an id is made anew each time.
        is_repeatable=note is not None,
    )


def _view_wanted_dashboard(settings: Settings) -> Json:
    places = {plan.key: plan.place for plan in INSIGHTS}
    tiles = {key: _in_words(place) for key, place in {NOTE_KEY: NOTE_PLACE, **places}.items()}
    return {**make_dashboard(), "tiles": tiles, "note": make_note(settings)}


def _view_tiles(found: Found) -> Json:
    """Return where our tiles are, and what the note says; what is not there is left out."""
    assert found.dashboard is not None
    note = find_note(found.dashboard)
    tiles = {NOTE_KEY: _in_words(_read_place(note))} if note else {}
    for plan in INSIGHTS:
        tile = _find_tile(found, plan.key)
        if tile is not None:
            tiles[plan.key] = _in_words(_read_place(tile))
    return {"tiles": tiles, **({"note": note["text"]["body"]} if note else {})}


def _place_insights(found: Found) -> Iterator[Json]:
    """Yield the tiles of insights that have to be moved."""
    for plan in INSIGHTS:
        tile = _find_tile(found, plan.key)
        if tile is not None and _read_place(tile) != plan.place:
            yield {"id": tile["id"], "layouts": plan.place.as_layouts()}


def _place_note(note: Json | None, settings: Settings) -> Iterator[Json]:
    """Yield the note's tile, if it has to be made or changed."""
    layouts, body = NOTE_PLACE.as_layouts(), make_note(settings)
    if note is None:
        yield {"text": {"body": body}, "layouts": layouts}
    elif note["text"]["body"] != body or _read_place(note) != NOTE_PLACE:
        # Without the two ids PostHog would make another tile of it.
        text = {"id": note["text"]["id"], "body": body}
        yield {"id": note["id"], "text": text, "layouts": layouts}


def _find_tile(found: Found, key: str) -> Json | None:
    insight, board = found.insights.get(key), found.dashboard
    for tile in (board or {}).get("tiles") or ():
        if insight and (tile.get("insight") or {}).get("id") == insight["id"]:
            return dict(tile)
    return None


def _read_place(tile: Json) -> Place | None:
    """Return the place of a tile; None if it has none yet."""
    layout = (tile.get("layouts") or {}).get("sm") or {}
    try:
        return Place(*(int(layout[name]) for name in ("x", "y", "w", "h")))
    except (KeyError, TypeError, ValueError):
        return None


def _in_words(place: Place | None) -> str:
    if place is None:
        return "nowhere yet"
    return f"column {place.x}, row {place.y}, {place.w} wide, {place.h} high"


def _find_taken_name(own: Json | None, found: Found, settings: Settings) -> Iterator[str]:
    for survey in found.surveys:
        if survey is not own and survey.get("name") == settings.survey_name:
            yield explain_taken_name(settings.survey_name, str(survey["id"]))


def _remark(
    own: Json | None, chosen: Json | None, settings: Settings, *, is_of_others: bool
) -> Iterator[str]:
    if is_of_others and chosen is not None:
        judgement = _judge_other(chosen, settings)
        yield f"CSAT_SURVEY_ID names a survey that csat did not make: {judgement}"
    elif settings.survey_id and chosen is None:
        other = f"Set CSAT_SURVEY_ID={own['id']}, the one that csat made" if own else "One is made"
        yield (
            f"CSAT_SURVEY_ID is {settings.survey_id}, and PostHog has no such survey (any more). "
            f"{other}; until that is set, events and insights go by {settings.survey_id}"
        )
    elif own is not None and settings.event_survey_id != str(own["id"]):
        yield (
            f"CSAT_SURVEY_ID is not set: events go to {settings.event_survey_id}, and are in none "
            f"of the insights. Set CSAT_SURVEY_ID={own['id']} and start csat serve again"
        )


def _judge_other(survey: Json, settings: Settings) -> str:
    """Return what to say of a survey that is not ours, but to which our events go."""
    questions = survey.get("questions") or ()
    ids = {each.get("id") for each in questions if isinstance(each, Mapping)}
    remarks = ["it is left alone"]
    if not {settings.rating_question_id, settings.comment_question_id} <= ids:
        remarks.append(
            "but it has no questions with the ids of CSAT_RATING_QUESTION_ID and "
            "CSAT_COMMENT_QUESTION_ID, so its own page shows no answers"
        )
    if not is_running(survey):
        remarks.append("but it is not running, so its own page shows no answers")
    return "; ".join(remarks)
