"""Queues the donation export of closed months as mails to finance: one for each month and address,
and each once.

What makes an export is imported only to make one: `csat tick` asks once a minute whether any is
due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from survey.ledger import LedgerEntry
from survey.months import Month
from survey.settings import Settings
from survey.store.database import Database
from survey.store.ledger import read_closes, read_entries
from survey.store.messages import find_messages

# How long after its close a month is mailed to an address that has not got it, so that whoever is
# named first does not get the months of years.
MAILED_FOR = timedelta(days=31)


@dataclass(frozen=True)
class DonationMail:
    """The donation export of a closed month to one address."""

    month: Month
    address: str

    @property
    def key(self) -> str:
        """What the mail is known by in the outbox."""
        return f"donations:{self.month}:{self.address}"


def queue_donation_mails(database: Database, settings: Settings, now: datetime) -> str | None:
    """Put the export of each month that was closed lately, by hand or not, into the outbox, for
    each address that has not got it; return how many mails that were, or None if there were
    none."""
    if not settings.finance_recipients:
        return None
    with database.reading() as connection:
        mails = _list_mails(settings, read_closes(connection), now)
        known = find_messages(connection, [mail.key for mail in mails]) if mails else {}
    missing = [mail for mail in mails if mail.key not in known]
    queued = _queue(database, settings, missing, now) if missing else []
    return f"donations: mails queued: {len(queued)}" if queued else None


def _list_mails(
    settings: Settings, closes: Sequence[LedgerEntry], now: datetime
) -> list[DonationMail]:
    """Return the mails about the months that were closed lately, oldest month first."""
    return [
        DonationMail(close.month, address)
        for close in closes
        if close.recorded_at > now - MAILED_FOR
        for address in dict.fromkeys(settings.finance_recipients)
    ]


def _queue(
    database: Database, settings: Settings, mails: Sequence[DonationMail], now: datetime
) -> list[DonationMail]:
    from pipeline.donations.ledger import Ledger
    from reports.mail.donations import render_donation_mail
    from reports.mail.queueing import enqueue_for_each

    with database.reading() as connection:
        ledger = Ledger(read_entries(connection))
    queued: list[DonationMail] = []
    for month, some in groupby(mails, attrgetter("month")):
        message = render_donation_mail(ledger, month, settings)
        queued += enqueue_for_each(database, settings, message, some, now, again=False)
    return queued
