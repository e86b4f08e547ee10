"""A store with a donation ledger, with the calls that tests make of it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from pipeline.donations.closing import Closed, close_month
from pipeline.donations.ledger import Charity, Ledger, Rate
from pipeline.donations.recording import correct_payment, pay_month, set_rate
from survey.counting_rules import CountingRules
from survey.ledger import LedgerEntry
from survey.months import Month
from survey.rederive import apply_rules
from survey.settings import Settings
from survey.store.database import Database
from survey.store.ledger import read_entries
from survey.voiding import unvoid, void
from tests.support.given_answers import GivenAnswer, give

JULY, AUGUST, SEPTEMBER, OCTOBER = (Month(2026, number) for number in (7, 8, 9, 10))
# Late enough to close each of these months.
NOVEMBER_THIRD = datetime(2026, 11, 3, 9, tzinfo=UTC)
PAID_ON = NOVEMBER_THIRD.date()
HALF_A_POUND = Rate(Decimal("0.50"), "GBP")
RESCUE = Charity("Hedgehog Rescue", "CSAT 1")


@dataclass
class Donations:
    """The ledger of a store; `now` is when the next entry is recorded."""

    database: Database
    settings: Settings
    now: datetime = NOVEMBER_THIRD

    def __post_init__(self) -> None:
        apply_rules(self.database, CountingRules.of(self.settings))

    def respond(self, month: Month, how_many: int, prefix: str = "T", day: int = 14) -> list[str]:
        """Give answers to that many tickets, `T-2026-10-1` and so on; return the tickets."""
        at = datetime(month.year, month.number, day, 12, tzinfo=UTC)
        tickets = [f"{prefix}-{month}-{number}" for number in range(1, how_many + 1)]
        give(
            self.database, self.settings, *[GivenAnswer(at=at, ticket_id=each) for each in tickets]
        )
        return tickets

    def void(self, ticket_id: str) -> None:
        void(self.database, self.settings, ticket_id, "spam", self.now)

    def unvoid(self, ticket_id: str) -> None:
        unvoid(self.database, self.settings, ticket_id, "no spam", self.now)

    def set_rate(
        self, first: Month, rate: Rate = HALF_A_POUND, charity: Charity | None = RESCUE
    ) -> LedgerEntry:
        return set_rate(
            self.database, self.settings, first, rate, charity, by="fiona", now=self.now
        )

    def close(self, month: Month, *, without_amount: bool = False) -> Closed:
        return close_month(
            self.database,
            self.settings,
            month,
            by="fiona",
            now=self.now,
            without_amount=without_amount,
        )

    def pay(
        self,
        month: Month,
        amount: Decimal | None = None,
        reference: str = "BACS 1",
        paid_on: date = PAID_ON,
    ) -> LedgerEntry:
        return pay_month(
            self.database,
            self.settings,
            month,
            reference=reference,
            paid_on=paid_on,
            amount=amount,
            by="fiona",
            now=self.now,
        )

    def correct(self, month: Month, reason: str = "wrong account") -> LedgerEntry:
        return correct_payment(
            self.database, self.settings, month, reason=reason, by="fiona", now=self.now
        )

    @property
    def ledger(self) -> Ledger:
        with self.database.reading() as connection:
            return Ledger(read_entries(connection))
