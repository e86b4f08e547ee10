"""A store with answers that are at PostHog, and PostHog's app."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from demo.standin import PostHogStandIn
from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from survey.delivery.sender import PostHogSender
from survey.events import Questions
from survey.links import parse_link
from survey.posthog.client import PostHogClient
from survey.receive import Submission, receive
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import OutboxRow
from survey.store.outbox import mark_delivered
from survey.vocabulary import Trust
from tests.support.clock import Clock
from tests.support.passing_time import PassingTime
from tests.support.rows import rows
from tests.support.settings import make_settings


@pytest.fixture
def passing() -> PassingTime:
    return PassingTime()


@pytest.fixture
def posthog_client(posthog: PostHogStandIn, passing: PassingTime) -> Iterator[PostHogClient]:
    client = PostHogClient(posthog.url, PROJECT_ID, PERSONAL_KEY, sleep=passing.sleep)
    with closing(client):
        yield client


@pytest.fixture
def settings(database_url: str, posthog: PostHogStandIn) -> Settings:
    return make_settings(
        database_url=database_url,
        posthog_host=posthog.url,
        posthog_project_id=PROJECT_ID,
        posthog_personal_key=PERSONAL_KEY,
    )


@pytest.fixture
def answer(database: Database, settings: Settings, clock: Clock) -> Callable[..., None]:
    """Receive an answer of a person."""

    def answer(distinct_id: str, ticket: str = "42", comment: str = "slow") -> None:
        link = parse_link({"ticketId": ticket, "distinct_id": distinct_id})
        form = Submission(link, Trust.UNVERIFIED, 2, comment, "s", Questions("How?"))
        receive(database, settings, form, clock())

    return answer


@pytest.fixture
def deliver(database: Database, posthog: PostHogStandIn, clock: Clock) -> Callable[[], None]:
    """Send PostHog all that waits."""

    def deliver() -> None:
        waiting = [row for row in rows(database, OutboxRow) if row.delivered_at is None]
        sender = PostHogSender(posthog.url, "phc_test")
        with closing(sender), database.writing() as connection:
            sender.send([row.payload for row in waiting])
            mark_delivered(connection, [row.id for row in waiting], clock())

    return deliver
