"""The insights at PostHog count as the report does, wherever docs/posthog.md says so."""

import shutil
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from demo.standin import PostHogStandIn
from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from pipeline.metrics import ALL
from pipeline.query import ReportQuery
from reports.loading import ReportLoader
from survey.counting_rules import CountingRules
from survey.delivery.sender import PostHogSender
from survey.delivery.worker import Worker
from survey.events import Questions
from survey.links import parse_link
from survey.months import Month
from survey.page_views import PageView, receive_page_views
from survey.periods import Period
from survey.posthog.applying import apply_plan
from survey.posthog.client import PostHogClient
from survey.receive import Arrival, Submission, receive_all
from survey.rederive import apply_rules
from survey.store.database import Database
from survey.vocabulary import Trust
from tests.support.clock import Clock
from tests.support.examples import examples
from tests.support.settings import make_settings

LATER = datetime(2026, 11, 20, 12, tzinfo=UTC)
OCTOBER, NOVEMBER = Period.parse("2026-10"), Period.parse("2026-11")
# Of months in London: summer time ends on 25 October.
BORDERS = [datetime(2026, 9, 30, 23, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)]


@dataclass(frozen=True)
class Step:
    """Somebody looks at the survey of a ticket, or answers."""

    at: datetime
    ticket: str
    person: str
    team: str
    rating: int | None
    comment: str | None


instants = st.builds(
    lambda border, days, bit: border + timedelta(days=days, microseconds=bit),
    border=st.sampled_from(BORDERS),
    days=st.sampled_from([0, 0, 1, 6, 7, 8, -1, -8]),
    bit=st.sampled_from([0, -1, 1, 3_600_000_000]),
)
steps = st.builds(
    Step,
    at=instants,
    ticket=st.sampled_from(["1", "2", "3", "4", "5", "6"]),
    person=st.sampled_from(["ann", "ann", "bob"]),
    team=st.sampled_from(["surveys", "Web analytics", "elsewhere", ""]),
    rating=st.sampled_from([1, 2, 3, 4, 5, 5, None]),
    comment=st.sampled_from([None, 'it\'s \\ "slow"', " ", "null"]),
)


def at_the_ends_of_months() -> list[Step]:
    """An answer in the last hour of October, and two changes in November, the second too late;
    and one in the first hour of October in London, which is September in UTC."""
    first = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    return [
        Step(first, "1", "ann", "surveys", 2, "slow"),
        Step(first + timedelta(days=7), "1", "ann", "elsewhere", 5, None),
        Step(first + timedelta(days=8), "1", "ann", "surveys", 1, "no"),
        Step(first, "2", "bob", "surveys", None, None),
        Step(datetime(2026, 9, 30, 23, 30, tzinfo=UTC), "3", "bob", "surveys", 3, None),
    ]


