"""Customers: they answer ticket after ticket, and send a form again until it is thanked for."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from urllib.parse import urlencode
from uuid import UUID

from tests.support.pages import Page

# Longer than the site may take over an answer, whatever has become of its database.
ANSWER_SECONDS = 15.0
# Nothing that happens to the site lasts longer than this; who is not thanked then, is lost.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """One filled form."""

    ticket_id: str
    rating: int
    comment: str
    submit_id: str


@dataclass(frozen=True)
class Thanks:
    """An answer that the site has acknowledged: when it was asked to, and how long it took."""

    answer: Answer
    asked_at: float
    seconds: float


class Customers:
    """A running load of customers, each a thread with tickets of its own.

    Only a 303 is an acknowledgement. Whoever is refused with 503, is cut off or gets no answer,
    still has what they typed and sends it again. Any other answer is a failure, which `wait_for`
    and `stop` raise. Some give another rating a moment later. With the ports of several sites, each
    request goes to the next one, as a balancer sends it.
    """

    def __init__(
        self,
        ports: int | Sequence[int],
        *,
        seed: object = 0,
        threads: int = 6,
        pause: float = 0.12,
    ) -> None:
        self._ports = cycle([ports] if isinstance(ports, int) else ports)
        self._pause = pause
        self._edit_share = 0.25
        self._stopping = threading.Event()
        self._number = threads
        self._sending = threading.Semaphore(threads)
        self._changed = threading.Condition()
        self._thanks: list[Thanks] = []
        self._refusals = 0
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._answer_tickets, args=(number, f"{seed}-{number}"))
            for number in range(threads)
        ]

    def __enter__(self) -> "Customers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._stopping.set()
        if kind is None:
            self.stop()

    @property
    def thanks(self) -> list[Thanks]:
        """What was acknowledged so far; of one ticket, in the order of its answers."""
        with self._changed:
            return list(self._thanks)

    @property
    def thanked(self) -> list[Answer]:
        """The answers that were acknowledged so far; of one ticket, in their order."""
        return [each.answer for each in self.thanks]

    @property
    def refusals(self) -> int:
        """How often somebody was told, with what they typed, to try again."""
        with self._changed:
            return self._refusals

    def wait_for(self, more: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until so many more answers are acknowledged."""
        self._wait(lambda: len(self._thanks), more, seconds)

    def wait_for_refusals(self, more: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until so many more answers are refused."""
        self._wait(lambda: self._refusals, more, seconds)

    def stop(self) -> list[Answer]:
        """Let everybody finish their ticket; the answers that were acknowledged."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE_SECONDS)
            assert not thread.is_alive()
        if self._failures:
            raise self._failures[0]
        return self.thanked

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """A moment in which nobody waits for an answer: they send nothing until it is over."""
        for _ in range(self._number):
            self._sending.acquire()
        try:
            yield
        finally:
            self._sending.release(self._number)

    def _wait(self, count, more: int, seconds: float) -> None:  # type: ignore[no-untyped-def]
        with self._changed:
            enough = count() + more
            in_time = self._changed.wait_for(lambda: self._failures or count() >= enough, seconds)
            if self._failures:
                raise self._failures[0]
            assert in_time, f"{enough - count()} of {more} are missing after {seconds:.0f} s"

    def _answer_tickets(self, number: int, seed: str) -> None:
        chance = random.Random(seed)
        try:
            ticket = 0
            while not self._stopping.is_set():
                ticket += 1
                self._answer_ticket(f"{number}-{ticket}", chance)
                self._stopping.wait(chance.uniform(0, 2 * self._pause))
        except BaseException as failure:
            with self._changed:
                self._failures.append(failure)
                self._changed.notify_all()

    def _answer_ticket(self, ticket_id: str, chance: random.Random) -> None:
        first = _fill_form(ticket_id, chance.randint(1, 5), "first", chance)
        self._send_until_thanked(first, chance)
        if chance.random() < self._edit_share:
            time.sleep(chance.uniform(0, 0.3))
            other = first.rating % 5 + 1
            self._send_until_thanked(_fill_form(ticket_id, other, "second", chance), chance)

    def _send_until_thanked(self, answer: Answer, chance: random.Random) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._is_thanked(answer):
            assert time.monotonic() < deadline, f"{answer} was not taken in {PATIENCE_SECONDS} s"
            time.sleep(chance.uniform(0.02, 0.2))

    def _is_thanked(self, answer: Answer) -> bool:
        asked_at = time.monotonic()
        with self._sending:
            status, html = self._post(answer)
        seconds = time.monotonic() - asked_at
        if status == 503 and html:
            page = Page(html)
            kept = (page.checked, page.fields.get("comment"), page.fields.get("submit_id"))
            assert kept == (str(answer.rating), answer.comment, answer.submit_id)
        assert status in (303, 503, None), f"{status} for {answer}: {Page(html or '').text}"
        with self._changed:
            if status == 303:
                self._thanks.append(Thanks(answer, asked_at, seconds))
            elif status == 503:
                self._refusals += 1
            self._changed.notify_all()
        return status == 303

    def _post(self, answer: Answer) -> tuple[int | None, str | None]:
        """Status and page, each None if it did not arrive in full."""
        link = {"ticketId": answer.ticket_id, "distinct_id": f"customer-{answer.ticket_id}"}
        form = {"rating": answer.rating, "comment": answer.comment, "submit_id": answer.submit_id}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection = HTTPConnection("127.0.0.1", next(self._ports), timeout=ANSWER_SECONDS)
        status = None
        try:
            connection.request("POST", f"/?{urlencode(link)}", urlencode(form), headers)
            response = connection.getresponse()
            status = response.status
            return status, response.read().decode()
        except (OSError, HTTPException):
            return status, None
        finally:
            connection.close()


def _fill_form(ticket_id: str, rating: int, which: str, chance: random.Random) -> Answer:
    comment = f'The {which} words of {ticket_id}: <b>“naïve”</b> & "kept" 🦔'
    return Answer(ticket_id, rating, comment, str(UUID(int=chance.getrandbits(128))))
