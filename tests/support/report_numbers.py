"""The numbers of a report, made by hand from ratings: exact, and without a database."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from pipeline import schemas
from pipeline.invitations import CountedInvitations, InvitationCounts, frame_invitations
from pipeline.metrics import ALL, TEAM_COLUMNS, round_exactly, wilson_interval_pct
from pipeline.query import ReportQuery
from pipeline.report import ReportNumbers
from pipeline.sources.store_waits import frame_answered
from pipeline.stuffing import Effect, Kind, SeriesKey, Suspicion
from pipeline.surges import Surge
from pipeline.targets import TargetNumbers
from reports.site.links import WebLinks
from survey.periods import Period
from survey.store.marks import Mark
from survey.store.targets import WaitedBeforeAnswer
from survey.teams import DEFAULT_TEAMS, Team, parse_teams
from survey.vocabulary import InvitationOutcome, Plan
from tests.support.waits import WEDNESDAY, number_waits, waited

LONDON = ZoneInfo("Europe/London")
OCTOBER = Period.parse("2026-10")
WEB_LINKS = WebLinks(ReportQuery(OCTOBER))
OCTOBER_STANDS = datetime(2026, 11, 8, tzinfo=UTC)
LIMITS = list(schemas.LIMITS.columns)
WORDS = list(schemas.WORDS.columns)
COMMENTS = list(schemas.COMMENTS.columns)
REASONS = ("duplicate", "no_ticket", "test")

# Of 100 responses 90 are satisfied.
RATINGS = (2, 3, 5, 30, 60)
Ratings = Sequence[int]


def percent(ratings: Ratings, decimals: int = 2) -> Decimal | None:
    """The CSAT of these ratings."""
    total = sum(ratings)
    return round_exactly(Fraction(100 * sum(ratings[3:]), total), decimals) if total else None


def team_row(
    team: str,
    ratings: Ratings = RATINGS,
    before: Ratings = RATINGS,
    verdict: str | None = "no",
    month: str = "2026-10",
    **changes: Any,
) -> dict[str, Any]:
    """A row of `teams`: its ratings, those of the period before, and what became of its CSAT."""
    total, satisfied = sum(ratings), sum(ratings[3:])
    low, high = wilson_interval_pct(satisfied, total) if total else (None, None)
    share, previous = percent(ratings), percent(before)
    mean = Fraction(sum(r * n for r, n in enumerate(ratings, 1)), total) if total else None
    row = {
        "month": month,
        "team": team,
        "responses": total,
        "satisfied": satisfied,
        "csat_pct": share,
        "csat_low": None if low is None else Decimal(f"{low:.2f}"),
        "csat_high": None if high is None else Decimal(f"{high:.2f}"),
        "mean_rating": round_exactly(mean, 3),
        **{f"rating_{rating}": number for rating, number in enumerate(ratings, 1)},
        "comments": 0,
        "invitations": None,
        "response_rate_pct": None,
        "previous_csat_pct": previous,
        "change_pp": None if share is None or previous is None else share - previous,
        "change_significant": verdict if min(total, sum(before)) >= 10 else None,
    }
    return row | changes


def frame_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as they are, with None for what is missing."""
    return pd.DataFrame(list(rows), columns=list(columns), dtype="object")


def pool(rows: Sequence[Ratings]) -> list[int]:
    """Ratings of several teams together."""
    return [sum(column) for column in zip(*rows, strict=True)] if rows else [0] * 5


def make_numbers(
    now: Mapping[str, Ratings] | None = None,
    before: Mapping[str, Ratings] | None = None,
    verdicts: Mapping[str, str | None] | None = None,
    **changes: Any,
) -> ReportNumbers:
    """A report of October 2026 from each team's ratings, then and in September. `verdicts` says
    whose CSAT clearly moved; `rows` replaces the rows of the month."""
    now = {"surveys": RATINGS} if now is None else now
    before = dict(now) if before is None else before
    verdicts = verdicts or {}
    nothing = [0] * 5
    pooled, pooled_before = pool(list(now.values())), pool(list(before.values()))
    names = sorted({*now, *before})
    rows = changes.pop("rows", None) or [
        *(
            team_row(
                each, now.get(each, nothing), before.get(each, nothing), verdicts.get(each, "no")
            )
            for each in names
        ),
        team_row(ALL, pooled, pooled_before, verdicts.get(ALL, "no")),
    ]
    earlier = [
        *(team_row(each, before[each], nothing, month="2026-09") for each in before),
        team_row(ALL, pooled_before, nothing, month="2026-09"),
    ]
    teams = frame_of(rows, TEAM_COLUMNS)
    parts: dict[str, Any] = {
        "query": ReportQuery(OCTOBER),
        "source": "the survey's own store",
        "as_of": OCTOBER_STANDS,
        "teams": teams,
        "against_year": teams.assign(previous_csat_pct=None, change_significant=None),
        "counts": frame_of([], ("month", "team", "rating", "responses")),
        "trend": frame_of([*earlier, *rows], TEAM_COLUMNS),
        "limits": frame_of([], LIMITS),
        "drivers": frame_of([], ["team"]),
        "comments": frame_of([], COMMENTS),
        "words": frame_of([], WORDS),
        "misspellings": {},
        "marks": (),
        "quality": quality(sum(pooled)),
        "invitations": None,
        "stuffing": None,
        "targets": None,
        "donations": None,
    }
    return ReportNumbers(**(parts | changes))


