"""PostHog fails in every way a network knows: customers notice nothing, and once it is back, it
gets everything within a minute, once."""

import os
import statistics
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.behaviour import (
    ACCEPT,
    Behaviour,
    accept_then_reset,
    answer,
    garbage,
    hang,
    redirect,
    reset,
    slowly,
    truncate,
)
from demo.standin import PostHogStandIn
from survey.clock import now
from tests.support.customers import Answer, Customers
from tests.support.receiving import take
from tests.support.reckoning import (
    DELIVERY_SECONDS,
    assert_nothing_is_lost,
    opened,
    wait_for_delivery,
    was_noticed,
)
from tests.support.settings import make_settings
from tests.support.site import wait_until
from tests.support.tree import SiteTree

# A request that hangs is given up after 10 s.
NOTICED_SECONDS = 30.0
# Milliseconds on an idle machine; a site that waited for PostHog would take ten seconds.
LONGEST_ANSWER_SECONDS = 3.0

# What comes in within six minutes, at five or six answers a second; `make faults` waits for an
# hour's.
BACKLOG = int(os.environ.get("FAULT_BACKLOG", "2000"))

# None: nobody listens.
Failure = Behaviour | None

# Pauses are long: 30 s where only a setting can help, or PostHog asks for it. So there are several
# sites at the same time, each with a PostHog of its own, which fails in one way after the other
# and is well in between.
SITES: Mapping[str, Mapping[str, Failure]] = {
    "postgresql": {"hanging": hang(), "a byte a second": slowly(1.0)},
    "postgresql, lost": {"redirecting": redirect()},
    "sqlite, refused": {"401": answer(401, "invalid API key")},
    "sqlite, throttled": {"429, asking for an hour": answer(429, headers={"Retry-After": "3600"})},
    "sqlite": {
        "refusing connections": None,
        "resetting": reset(),
        "accepting, then resetting": accept_then_reset(),
        "200 with garbage": garbage(),
        "503": answer(503),
        "truncated": truncate(),
    },
}


@dataclass(frozen=True)
class Outage:
    """What came of a failure: how fast nearly all customers were thanked meanwhile, and how long
    it took after its end until what waited was delivered; in seconds."""

    thanks: float
    delivery: float


def go_through(
    folder: Path, database_url: str, failures: Mapping[str, Failure]
) -> dict[str, Outage]:
    """Let PostHog fail in one way after the other, under load; then reckon."""
    outages = {}
    with (
        PostHogStandIn() as posthog,
        SiteTree(folder, database_url, posthog.url) as site,
        Customers(site.port, seed=folder.name, threads=3) as customers,
        opened(database_url) as database,
    ):
        for name, failure in failures.items():
            customers.wait_for(5)
            began = time.monotonic()
            with failing(posthog, failure):
                wait_until(lambda: was_noticed(database), NOTICED_SECONDS)
                customers.wait_for(20)
            seconds = [each.seconds for each in customers.thanks if each.asked_at > began]
            slow = statistics.quantiles(seconds, n=20)[-1]
            outages[name] = Outage(slow, wait_for_delivery(database_url))
        assert customers.refusals == 0
        assert_nothing_is_lost(customers.stop(), database_url, posthog)
    return outages


@contextmanager
def failing(posthog: PostHogStandIn, failure: Failure) -> Iterator[None]:
    if failure is None:
        posthog.stop()
    else:
        posthog.behave(failure)
    yield
    posthog.behave(ACCEPT)
    posthog.release()
    posthog.start()


def deliver_backlog(folder: Path, database_url: str) -> float:
    """Store an hour's load while PostHog is away; how long its delivery took, in seconds."""
    answers = [Answer(str(n), n % 5 + 1, f"Words of {n}", "s") for n in range(BACKLOG)]
    with (
        PostHogStandIn() as posthog,
        SiteTree(folder, database_url, posthog.url),
        opened(database_url) as database,
    ):
        posthog.stop()
        take(database, make_settings(database_url=database_url), answers, now())
        posthog.start()
        seconds = wait_for_delivery(database_url)
        assert_nothing_is_lost(answers, database_url, posthog)
    return seconds


@pytest.fixture(scope="module")
def new_store(tmp_path_factory, postgresql, _upgraded):
    """A new folder for a site, and the address of a new database of this kind."""

    def new_store(kind):
        folder = tmp_path_factory.mktemp("site")
        if kind == "sqlite":
            return folder, f"sqlite:///{folder}/csat.db"
        return folder, postgresql.create_database(_upgraded)

    return new_store


@pytest.fixture(scope="module")
def under_way(new_store):
    """All of this at the same time, for it is mostly waiting; what will come of it."""
    with ThreadPoolExecutor(len(SITES)) as pool, ThreadPoolExecutor(1) as one_by_one:
        futures = {
            site: pool.submit(go_through, *new_store(site.partition(",")[0]), failures)
            for site, failures in SITES.items()
        }
        for kind in ("sqlite", "postgresql"):
            futures[f"backlog, {kind}"] = one_by_one.submit(deliver_backlog, *new_store(kind))
        yield futures


@pytest.mark.parametrize(
    ("site", "failure"),
    [(site, failure) for site, failures in SITES.items() for failure in failures],
)
def test_what_waits_for_posthog_is_delivered_when_it_is_back(under_way, site, failure):
    outage = under_way[site].result()[failure]
    print(f"{failure}: thanked in {outage.thanks:.3f} s, delivered in {outage.delivery:.1f} s")
    assert outage.thanks < LONGEST_ANSWER_SECONDS
    assert outage.delivery < DELIVERY_SECONDS


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backlog_is_delivered_when_posthog_is_back(under_way, kind):
    seconds = under_way[f"backlog, {kind}"].result()
    print(f"{BACKLOG:,} events delivered in {seconds:.1f} s")
    assert seconds < DELIVERY_SECONDS
