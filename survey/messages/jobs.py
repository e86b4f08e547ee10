"""The job of `csat tick` that sends messages."""

from datetime import datetime, timedelta
from time import monotonic

from survey.settings import Settings
from survey.store.database import Database
from survey.store.outbox import MESSAGES, has_waiting


def send_messages(database: Database, settings: Settings, now: datetime) -> str | None:
    """Send the alerts and mails that are due; return how many, or None if there was nothing to
    do."""
    with database.reading() as connection:
        if not any(has_waiting(connection, channel) for channel in MESSAGES):
            return None
    # What sends is imported only if there may be something to send: this runs once a minute.
    from survey.messages.worker import send_due

    began = monotonic()
    sent = send_due(database, settings, lambda: now + timedelta(seconds=monotonic() - began))
    parts = [
        f"{count} {words}"
        for count, words in (
            (sent.sent, "sent"),
            (sent.waiting, "wait for the next try"),
            (sent.dead, "refused for good (`csat outbox` says why)"),
        )
        if count
    ]
    return f"messages: {', '.join(parts)}" if parts else None
