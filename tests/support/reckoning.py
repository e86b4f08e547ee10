"""The reckoning after a fault: what was acknowledged, what is stored, what PostHog has."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Select, func, select

from demo.standin import PostHogStandIn
from survey.clock import now
from survey.store import outbox
from survey.store.database import Database
from survey.store.models import Channel, OutboxRow, ResponseRow
from survey.store.outbox import OutboxSummary
from survey.store.received import all_received
from tests.support.customers import Answer

# The contract: once PostHog accepts again, everything waiting is delivered in this time.
DELIVERY_SECONDS = 60.0


@contextmanager
def opened(database_url: str) -> Iterator[Database]:
    """The store of a site that runs, from outside."""
    database = Database(database_url)
    try:
        yield database
    finally:
        database.close()


def summary(database_url: str) -> OutboxSummary:
    """The state of the outbox."""
    with opened(database_url) as database, database.reading() as connection:
        return outbox.summarise(connection, now())


def was_noticed(database: Database) -> bool:
    """Whether delivery has met a failure, and something waits for the next try."""
    with database.reading() as connection:
        return outbox.summarise(connection, now()).last_reason is not None


def wait_for_delivery(database_url: str) -> float:
    """Wait until all events that wait now are delivered; how long that took, never over a
    minute."""
    began = time.monotonic()
    waiting = (
        OutboxRow.channel == Channel.POSTHOG.value,
        OutboxRow.delivered_at.is_(None),
        OutboxRow.dead_at.is_(None),
    )
    with opened(database_url) as database:
        with database.reading() as connection:
            last = connection.scalar(select(func.max(OutboxRow.id))) or 0
        left = select(func.count()).where(*waiting, OutboxRow.id <= last)
        while count := _count(database, left):
            seconds = time.monotonic() - began
            assert seconds < DELIVERY_SECONDS, f"{count} wait after {seconds:.0f} s"
            time.sleep(0.1)
    return time.monotonic() - began


def _count(database: Database, statement: Select[tuple[int]]) -> int:
    with database.reading() as connection:
        return connection.scalar(statement) or 0


def assert_nothing_is_lost(
    thanked: Sequence[Answer], database_url: str, posthog: PostHogStandIn
) -> None:
    """Answers acknowledged = answers stored = submissions at PostHog: none missing, none more.

    A ticket's latest answer is the one that stands, and PostHog got its answers in their order.
    Nobody answers any more; what waits is waited for.
    """
    wait_for_delivery(database_url)
    events, submissions = posthog.events, posthog.submissions()
    with opened(database_url) as database, database.reading() as connection:
        stored = [
            (uuid, (ticket, rating, comment))
            for uuid, ticket, _, rating, comment, *_ in all_received(connection, None)
        ]
        responses = connection.execute(
            select(ResponseRow.ticket_id, ResponseRow.rating, ResponseRow.submission_id)
        ).all()
        state = outbox.summarise(connection, now())

    expected = [(each.ticket_id, each.rating, each.comment) for each in thanked]
    _assert_same("answers stored", (content for _, content in stored), expected)
    _assert_same("submissions at PostHog", map(_content, submissions), expected)
    _assert_same(
        "uuids at PostHog", (each["uuid"] for each in submissions), (uuid for uuid, _ in stored)
    )
    assert (state.waiting, state.dead, state.delivered) == (0, [], len(stored))

    latest = {each.ticket_id: each.rating for each in thanked}
    assert {row.ticket_id: row.rating for row in responses} == latest

    ratings: dict[str, list[int]] = {}
    for each in thanked:
        ratings.setdefault(each.ticket_id, []).append(each.rating)
    assert in_order_of_arrival(submissions) == ratings, "an edit overtook what it edits"
    ids = {(each["properties"]["ticketId"], _submission_id(each)) for each in submissions}
    assert ids == {(row.ticket_id, row.submission_id) for row in responses}

    first_copy = {each["uuid"]: json.dumps(each) for each in submissions}
    assert all(json.dumps(each) == first_copy[each["uuid"]] for each in events), "a copy differs"


def in_order_of_arrival(submissions: Iterable[dict]) -> dict[str, list[int]]:
    """Each ticket's ratings, as PostHog got them first."""
    ratings: dict[str, list[int]] = {}
    for each in submissions:
        ratings.setdefault(each["properties"]["ticketId"], []).append(each["properties"]["rating"])
    return ratings


def _content(event: dict) -> tuple[str, int, str]:
    properties = event["properties"]
    return properties["ticketId"], properties["rating"], properties["$survey_response_1"]


def _submission_id(event: dict) -> str:
    return event["properties"]["$survey_submission_id"]


def _assert_same(what: str, found: Iterable, expected: Iterable) -> None:
    found, expected = Counter(found), Counter(expected)
    missing, more = expected - found, found - expected
    assert not missing and not more, (
        f"{what}: {missing.total()} missing, {more.total()} more than acknowledged, "
        f"of {expected.total()}; such as {list(missing)[:3]} and {list(more)[:3]}"
    )
