"""Figures for Prometheus that the processes count themselves.

Several processes of one `csat serve` count into files of a shared folder, which the supervisor
names to them by `PROMETHEUS_MULTIPROC_DIR`; alone, a process counts in its memory.
"""

import os
import tempfile
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, multiprocess
from prometheus_client.registry import REGISTRY

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# The files are in memory if possible: counting on a full disk would end the process.
_SHARED_MEMORY = Path("/dev/shm")  # nosec B108 # a folder of our own is made in it

HTTP_SECONDS = Histogram(
    "csat_http_request_seconds",
    "Requests that the site answered, by how long that took.",
    ["method", "page", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
REFUSED = Counter(
    "csat_http_refused",
    "Requests that the server refused before the site saw them.",
    ["status"],
)
ANSWERS = Counter(
    "csat_answers",
    "Answers that the site has taken, by what became of them (a repeat came before) and by their "
    "link's trust.",
    ["outcome", "trust"],
)
POSTHOG_SECONDS = Histogram(
    "csat_posthog_request_seconds",
    "Batches sent to PostHog, by how long it took and what came of it.",
    ["outcome"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


def shared_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a folder in which the processes of one supervisor count together."""
    place = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="csat-metrics-", dir=place)


def counting() -> AbstractContextManager[None]:
    """Suppress errors of counting, for lack of memory or open files, so that the counted work does
    not fail."""
    return suppress(Exception)


def counted_registry() -> CollectorRegistry:
    """Return what this process and those that count with it have counted."""
    if FOLDER_VARIABLE not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