def comment_row(**changes: Any) -> dict[str, Any]:
    """A comment of a team of the list."""
    at = pd.Timestamp("2026-10-14 09:12", tz=LONDON)
    row = {"ticket_id": "4711", "team": "surveys", "rating": 5, "comment": "Thank you!"}
    return row | {"answered_at": at, "link_trust": "known", "language": "en"} | changes


def comments_of(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """Comments as a frame."""
    return pd.DataFrame(list(rows), columns=COMMENTS)


def quality(response: int, **answers: int) -> pd.DataFrame:
    """What became of the answers, adding up."""
    counts = {"response": response, "edit": 0} | dict.fromkeys(REASONS, 0) | answers
    counts = {"received": sum(counts.values())} | counts
    return pd.DataFrame({"reason": list(counts), "answers": list(counts.values())})


def full_numbers(**changes: Any) -> ReportNumbers:
    """A report in which there is something of everything: all teams of the list over 13 months,
    one of which clearly fell, small and misspelled ones, comments of every kind, marks, words."""
    teams = [team.slug for team in parse_teams(DEFAULT_TEAMS)]
    sizes = {team: 18 + 11 * place for place, team in enumerate(teams)}
    now: dict[str, Ratings] = {
        team: (size // 18, size // 18, size // 9, size // 4, size) for team, size in sizes.items()
    }
    before = {team: tuple(ratings) for team, ratings in now.items()}
    now |= {"product_analytics": (12, 9, 10, 20, 40), "sesion_replay": (0, 1, 0, 0, 2)}
    before |= {"product_analytics": (2, 2, 3, 28, 60)}
    numbers = make_numbers(
        now,
        before,
        {"product_analytics": "down"},
        drivers=frame_of([{"team": ALL}], ["team"]),
        comments=comments_of(*_every_kind_of_comment(teams)),
        words=frame_of(
            [
                {"language": "en", "phrase": "nine days", "low_comments": 7, "other_comments": 1},
                {"language": "ar", "phrase": "لم يتم", "low_comments": 5, "other_comments": 0},
                {"language": "", "phrase": "<b>broken", "low_comments": 6, "other_comments": 2},
            ],
            WORDS,
        ),
        targets=_every_kind_of_reply(teams),
        misspellings={"sesion_replay": Team("session_replay", "Session replay")},
        invitations=every_kind_of_invitation(),
        stuffing=every_kind_of_suspicion(),
        marks=(
            Mark(1, date(2026, 3, 3), "An outage, <b>four</b> hours", "lead"),
            Mark(2, date(2026, 9, 21), "Insights 2.0", "lead"),
        ),
        **changes,
    )
    earlier = [
        numbers.trend[numbers.trend["month"] == "2026-09"].assign(month=period.name)
        for period in OCTOBER.up_to(13)[:-2]
    ]
    trend = pd.concat([*earlier, numbers.trend], ignore_index=True)
    limits = frame_of(
        [
            {
                "month": row["month"],
                "team": row["team"],
                "centre_pct": Decimal("88.00"),
                "lower_pct": Decimal("75.00"),
                "upper_pct": Decimal("97.00"),
                "signal": "below" if row["csat_pct"] < 75 else None,
            }
            for row in trend.to_dict("records")
            if row["responses"] >= 10
        ],
        LIMITS,
    )
    return ReportNumbers(**(vars(numbers) | {"trend": trend, "limits": limits}))


def every_kind_of_suspicion() -> tuple[Suspicion, ...]:
    """Many answers of one rating on two days, from one network, and to a team of a long name."""
    all_teams = Effect(Fraction(84, 100), Fraction(80, 100))

    def days(kind: Kind, team: str | None, *numbers: int) -> tuple[Surge[SeriesKey], ...]:
        key = SeriesKey(kind, team)
        return tuple(
            Surge(key, date(2026, 10, 14 + place), number, 4.2, 11)
            for place, number in enumerate(numbers)
        )

    return (
        Suspicion(
            Kind.SATISFIED,
            "session_replay",
            days(Kind.SATISFIED, "session_replay", 44, 38),
            Effect(Fraction(832, 1000), Fraction(713, 1000)),
            all_teams,
        ),
        Suspicion(Kind.NETWORK, None, days(Kind.NETWORK, None, 61), None, all_teams),
        Suspicion(
            Kind.DISSATISFIED,
            "x" * 60,
            days(Kind.DISSATISFIED, "x" * 60, 12),
            Effect(Fraction(0), None),
            all_teams,
        ),
    )


def every_kind_of_invitation() -> InvitationCounts:
    """Customers of all plans who were asked, and tickets for every reason not to ask."""
    invited = [
        CountedInvitations(team, plan.value, language, 40 + 9 * place, 7 + 5 * place)
        for place, (team, plan, language) in enumerate(
            zip(("surveys", "experiments", "sesion_replay") * 2, Plan, LANGUAGES, strict=True)
        )
    ]
    not_asked = [
        (outcome.value, "surveys", "scale", "en", 3 * place)
        for place, outcome in enumerate(InvitationOutcome)
        if outcome not in (InvitationOutcome.SENT, InvitationOutcome.ASKED)
    ]
    solved = [
        ("surveys", "unknown", "<b>blocker", "en", 4),
        ("billing", "unknown", None, "de", 2),
        ("surveys", "scale", None, "en", 90),
    ]
    return frame_invitations({OCTOBER.name: invited}, not_asked, solved)


# In the order of plans: as help desks write them.
LANGUAGES = ("en-US", "de", "fr", "ja", "tlh-x-<b>", None)


def _every_kind_of_reply(teams: Sequence[str]) -> TargetNumbers:
    """Replies of every plan, kind and severity, some late, and some overdue; and of a team
    whose name a mean person thought of."""
    hours = (0.2, 1.5, 3.0, 6.5, 9.0, 14.0, 22.0, 31.0, 50.0, 71.5)
    waits = [
        waited(
            None if number % 37 == 0 else hours[number % 10] * (1 + number % 3 / 3),
            team=teams[number % len(teams)] if number % 11 else "<b>escalations & more",
            plan=list(Plan)[number * 7 % 17 % 6].value,
            severity=(None, "sev_1", "sev_2", "<i>sev_3")[number % 4],
            instance=1 + number % 3,
            escalated_at=WEDNESDAY if number % 5 == 0 else None,
            activated_at=WEDNESDAY + timedelta(minutes=7 * number),
        )
        for number in range(1, 900)
    ]
    never = [waited(None, team="web_analytics", plan="enterprise") for _ in range(3)]
    answers = [
        WaitedBeforeAnswer(
            str(number), "surveys", 5 if number % (2 if number % 3 else 9) else 2, "known", "en",
            "scale", WEDNESDAY, WEDNESDAY + timedelta(hours=30 if number % 3 else 2),
        )
        for number in range(120)
    ]  # fmt: skip
    answered = frame_answered(answers)
    return number_waits(*waits, *never, answered=answered, as_of=OCTOBER_STANDS)


def _every_kind_of_comment(teams: Sequence[str]) -> list[dict[str, Any]]:
    day = pd.Timestamp("2026-10-01 08:00", tz=LONDON)
    texts = (
        ("Still broken, after nine days.", "en"),
        ("لم يتم حل المشكلة بعد.", "ar"),
        ("まだ解決していません。", "ja"),
        ("A long story. " * 60, "en"),
        ("x" * 600, ""),
        ("one\n" * 12, "en"),
        ("Great \u202etxt.exe\u202c <script>alert(1)</script>", "en"),
        ("😀" * 300, "tlh-x-<b>"),
    )
    return [
        comment_row(
            ticket_id=str(number),
            team=teams[number % len(teams)] if number % 3 else "product_analytics",
            rating=number % 5 + 1,
            comment=texts[number % len(texts)][0],
            language=texts[number % len(texts)][1],
            link_trust="unverified" if number % 4 == 0 else "known",
            answered_at=day + timedelta(hours=5 * number),
        )
        for number in range(90)
    ]
