"""A stand-in for PostHog: a real HTTP server for the demo, and the only fake in the tests."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.behaviour import Behaviour, Script
from demo.overview import Entry, Highlights
from demo.standin_access import AccessList
from demo.standin_http import Server
from demo.standin_persons import PersonService
from demo.standin_query import QueryService
from demo.standin_server import StandIn
from demo.standin_setup import SetupService
from demo.standin_v1 import CaptureV1

if TYPE_CHECKING:
    from demo.posthog_page import DashboardPage
    from demo.zendesk_page import DeskPages

Event = Mapping[str, Any]


class PostHogStandIn(StandIn):
    """Takes batches as PostHog does, on `/batch/` and by `v1`, remembers and shows them on `/`.

    `requests` and `events` hold the accepted batches and events, in order. `attempts` counts every
    batch that arrived, accepted or not. `behave`, `refuse` and `choke` make the stand-in fail.
    `queries` answers the Query API's queries about the events, `persons` questions about who sent
    them, and deletes them, `setup` keeps surveys, insights and dashboards; `access` holds the keys
    for all of it. `overview` holds the entries that
    the page offers to open, `highlights` the numbers that the page shows. Browsers can read the
    files of `report_folder` under `/report/`, the pages of `help_desk`, and the `dashboard` under
    `/posthog`. `alerts` holds the texts that were posted to `/alerts` as to a channel of Slack.
    `unknown_keys` are keys that no project has: as at PostHog, batches are accepted under them all
    the same.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        overview: Sequence[Entry] = (),
        report_folder: Path | None = None,
    ) -> None:
        super().__init__(port, "posthog-standin")
        self.overview = list(overview)
        self.highlights: Highlights | None = None
        self.report_folder = report_folder
        self.help_desk: DeskPages | None = None
        self.dashboard: DashboardPage | None = None
        self.alerts: list[str] = []
        self.unknown_keys: set[str] = set()
        self._changed = threading.Condition()
        self._requests: list[dict[str, Any]] = []
        self._attempts = 0
        self._script = Script()
        self._refused: Callable[[Event], bool] | None = None
        self._choked_on: Callable[[Event], bool] | None = None
        self.access = AccessList()
        self.queries = QueryService(self, self.access)
        self.persons = PersonService(self, self.access)
        self.v1 = CaptureV1(self)
        self.setup = SetupService(self, self.access)

    @property
    def port(self) -> int:
        """The port, which is known after the start."""
        return self._port

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The accepted batches, each as {api_key, sent_at, batch}."""
        with self._changed:
            return list(self._requests)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The messages of all accepted batches, in order, repeats included."""
        return [event for request in self.requests for event in request["batch"]]

    @property
    def attempts(self) -> int:
        """How many batches arrived, accepted or not."""
        with self._changed:
            return self._attempts

    def submissions(self) -> list[dict[str, Any]]:
        """Return the accepted messages, only the first copy for each uuid."""
        first: dict[Any, dict[str, Any]] = {}
        for event in self.events:
            first.setdefault(event.get("uuid"), event)
        return list(first.values())

    def behave(self, behaviour: Behaviour, times: int | None = None) -> None:
        """Treat the next `times` batches like this, after the earlier calls have been followed.
        Without `times`, drop the earlier calls and treat all batches like this from now on."""
        self._script.add(behaviour, times)

    def refuse(self, predicate: Callable[[Event], bool] | None) -> None:
        """Answer 400 to every batch with an event for which `predicate` is true; None ends this."""
        with self._changed:
            self._refused = predicate

    def choke(self, predicate: Callable[[Event], bool] | None) -> None:
        """Answer 500 to every batch with an event for which `predicate` is true; None ends this."""
        with self._changed:
            self._choked_on = predicate

    def release(self) -> None:
        """Close the connections that hang now, without an answer."""
        with self._changed:
            released, self._released = self._released, threading.Event()
        released.set()

    def wait_for_events(self, count: int, timeout: float = 10.0) -> bool:
        """Wait until `count` different events were accepted. Return False after the timeout."""
        return self._wait(lambda: len(self.submissions()) >= count, timeout)

    def wait_for_attempts(self, count: int, timeout: float = 10.0) -> bool:
        """Wait until `count` batches have arrived. Return False after the timeout."""
        return self._wait(lambda: self.attempts >= count, timeout)

    def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def next_behaviour(self) -> tuple[Behaviour, threading.Event]:
        """Count a batch. Return how the handler must treat this batch, and what ends a hang."""
        with self._changed:
            self._attempts += 1
            self._changed.notify_all()
            return self._script.next(), self._released

    @property
    def released(self) -> threading.Event:
        """The event that ends a hang in the handler."""
        with self._changed:
            return self._released

    def is_refused(self, batch: Sequence[Event]) -> bool:
        """Return whether this batch holds an event that the handler must refuse."""
        return self._holds_any(self._refused, batch)

    def is_choked_on(self, batch: Sequence[Event]) -> bool:
        """Return whether this batch holds an event that the handler must answer with 500."""
        return self._holds_any(self._choked_on, batch)

    def _holds_any(self, predicate: Callable[[Event], bool] | None, batch: Sequence[Event]) -> bool:
        return predicate is not None and any(predicate(event) for event in batch)

    def record(self, request: Mapping[str, Any]) -> None:
        """Record a batch that the handler has accepted. While the quota is used up, drop it, as
        PostHog does without a word."""
        if self.v1.quota is not None:
            return
        recorded = {key: request.get(key) for key in ("api_key", "sent_at", "batch")}
        with self._changed:
            self._requests.append(recorded)
            self._changed.notify_all()

    def remove(self, events: Sequence[Event]) -> None:
        """Forget these messages of accepted batches."""
        gone = {id(event) for event in events}
        with self._changed:
            for request in self._requests:
                request["batch"] = [each for each in request["batch"] if id(each) not in gone]

    def _make_server(self) -> Server:
        return Server(self._port, self)
