"""The work of a soak: what customers, agents, operators and the predecessor do."""

import json
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import requests

from demo.zendesk_standin import Delivery
from survey.clock import now
from survey.months import Month
from survey.zendesk.rules import HOOK_PATH
from tests.soak.commands import Commands
from tests.soak.world import BASE_URL, LEAD, World, write_whole
from tests.support.customers import Customers
from tests.support.events import json_line, make_event
from tests.support.mails import MailPage

TEAMS = ("surveys", "Web analytics", "Session replay", "billing")
# Months in the past that are closed, one after the other.
PAST_MONTHS = 13
PATIENCE_SECONDS = 90.0


@dataclass
class Agents:
    """Agents and customers of the help desk. Who answers an invitation is in `answered`: the
    ticket, and the rating that was acknowledged last."""

    world: World
    chance: random.Random
    answered: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    _open: list[int] = field(default_factory=list)
    # Those that are solved, and since when.
    _solved: list[tuple[int, float]] = field(default_factory=list)
    _seen_mails: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def act(self) -> None:
        """One of them does something about a ticket."""
        desk, chance = self.world.zendesk.desk, self.chance
        if chance.random() < 0.5 or not self._open:
            number = desk.next_number
            user = desk.add_user(f"c{number}@example.com", f"person-{number}")
            group = desk.add_group(chance.choice(TEAMS))
            self._open.append(desk.create_ticket(user, group, priority="high"))
        elif chance.random() < 0.8 or not self._has_settled():
            number = self._open.pop(chance.randrange(len(self._open)))
            desk.reply(number, "solved")
            self._solved.append((number, time.monotonic()))
        else:
            number, _ = self._solved.pop(0)
            desk.write(number)
            self._open.append(number)
        self._send_again()

    def _has_settled(self) -> bool:
        """Whether the first ticket was solved in another minute: webhooks tell times to the minute,
        and two solutions in one minute are one."""
        return bool(self._solved) and time.monotonic() - self._solved[0][1] > 61

    def solve_all(self) -> None:
        """Agents solve what is open, so that everybody is asked in the end."""
        while self._open:
            number = self._open.pop()
            self.world.zendesk.desk.reply(number, "solved")

    def send_all_again(self) -> None:
        """Zendesk sends every webhook again that nobody took."""
        while self._find_untaken():
            self._send_again(at_most=1000)

    def answer_invitations(self) -> None:
        """Customers answer the invitations that have come since the last time."""
        mails = self.world.mails.mails
        new, self._seen_mails = mails[self._seen_mails :], len(mails)
        for mail in new:
            if mail.recipient.startswith("c") and mail.recipient != LEAD:
                self._answer(MailPage(mail.html).links)

    def _answer(self, links: list[str]) -> None:
        rating = self.chance.randint(1, 5)
        link = next(each for each in links if f"rating={rating}" in each)
        (ticket,) = parse_qs(urlsplit(link).query)["ticketId"]
        if ticket in self.answered:
            return  # the same mail, sent again
        form = {"rating": rating, "submit_id": str(UUID(int=self.chance.getrandbits(128)))}
        form["comment"] = f"Words of ticket {ticket} 🦔"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (status := self._post(link, form)) != 303:
            assert status in (503, None), f"{status} for {link}"
            assert time.monotonic() < deadline, f"ticket {ticket} was not taken"
            self.refused += 1
            time.sleep(self.chance.uniform(0.05, 0.5))
        self.answered[ticket] = rating

    def _post(self, link: str, form: dict[str, object]) -> int | None:
        address = link.replace(BASE_URL, self.world.address(self.chance))
        try:
            sent = requests.post(address, data=form, allow_redirects=False, timeout=15)
        except requests.RequestException:
            return None
        return sent.status_code

    def _find_untaken(self) -> list[Delivery]:
        """The last webhook of each ticket, where nobody took it: an earlier one tells nothing."""
        last = {
            json.loads(each.body)["ticket_id"]: each for each in list(self.world.zendesk.deliveries)
        }
        return [each for each in last.values() if each.status != 204]

    def _send_again(self, at_most: int = 3) -> None:
        for delivery in self._find_untaken()[:at_most]:
            address = self.world.address(self.chance) + HOOK_PATH
            self.world.zendesk.send_webhook(
                address, json.loads(delivery.body), invocation_id=delivery.invocation_id
            )


