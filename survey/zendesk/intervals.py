"""The times in which customers waited for a reply. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from survey.store.tickets import ReplyInterval
from survey.vocabulary import TicketStatus
from survey.zendesk.export import ReplyEvent
from survey.zendesk.tickets import Ticket

Key = tuple[str, int]


def add_events(
    known: Mapping[Key, ReplyInterval], events: Iterable[ReplyEvent]
) -> dict[Key, ReplyInterval]:
    """Return the known intervals with what events say of them: from the first `activate` to the
    first `fulfill`. The same events, again, change nothing.

    A reply to a wait that nobody has told us of is left out. A reply before the wait, by a clock
    that went backwards, took no time.
    """
    found = dict(known)
    # At the same second a wait begins before it ends.
    for event in sorted(events, key=lambda event: (event.is_reply, event.at)):
        key = (event.ticket_id, event.instance)
        before = found.get(key)
        if not event.is_reply:
            begin = min(event.at, before.activated_at) if before else event.at
            found[key] = (
                replace(before, activated_at=begin) if before else ReplyInterval(*key, begin)
            )
        elif before is not None:
            at = max(event.at, before.activated_at)
            replied_at = min(at, before.replied_at) if before.replied_at else at
            found[key] = replace(before, replied_at=replied_at)
    return found


def end_interval(interval: ReplyInterval, ticket: Ticket | None) -> ReplyInterval:
    """Return an interval that ends without a reply where its ticket was solved, merged or deleted
    meanwhile; one with a reply ends by that."""
    ended_at = None
    if interval.replied_at is None and ticket is not None:
        if ticket.status is TicketStatus.GONE:
            ended_at = max(ticket.updated_at, interval.activated_at)
        elif ticket.solved_at is not None and ticket.solved_at >= interval.activated_at:
            ended_at = ticket.solved_at
    return replace(interval, ended_at=ended_at)
