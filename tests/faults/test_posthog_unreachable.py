"""PostHog's certificate has expired, or nobody knows the address of its name: events wait, the
operator reads why, and when it is mended, everything is delivered."""

import threading
from datetime import timedelta
from itertools import count

import pytest

from survey.clock import now
from survey.delivery.sender import PostHogSender
from survey.delivery.worker import Worker
from tests.support.certificates import self_signed
from tests.support.command import run_csat
from tests.support.customers import Answer
from tests.support.receiving import take
from tests.support.reckoning import assert_nothing_is_lost
from tests.support.settings import SECRET_KEY
from tests.support.tls_front import tls_front

ANSWERS = [Answer(str(n), n % 5 + 1, "words", "a") for n in range(20)]
DAY = timedelta(days=1)


@pytest.fixture
def deliver(database):
    """Try to deliver what waits to an address; whether all went out."""
    times = (now() + n * DAY for n in count())

    def deliver(url):
        sender = PostHogSender(url, "phc_test")
        # What the last try has put off is due the next time.
        at = next(times)
        worker = Worker(database, sender, lambda: at, threading.Event(), 7 * DAY)
        try:
            return worker.drain()
        finally:
            sender.close()

    return deliver


@pytest.fixture
def told(database_url):
    """What `csat outbox` and `csat doctor` say of it."""

    def told():
        settings = {"CSAT_DATABASE_URL": database_url, "CSAT_SECRET_KEY": SECRET_KEY}
        return [run_csat(name, **settings).stdout for name in ("outbox", "doctor")]

    return told


def test_a_certificate_that_has_expired(
    database, database_url, settings, posthog, deliver, told, tmp_path, monkeypatch
):
    # Somebody whom we trust has signed it, so that nothing is wrong with it but its age.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "server.pem"))
    take(database, settings, ANSWERS, now() - DAY)
    with tls_front(posthog.port, self_signed(tmp_path, lasts=-DAY)) as front:
        assert not deliver(front.url)
        for words in told():
            assert f"{front.url} cannot be reached: its certificate is refused (" in words
            assert "certificate has expired" in words
        assert posthog.attempts == 0
        front.certificate = self_signed(tmp_path)
        assert deliver(front.url)
    assert_nothing_is_lost(ANSWERS, database_url, posthog)


def test_a_name_without_an_address(database, database_url, settings, posthog, deliver, told):
    take(database, settings, ANSWERS, now() - DAY)
    assert not deliver("http://posthog.invalid")
    for words in told():
        assert "posthog.invalid cannot be reached: no address is known for its name" in words
    assert deliver(posthog.url)
    assert_nothing_is_lost(ANSWERS, database_url, posthog)
