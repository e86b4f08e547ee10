"""Functions that keep the counts of the rate limits, where several processes share them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, text

from survey.store.models import RateCountRow

# How many keys one statement asks for.
_AT_ONCE = 500

_ADD = text(
    "INSERT INTO rate_counts (key, hits, expires_at) VALUES (:key, :hits, :expires_at)"
    " ON CONFLICT (key) DO UPDATE SET hits = rate_counts.hits + excluded.hits"
).bindparams(bindparam("expires_at", type_=RateCountRow.expires_at.type))
_HITS = select(RateCountRow.key, RateCountRow.hits).where(
    RateCountRow.key.in_(bindparam("keys", expanding=True))
)


def add_hits(connection: Connection, hits: Mapping[str, int], expires_at: datetime) -> None:
    """Add to the hits of keys, whose period ends at `expires_at`."""
    if hits:
        # All transactions lock the rows in the same order, so that no two wait for each other.
        rows = [
            {"key": key, "hits": number, "expires_at": expires_at}
            for key, number in sorted(hits.items())
        ]
        connection.execute(_ADD, rows)


def hits_of(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """Return the hits of these keys, without those that have none."""
    found: dict[str, int] = {}
    for begin in range(0, len(keys), _AT_ONCE):
        rows = connection.execute(_HITS, {"keys": keys[begin : begin + _AT_ONCE]})
        found.update({str(key): int(hits) for key, hits in rows})
    return found


def forget_hits(connection: Connection, now: datetime) -> int:
    """Forget the keys whose period is over; return how many."""
    old = delete(RateCountRow).where(RateCountRow.expires_at <= now)
    return connection.execute(old).rowcount