@dataclass
class Predecessor:
    """The predecessor's events, which come as export files, some of them late, some twice."""

    world: World
    chance: random.Random
    events: int = 0
    _files: int = 0
    _last: list[str] = field(default_factory=list)

    def export(self) -> None:
        """Write a file with new events of the last months, and some that were there before."""
        this_month = Month.of(now(), self.world.settings.timezone)
        lines = [
            self._line(this_month.shift(-self.chance.randint(1, PAST_MONTHS)))
            for _ in range(self.chance.randint(1, 60))
        ]
        self.events += len(lines)
        self._files += 1
        repeated = self.chance.sample(self._last, min(3, len(self._last)))
        write_whole(self.world.predecessor / f"{self._files:05}.jsonl", [*lines, *repeated])
        self._last = lines

    def _line(self, month: Month) -> str:
        opens_at, closes_at = month.bounds(self.world.settings.timezone)
        at = opens_at + self.chance.random() * (closes_at - opens_at - timedelta(seconds=1))
        number = self.chance.randrange(10**6)
        return json_line(
            make_event(
                str(UUID(int=self.chance.getrandbits(128))),
                at=at.replace(microsecond=0),
                distinct_id=f"old-{number}",
                properties={
                    "$survey_response": str(self.chance.randint(1, 5)),
                    "$survey_response_1": self.chance.choice(("", f"Old words of {number}")),
                    "ticketId": f"P-{number}",
                    "ticketTeam": self.chance.choice(TEAMS),
                },
            )
        )


@dataclass
class Operator:
    """Who runs commands: what is due, imports, closes, reports, erasures, backups."""

    world: World
    commands: Commands
    chance: random.Random
    customers: Customers
    erased: set[str] = field(default_factory=set)
    _steps: int = 0
    _closed: int = 0

    def prepare(self) -> None:
        """Say what a hedgehog is worth."""
        first = str(self._past_months()[0])
        rate = ("donations", "rate", "--from", first, "--amount", "0.50", "--currency", "GBP")
        self.commands.require(*rate, "--by", "soak", "--charity", "Hedgehog Rescue")

    def act(self) -> None:
        """Do the next of all things that operators do."""
        self.world.posthog.export()
        actions = [
            self.run("tick"),
            self.run("import", f"export:{self.world.exports}"),
            self.close_next,
            self.run("report", "--month", self._month(), "--out", str(self.world.folder / "out")),
            self.run("outbox"),
            self.erase_somebody,
            self.run("donations", "verify"),
            self.back_up,
            self.run("zendesk", "import", "--since", f"{now() - timedelta(days=1):%Y-%m-%d}"),
        ]
        actions[self._steps % len(actions)]()
        self._steps += 1

    def run(self, *arguments: str):  # type: ignore[no-untyped-def]
        """Return what runs a command, which is killed now and then."""
        return lambda: self.commands.run_perhaps_killed(self.chance, *arguments)

    def close_next(self) -> None:
        """Close the next month that is over; the last one is tried again if it was broken off."""
        months = self._past_months()
        if self._closed < len(months):
            close = ("donations", "close", "--by", "soak", "--month", str(months[self._closed]))
            if self.chance.random() < 1 / 3:
                self.commands.run_and_kill(self.chance.uniform(0.2, 1.5), *close)
            elif self.commands.run(*close) == 0:
                self._closed += 1

    def close_all(self) -> None:
        """Close every month that is over."""
        for month in self._past_months():
            self.commands.require("donations", "close", "--by", "soak", "--month", str(month))

    def erase_somebody(self) -> None:
        """Erase somebody who has answered, and will not answer again."""
        long_ago = time.monotonic() - 20
        persons = {
            f"customer-{each.answer.ticket_id}"
            for each in self.customers.thanks
            if each.asked_at < long_ago
        }
        if rest := sorted(persons - self.erased):
            person = self.chance.choice(rest)
            self.erased.add(person)
            self.run("erase", "--distinct-id", person, "--confirmed-by", "soak")()

    def erase_again(self) -> None:
        """Erase those again whose erasure may have been broken off: what is done stays as it is."""
        for person in sorted(self.erased):
            erase = ("erase", "--distinct-id", person, "--confirmed-by", "soak")
            # 1 says that something remains to be done, by hand or later.
            self.commands.require(*erase, codes=(0, 1))

    def back_up(self) -> None:
        """Make a backup."""
        if self.world.database_server is None:
            self.run("backup", str(self.world.folder / f"backup-{self._steps}.db"))()

    def restore(self) -> None:
        """Put a last backup into the place of the database, which nobody uses any more."""
        if self.world.database_server is None:
            last = str(self.world.folder / "last.db")
            self.commands.require("backup", last)
            self.commands.require("restore", last)

    def _past_months(self) -> list[Month]:
        this_month = Month.of(now(), self.world.settings.timezone)
        return [this_month.shift(-number) for number in range(PAST_MONTHS, 0, -1)]

    def _month(self) -> str:
        at: datetime = now()
        return str(Month.of(at, self.world.settings.timezone))
