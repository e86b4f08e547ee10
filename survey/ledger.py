"""The entries of the donation ledger, and the hash that chains them. Pure.

docs/finance.md describes both, so that an auditor can recompute the chain with other tools.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from survey.months import Month

# What the first entry has in the place of its predecessor's hash.
NO_HASH = "0" * 64
# Tickets hold no such character: it is replaced wherever a ticket is read.
_BETWEEN_TICKETS = "\0"


class EntryKind(StrEnum):
    """A kind of entry.

    - `rate`: what a hedgehog is worth, and who gets it, from `month` on.
    - `opening`: responses of a month before the first close: counted, never owed.
    - `close`: a month and the responses that it was closed with.
    - `adjustment`: a change of a closed month, which counts in a later one.
    - `payment`: money that was paid for a month.
    - `correction`: takes a payment back.
    """

    RATE = "rate"
    OPENING = "opening"
    CLOSE = "close"
    ADJUSTMENT = "adjustment"
    PAYMENT = "payment"
    CORRECTION = "correction"


class ChangeReason(StrEnum):
    """Why the responses of a closed month changed."""

    VOID = "void"
    UNVOID = "unvoid"
    # Answers of that month that were stored after its close: by an import, or by the site.
    LATE_IMPORT = "late_import"
    LATE_ANSWER = "late_answer"
    # The ticket has another person now, whose response began in another month.
    OTHER_PERSON = "other_person"
    # A setting that decides what counts.
    SETTINGS = "settings"


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """An entry to append. Which fields it has depends on its kind; a field without meaning there is
    None.

    - `month`: the month whose line it belongs to. Of a rate: the first month that has it.
    - `original_month`: the month that an adjustment changes.
    - `hedgehogs`: how many responses a close or an opening counts; 1 or -1 of an adjustment.
      An opening that takes responses away is negative.
    - `unit_amount`: what one hedgehog is worth; `amount`: what a close makes due, a payment pays,
      or a correction takes back.
    - `opens_at`, `closes_at`: the month in `timezone`, as it was counted.
    - `rules`: what is kept of the rules of counting (`pipeline.donations.kept_rules`);
      `newest_answer`: the id of the newest answer that was stored.
    - `tickets_digest`: the digest of the tickets that were counted (`digest_tickets`).
    - `corrected`: the number of the payment that a correction takes back.
    """

    kind: EntryKind
    month: Month
    recorded_at: datetime
    recorded_by: str
    original_month: Month | None = None
    ticket_id: str | None = None
    reason: str | None = None
    hedgehogs: int | None = None
    unit_amount: Decimal | None = None
    currency: str | None = None
    amount: Decimal | None = None
    charity: str | None = None
    charity_reference: str | None = None
    paid_on: date | None = None
    payment_reference: str | None = None
    corrected: int | None = None
    timezone: str | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    rules: str | None = None
    newest_answer: int | None = None
    tickets_digest: str | None = None

    def to_values(self) -> dict[str, str | int | None]:
        """Return the values of the columns, as texts and whole numbers: these every database, and
        every program that recomputes the chain, reads alike."""
        return {name: _to_value(value) for name, value in vars(self).items()}


@dataclass(frozen=True, kw_only=True)
class LedgerEntry(NewEntry):
    """An entry of the ledger: its number, from 1 on, and its place in the chain."""

    sequence: int
    previous_hash: str
    hash: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the entry with these values of the columns. Raise ValueError for values that no
        entry has."""
        return cls(**{name: _read_value(name, value) for name, value in values.items()})


def chain_entries(
    new: Sequence[NewEntry], last_sequence: int, last_hash: str
) -> list[dict[str, str | int | None]]:
    """Return the values of new entries, each chained to the one before it."""
    rows = []
    for entry in new:
        last_sequence += 1
        values = {"sequence": last_sequence, **entry.to_values(), "previous_hash": last_hash}
        last_hash = hash_values(values)
        rows.append({**values, "hash": last_hash})
    return rows


def hash_values(values: Mapping[str, Any]) -> str:
    """Return the hash of an entry: SHA-256, in hex, over the JSON object of its columns.

    `hash` itself and columns without a value are left out, keys are sorted, nothing stands between
    the parts, and characters outside ASCII stand as they are, in UTF-8. So a column that a later
    release adds changes no hash.
    """
    kept = {name: value for name, value in values.items() if value is not None and name != "hash"}
    text = json.dumps(kept, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def join_tickets(tickets: Sequence[str]) -> bytes:
    """Return tickets as they are kept and hashed: sorted, with a NUL between two, in UTF-8."""
    return _BETWEEN_TICKETS.join(sorted(tickets)).encode()


def split_tickets(joined: bytes) -> list[str]:
    """Return the tickets that `join_tickets` joined, sorted."""
    return joined.decode().split(_BETWEEN_TICKETS) if joined else []


def count_tickets(joined: bytes) -> int:
    """Return how many tickets are joined, without splitting them."""
    return joined.count(_BETWEEN_TICKETS.encode()) + 1 if joined else 0


def digest_tickets(joined: bytes) -> str:
    """Return the digest of joined tickets: SHA-256, in hex."""
    return hashlib.sha256(joined).hexdigest()


def _to_value(value: object) -> str | int | None:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def _read_value(name: str, value: Any) -> Any:
    if value is None:
        return None
    read: Callable[[Any], Any] = _READERS.get(name, _read_text)
    try:
        return read(value)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"{name} is {value!r}") from error


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value


def _read_number(value: Any) -> int:
    # A column of SQLite holds any text, whatever its type.
    if not isinstance(value, int):
        raise TypeError("a whole number is expected")
    return value


def _read_instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("a time without an offset is no instant")
    return instant


def _read_amount(value: Any) -> Decimal:
    amount = Decimal(_read_text(value))
    if not amount.is_finite():
        raise ValueError("an amount is a finite number")
    return amount


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "kind": EntryKind,
    "month": Month.read,
    "original_month": Month.read,
    "recorded_at": _read_instant,
    "opens_at": _read_instant,
    "closes_at": _read_instant,
    "paid_on": date.fromisoformat,
    "unit_amount": _read_amount,
    "amount": _read_amount,
    "sequence": _read_number,
    "hedgehogs": _read_number,
    "corrected": _read_number,
    "newest_answer": _read_number,
}
