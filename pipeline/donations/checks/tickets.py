"""Checks the tickets that closes and openings have counted: they are those of the digest."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from pipeline.donations.checks.difference import LedgerDiffers
from survey.ledger import EntryKind, LedgerEntry, count_tickets, digest_tickets
from survey.ledger_chain import name_entry
from survey.store.ledger import read_tickets


def entries_that_count(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Return the entries for which tickets are kept."""
    return [each for each in entries if each.kind in (EntryKind.CLOSE, EntryKind.OPENING)]


def check_owners(entries: Sequence[LedgerEntry], kept: Iterable[int]) -> None:
    """Check that only closes and openings have tickets, `kept` for entries of these numbers. Raise
    LedgerDiffers."""
    owners = {each.sequence for each in entries_that_count(entries)}
    for sequence in kept:
        if sequence not in owners:
            found = next((each for each in entries if each.sequence == sequence), None)
            name = name_entry(vars(found)) if found else f"entry {sequence}, which is not there"
            raise LedgerDiffers(f"tickets are kept for {name}: it counts none")


def check_tickets(connection: Connection, entry: LedgerEntry) -> int:
    """Check the tickets of an entry that counts; return how many there are. Raise LedgerDiffers."""
    joined = read_tickets(connection, entry.sequence)
    name = name_entry(vars(entry))
    if joined is None:
        raise LedgerDiffers(f"the tickets of {name} are missing, or cannot be unpacked")
    if digest_tickets(joined) != entry.tickets_digest:
        raise LedgerDiffers(f"the tickets of {name} were changed: their digest does not match")
    try:
        joined.decode()
    except ValueError:
        raise LedgerDiffers(f"the tickets of {name} are no text in UTF-8") from None
    tickets = count_tickets(joined)
    if tickets != abs(entry.hedgehogs or 0):
        raise LedgerDiffers(f"{name} counts {entry.hedgehogs} hedgehogs, and has {tickets} tickets")
    return tickets
