"""Finds the changes of closed months that wait for the next close, and keeps them as long as
nothing has changed."""

from sqlalchemy import Connection

from pipeline.donations.comparing import compare_ledger, counted_months
from pipeline.donations.ledger import Ledger
from pipeline.donations.posting import Change
from pipeline.versioned_cache import VersionedCache
from survey.counting_rules import CountingRules
from survey.store.counting import require_current_responses
from survey.store.ledger import find_versions


class PendingChanges:
    """Finds pending changes. The ledger is compared anew only where it, or an answer of its months,
    has changed since."""

    def __init__(self, rules: CountingRules) -> None:
        self._rules = rules
        self._found: VersionedCache[tuple[Change, ...]] = VersionedCache(1)

    def find(self, connection: Connection, ledger: Ledger) -> tuple[Change, ...]:
        """Return the changes that no entry has posted yet, by month and ticket. Raise
        ResponsesOutdated while responses are derived anew, and CannotCompare."""
        require_current_responses(connection, self._rules)
        if not ledger.closed:
            return ()
        months = counted_months(connection, ledger)
        bounds = {each.month: (each.opens_at, each.closes_at) for each in months}
        versions = find_versions(connection, bounds)
        version = ledger.entries[-1].hash, tuple(versions.items())
        return self._found.get(
            "pending",
            version,
            lambda: compare_ledger(connection, ledger, self._rules).changes,
        )