@example(at_the_ends_of_months())
@given(st.lists(steps, max_size=25))
@hypothesis_settings(
    max_examples=examples(3),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_insights_count_what_the_report_counts(template, tmp_path, played):
    path = tmp_path / "csat.db"
    for old in tmp_path.glob("csat.db*"):
        old.unlink()
    shutil.copy(template, path)
    clock = Clock(LATER)
    with PostHogStandIn() as posthog, closing(Database(f"sqlite:///{path}")) as database:
        posthog.setup.clock = clock
        settings = make_settings(
            database_url=f"sqlite:///{path}",
            posthog_host=posthog.url,
            survey_id=set_up(posthog),
        )
        apply_rules(database, CountingRules.of(settings))
        for step in sorted(played, key=lambda each: each.at):
            play(database, settings, step)
        deliver(database, settings, posthog, clock)
        # PostHog may have an event twice until it merges the copies.
        posthog.record({"batch": posthog.events[:3]})
        shown = evaluate(posthog)
    # As a new session finds them: by the path alone.
    with closing(Database(f"sqlite:///{path}")) as database:
        loader = ReportLoader(database, settings, clock)
        reports = {each.name: loader.load(ReportQuery(each)) for each in (OCTOBER, NOVEMBER)}
    compare(shown, reports)
    compare_rates(shown["response-rate"], played)


def set_up(posthog: PostHogStandIn) -> str:
    """Set PostHog up, twice as an operator does: the second time with the survey's id."""
    client = PostHogClient(posthog.url, PROJECT_ID, PERSONAL_KEY)
    with closing(client):
        plan = apply_plan(client, make_settings(), LATER, lambda _change: None)
    return plan.survey_id


def play(database: Database, settings, step: Step) -> None:
    link = parse_link({"ticketId": step.ticket, "distinct_id": step.person, "team": step.team})
    if step.rating is None:
        view = PageView(link, Trust.UNVERIFIED, f"{step.at}", "en", step.at)
        receive_page_views(database, settings, [view])
        return
    # As the form does it: blank comments are none.
    comment = (step.comment or "").strip() or None
    form = Submission(link, Trust.UNVERIFIED, step.rating, comment, None, Questions("How?"))
    receive_all(database, settings, [Arrival(form, step.at)])


def deliver(database: Database, settings, posthog: PostHogStandIn, clock: Clock) -> None:
    sender = PostHogSender(posthog.url, "phc_test")
    with closing(sender):
        worker = Worker(database, sender, clock, threading.Event(), settings.outbox_retention)
        assert worker.drain()


def evaluate(posthog: PostHogStandIn) -> dict[str, list[dict[str, object]]]:
    """The rows of each insight, by the key in its marker."""
    insights = posthog.setup.things["insights"]
    keys = [each["description"].partition("[csat:")[2].rstrip("]") for each in insights]
    return {
        key: [dict(zip(found["columns"], row, strict=True)) for row in found["result"]]
        for key, found in zip(keys, posthog.setup.evaluate(insights), strict=True)
    }


def compare(shown, reports) -> None:
    totals = {
        month: report.teams[report.teams["team"] == ALL].to_dict("records")[0]
        for month, report in reports.items()
    }
    by_month = {row["month"]: row for row in shown["csat-by-month"]}
    assert set(by_month) == {month for month, row in totals.items() if row["responses"]} | (
        set(by_month) - set(totals)
    )
    for month, row in by_month.items():
        if month in totals:
            total = totals[month]
            assert row["responses"] == total["responses"]
            assert same(row["csat_pct"], total["csat_pct"])
            assert same(row["previous_csat_pct"], total["previous_csat_pct"])
    for row in shown["responses-by-month"]:
        assert row["responses"] == by_month[row["month"]]["responses"]
    ratings = {row["month"]: row for row in shown["ratings-by-month"]}
    for month, total in totals.items():
        if total["responses"]:
            for rating in range(1, 6):
                assert ratings[month][f"rating_{rating}"] == total[f"rating_{rating}"]
    this_month = reports[str(Month(2026, 11))].teams
    teams = {
        row["team"]: row
        for row in this_month.to_dict("records")
        if row["responses"] and row["team"] != ALL
    }
    assert [row["team"] for row in shown["csat-by-team"]] == sorted(teams)
    for row in shown["csat-by-team"]:
        team = teams[row["team"]]
        assert (row["responses"], row["satisfied"]) == (team["responses"], team["satisfied"])
        assert same(row["csat_pct"], team["csat_pct"])
        assert same(row["mean_rating"], team["mean_rating"])
    told = {
        (row["ticket_id"], row["team"], row["rating"], row["comment"])
        for report in reports.values()
        for row in report.comments.to_dict("records")
    }
    listed = {
        (row["ticket"], row["team"], row["rating"], row["comment"])
        for row in shown["latest-comments"]
        if row["answered_at"] >= "2026-10"
    }
    assert listed == told


def same(shown, exact) -> bool:
    return shown == (None if exact is None else float(exact))


def compare_rates(rates, played: list[Step]) -> None:
    """Of the tickets that were seen or answered, those that were answered."""
    seen, answered = {step.ticket for step in played}, {s.ticket for s in played if s.rating}
    assert sum(row["tickets_shown"] for row in rates) == len(seen)
    assert sum(row["tickets_answered"] for row in rates) == len(answered)
