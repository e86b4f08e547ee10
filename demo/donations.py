"""The sample's donation ledger: twelve closed months, and what happens to a ledger in a year."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from demo.predecessor import DEFECTS, late_events
from demo.sample_month import PREDECESSOR_PLACE, first_number_of
from pipeline.donations.closing import close_month, find_obstacle
from pipeline.donations.ledger import Charity, Ledger, Rate
from pipeline.donations.recording import pay_month, set_rate
from pipeline.importing import AnswerImport
from survey.copies import import_event
from survey.counting_rules import CountingRules
from survey.event_values import PropertyKeys
from survey.months import Month, months_up_to
from survey.settings import Settings
from survey.store.database import Database
from survey.store.ledger import find_tickets, read_entries
from survey.vocabulary import Role
from survey.voiding import unvoid, void

CLOSED_MONTHS = 12
CHARITY = Charity("Made-up Hedgehog Rescue", "SAMPLE-0001")
FIRST_RATE, NEXT_RATE = Rate(Decimal("0.50"), "GBP"), Rate(Decimal("0.60"), "GBP")
# The places of months among the closed ones: the first one that has the next rate, the one that is
# paid late, and the one whose tickets change after its close.
_OF_NEXT_RATE, _PAID_LATE, _CHANGED = 8, 4, 5
_LATE_EVENTS = 3
# The days of the following month on which finance closes and pays, and on which support finds out
# that it has answered for a customer.
_CLOSING_DAY, _PAYING_DAY, _VOIDING_DAY = 3, 10, 15

# What was done, and when. It is called with that time.
_Act = tuple[datetime, Callable[[datetime], object]]


def add_donations(database: Database, settings: Settings, until: datetime) -> None:
    """Do what finance and support have done with the sample up to `until`, in the order of time, by
    the functions that do it for everybody, each with the clock of then. The ledger must be empty.

    A month that has ended within the last days is closed at `until`; within the last hour it stays
    open.
    """
    year = _Year(database, settings, until)
    acts = [act for act in year.list_acts() if act[0] <= until]
    for at, act in sorted(acts, key=lambda each: each[0]):
        act(at)


@dataclass(frozen=True)
class _Year:
    """The closed months of the sample, and what was done with them."""

    database: Database
    settings: Settings
    until: datetime

    def list_acts(self) -> Iterator[_Act]:
        """Yield what was done; in no order."""
        months = months_up_to(Month.of(self.until, self.settings.timezone).shift(-1), CLOSED_MONTHS)
        begin = months[0].opens_at(self.settings.timezone)
        yield begin, partial(self._set_rate, months[0], FIRST_RATE, CHARITY)
        announced = self._after(months[_OF_NEXT_RATE - 2], _VOIDING_DAY)
        yield announced, partial(self._set_rate, months[_OF_NEXT_RATE], NEXT_RATE, None)
        for month in months:
            yield min(self._after(month, _CLOSING_DAY), self.until), partial(self._close, month)
        for month in months[:-1]:
            late = 2 if month == months[_PAID_LATE] else 0
            yield self._after(month.shift(late), _PAYING_DAY), partial(self._pay, month)
        changed = months[_CHANGED]
        voided = self._first_tickets(changed, 2)
        found_out = self._after(changed, _VOIDING_DAY)
        for ticket_id in voided:
            yield found_out, partial(self._void, ticket_id)
        yield found_out + timedelta(hours=1), partial(self._import_late, changed)
        for ticket_id in voided[:1]:
            yield self._after(changed.shift(1), _VOIDING_DAY), partial(self._unvoid, ticket_id)

    @property
    def _ledger(self) -> Ledger:
        with self.database.reading() as connection:
            return Ledger(read_entries(connection))

    def _after(self, month: Month, day: int) -> datetime:
        """Return the morning of a day of the month that follows."""
        following = month.shift(1).opens_at(self.settings.timezone)
        return following.replace(day=day, hour=9)

    def _set_rate(self, first: Month, rate: Rate, charity: Charity | None, at: datetime) -> None:
        set_rate(self.database, self.settings, first, rate, charity, by=Role.FINANCE.value, now=at)

    def _close(self, month: Month, at: datetime) -> None:
        if find_obstacle(self._ledger, self.settings, month, at) is None:
            close_month(self.database, self.settings, month, by=Role.FINANCE.value, now=at)

    def _pay(self, month: Month, at: datetime) -> None:
        # A store of an earlier demo may have months without answers.
        if not self._ledger.closed[month].due:
            return
        pay_month(
            self.database,
            self.settings,
            month,
            reference=f"BACS {month}",
            paid_on=at.date(),
            amount=None,
            by=Role.FINANCE.value,
            now=at,
        )

    def _first_tickets(self, month: Month, how_many: int) -> list[str]:
        with self.database.reading() as connection:
            tickets = find_tickets(connection, *month.bounds(self.settings.timezone))
        return sorted(tickets)[:how_many]

    def _void(self, ticket_id: str, at: datetime) -> None:
        void(self.database, self.settings, ticket_id, "answered by the agent", at)

    def _unvoid(self, ticket_id: str, at: datetime) -> None:
        unvoid(self.database, self.settings, ticket_id, "answered by the customer after all", at)

    def _import_late(self, month: Month, _at: datetime) -> None:
        """Import answers to the predecessor's page that nobody knew of at the close."""
        rules = CountingRules.of(self.settings)
        keys = PropertyKeys.of(rules)
        first_number = first_number_of(month) + PREDECESSOR_PLACE + len(DEFECTS)
        events = late_events(month, self.settings, first_number, _LATE_EVENTS)
        AnswerImport(self.database, rules, self.settings.secret_keys).add(
            [
                import_event(
                    each["uuid"],
                    each["distinct_id"],
                    each["timestamp"],
                    each["properties"],
                    keys,
                    rules.secrets,
                )
                for each in events
            ]
        )
