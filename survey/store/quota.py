"""What the outbox knows of PostHog's quota: while PostHog drops events for it, all events wait, and
one of them, the probe, tries again from time to time.

All events share the quota, and all workers share what is known of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from survey.store.models import OutboxQuotaRow

# How long all events wait after PostHog has dropped one.
PROBE_PAUSE = timedelta(hours=1)
# A quota of which PostHog has not spoken for so long is forgotten: for a day no probe got a word
# about it, so PostHog may not tell of quotas any more.
LONGEST_BELIEF = timedelta(days=1)


@dataclass(frozen=True)
class Quota:
    """The quota that PostHog said is used up, and when the next probe is due."""

    dropped_at: datetime
    probe_at: datetime

    def is_due(self, now: datetime) -> bool:
        """Return whether the probe is due. If it seems to be further away than is possible, the
        clock was set back."""
        return self.probe_at <= now or self.probe_at > now + PROBE_PAUSE


# Statements are built once, because building one takes longer than running it.
_READ = select(OutboxQuotaRow.dropped_at, OutboxQuotaRow.probe_at)
_TAKE_PROBE = update(OutboxQuotaRow).where(OutboxQuotaRow.probe_at == bindparam("found"))


def find_quota(connection: Connection, now: datetime) -> Quota | None:
    """Return the quota for which PostHog drops events; None while it takes them, as far as is
    known."""
    dropped_at, probe_at = connection.execute(_READ).one()
    if dropped_at is None or probe_at is None or now - dropped_at > LONGEST_BELIEF:
        return None
    return Quota(dropped_at, probe_at)


def take_probe(connection: Connection, quota: Quota, until: datetime) -> bool:
    """Return whether the caller may send the probe. Nobody else may until `until`; after that, the
    probe of a dead worker is sent by another one."""
    taken = connection.execute(_TAKE_PROBE.values(probe_at=until), {"found": quota.probe_at})
    return taken.rowcount == 1


def begin_quota(connection: Connection, now: datetime) -> None:
    """Record that PostHog dropped an event for its quota."""
    connection.execute(update(OutboxQuotaRow).values(dropped_at=now, probe_at=now + PROBE_PAUSE))


def end_quota(connection: Connection) -> None:
    """Record that PostHog takes events again."""
    connection.execute(update(OutboxQuotaRow).values(dropped_at=None, probe_at=None))


def probe_at_once(connection: Connection, now: datetime) -> None:
    """Make the next probe due, if PostHog drops events."""
    waits = OutboxQuotaRow.probe_at.is_not(None)
    connection.execute(update(OutboxQuotaRow).where(waits).values(probe_at=now))
