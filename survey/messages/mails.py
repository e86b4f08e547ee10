"""Mails in the outbox: each is added once, and sent whole, as it was added."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Self

from sqlalchemy import Connection

from survey.settings import Settings, SettingsError
from survey.store.messages import NewMessage, add_message_again, add_messages, replace_payload
from survey.store.models import Channel

MIME_LINE_END = "\r\n"


@dataclass(frozen=True)
class Mail:
    """A mail and the address that it goes to. `content` is the whole MIME message, in ASCII."""

    recipient: str
    content: str

    @classmethod
    def of(cls, message: EmailMessage, recipient: str) -> Self:
        """Return a message as it is sent to an address."""
        policy = message.policy.clone(linesep=MIME_LINE_END, cte_type="7bit")
        return cls(recipient, message.as_bytes(policy=policy).decode("ascii"))

    @classmethod
    def from_payload(cls, payload: str) -> Self:
        """Return the mail in the payload of a row of the outbox."""
        return cls(**json.loads(payload))

    def to_payload(self) -> str:
        """Return the mail as the payload of a row of the outbox."""
        return json.dumps(vars(self))


def enqueue_mail(
    connection: Connection,
    *,
    key: str,
    recipient: str,
    message: EmailMessage,
    now: datetime,
    again: bool,
) -> bool:
    """Put a mail to one address into the outbox, unless its key is there already, sent or not;
    return whether it was put there.

    With `again`, a mail that was sent, or is a dead letter, waits again, with this content; one
    that still waits is left as it is. `key` must be different for each recipient, and `message`
    must have the Message-ID of the key: a mail that is sent again, because of a crash, must be
    known as the same.
    """
    if message["Message-ID"] is None:
        raise ValueError("the mail has no Message-ID; take that of make_message_id")
    payload = Mail.of(message, recipient).to_payload()
    new = NewMessage(key, Channel.MAIL, ticket_id="", payload=payload, available_at=now)
    if add_messages(connection, [new], now):
        return True
    return again and add_message_again(connection, new, now)


def replace_mail(
    connection: Connection, *, key: str, recipient: str, message: EmailMessage
) -> bool:
    """Put a mail in place of the one that waits in the outbox under its key, or was refused; return
    whether there is one."""
    return replace_payload(connection, key, Mail.of(message, recipient).to_payload())


def make_message_id(key: str, settings: Settings) -> str:
    """Return the Message-ID of the mail with this key: the same on every machine, and another one
    for each installation. Raises SettingsError if no sender is set."""
    if settings.mail_from is None:
        raise SettingsError("CSAT_MAIL_FROM is not set: mails need a sender.")
    digest = hashlib.sha256(json.dumps([settings.base_url, key]).encode()).hexdigest()[:40]
    return f"<{digest}@{settings.mail_from.rpartition('@')[2]}>"
