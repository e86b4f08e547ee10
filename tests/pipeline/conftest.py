import time
from collections.abc import Iterator

import pytest

from pipeline.sources import posthog_client


@pytest.fixture(autouse=True)
def _quick_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between queries to PostHog are kept, but short."""
    monkeypatch.setattr(posthog_client, "SECONDS_BETWEEN_REQUESTS", 0.0)
    monkeypatch.setattr(posthog_client, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(posthog_client, "POLL_SECONDS", 0.01)


@pytest.fixture
def machine_far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time zone must not matter."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
