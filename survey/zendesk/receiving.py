"""Receives webhooks of Zendesk: keeps what they say of tickets, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from survey.settings import Settings
from survey.store.database import Database
from survey.store.tickets import prune_invocations, save_updates, take_invocations
from survey.zendesk.tickets import TicketUpdate

# Zendesk tries again for some minutes, and a recorded delivery is refused after five.
KEEP_INVOCATIONS = timedelta(days=1)


@dataclass(frozen=True)
class Webhook:
    """One delivery of the webhook: what it says, and the time of its receipt. A delivery that is
    repeated has the same `invocation_id`; None if it had none."""

    update: TicketUpdate
    invocation_id: str | None
    at: datetime


def receive_webhooks(
    database: Database, settings: Settings, webhooks: Sequence[Webhook]
) -> list[bool]:
    """Keep what webhooks say, in one transaction; return for each whether it was new: a repeat
    changes nothing."""
    now = max(webhook.at for webhook in webhooks)
    ids = {webhook.invocation_id for webhook in webhooks if webhook.invocation_id is not None}
    with database.writing() as connection:
        untaken = set(take_invocations(connection, ids, now))
        are_new = [_take(webhook.invocation_id, untaken) for webhook in webhooks]
        updates = [
            webhook.update for webhook, is_new in zip(webhooks, are_new, strict=True) if is_new
        ]
        if updates:
            save_updates(database, connection, updates, settings, now)
    return are_new


def _take(invocation_id: str | None, untaken: set[str]) -> bool:
    """Return whether a delivery is new, and take it, so that its repeat in the group is not."""
    if invocation_id is None:
        return True
    is_new = invocation_id in untaken
    untaken.discard(invocation_id)
    return is_new


def forget_invocations(database: Database, settings: Settings, now: datetime) -> None:
    """Forget deliveries that nobody sends again: a job of `csat tick`, with nothing to tell."""
    if settings.zendesk_webhook_secret is not None:
        with database.writing() as connection:
            prune_invocations(connection, now, KEEP_INVOCATIONS)
