"""How the demo's PostHog comes to its survey, insights and dashboard, and to its past."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import cache, partial

from demo.posthog_page import DashboardPage
from demo.predecessor import is_predecessor
from demo.sample import sample_events
from demo.standin import PostHogStandIn
from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from demo.standin_hogql import Event, recorded_events
from survey.counting_rules import CountingRules
from survey.links import parse_link
from survey.page_views import PageView, build_shown_event
from survey.posthog.applying import apply_plan
from survey.posthog.client import PostHogClient
from survey.posthog.planning import make_plan
from survey.posthog.reading import read_found
from survey.posthog.wording import describe_plan
from survey.settings import Settings
from survey.store.database import Database
from survey.store.outcomes import find_outcomes
from survey.vocabulary import COUNTED, Trust

# How many customers look at the survey and leave, for each that answers.
_LEAVING_SHARE = 0.6
_READING_TIME = timedelta(seconds=40)


def set_posthog_up(standin: PostHogStandIn, settings: Settings, until: datetime) -> None:
    """Set up the stand-in as `csat posthog setup` does, and offer a page with what that made."""
    # The demo's events carry this id from run to run, whatever a real PostHog would choose.
    standin.setup.next_survey_id = settings.event_survey_id
    with closing(PostHogClient(standin.url, PROJECT_ID, PERSONAL_KEY)) as client:
        plan = describe_plan(make_plan(read_found(client), settings, until))
        apply_plan(client, settings, until, lambda _change: None)
    standin.setup.history = cache(partial(find_past_events, settings, until))
    standin.dashboard = DashboardPage(standin.setup, plan)


def find_past_events(settings: Settings, until: datetime) -> list[Event]:
    """Return the events that PostHog would have of the sample: those of the site as far as its
    answers count, all that the predecessor sent, and the page views."""
    events = sample_events(until, settings)
    with closing(Database(settings.database_url)) as database, database.reading() as connection:
        rules = CountingRules.of(settings)
        uuids = {event["uuid"] for event in events}
        outcomes = find_outcomes(connection, rules, uuids, lambda _count: None)
    sent = [
        event for event in events if is_predecessor(event) or outcomes.get(event["uuid"]) in COUNTED
    ]
    return recorded_events([*sent, *_find_views(sent, settings)])


def _find_views(sent: Sequence[Event], settings: Settings) -> Iterator[Event]:
    """Yield a view of the survey before each answer, and views by some who gave none."""
    chance = random.Random("views without an answer")  # nosec B311 # for sample data
    for event in sent:
        ticket = str(event["properties"].get("ticketId") or "")
        tickets = [ticket] if ticket else []
        if chance.random() < _LEAVING_SHARE:
            tickets.append(f"{ticket}-unanswered")
        for number in tickets:
            link = parse_link({"ticketId": number, "distinct_id": f"customer of {number}"})
            at = event["timestamp"] - _READING_TIME
            view = PageView(link, Trust.UNVERIFIED, str(event["uuid"]), "en", at)
            yield build_shown_event(view, settings)
