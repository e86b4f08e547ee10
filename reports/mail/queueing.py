"""Puts one message into the outbox for each of several addresses."""

import copy
from collections.abc import Iterable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol, TypeVar

from survey.messages.mails import enqueue_mail, make_message_id, replace_mail
from survey.settings import Settings
from survey.store.database import Database


class AddressedMail(Protocol):
    """A mail to one address. `key` is what it is known by in the outbox."""

    @property
    def key(self) -> str:
        """The key of the mail; it is different for each address."""

    @property
    def address(self) -> str:
        """The address to which the mail goes."""


SomeMail = TypeVar("SomeMail", bound=AddressedMail)


def enqueue_for_each(
    database: Database,
    settings: Settings,
    message: EmailMessage,
    mails: Iterable[SomeMail],
    now: datetime,
    *,
    again: bool,
) -> list[SomeMail]:
    """Put a message into the outbox once for each of these mails, in one transaction; return those
    that were put there. `message` has the headers that are the same for all; `again` is that of
    `enqueue_mail`."""
    with database.writing() as connection:
        return [
            mail
            for mail in mails
            if enqueue_mail(
                connection,
                key=mail.key,
                recipient=mail.address,
                message=_address(message, mail, settings, now),
                now=now,
                again=again,
            )
        ]


def replace_for_each(
    database: Database,
    settings: Settings,
    message: EmailMessage,
    mails: Iterable[AddressedMail],
    now: datetime,
) -> int:
    """Put a message in place of each of these mails that waits in the outbox, or was refused;
    return how many."""
    with database.writing() as connection:
        return sum(
            replace_mail(
                connection,
                key=mail.key,
                recipient=mail.address,
                message=_address(message, mail, settings, now),
            )
            for mail in mails
        )


def _address(
    message: EmailMessage, mail: AddressedMail, settings: Settings, now: datetime
) -> EmailMessage:
    """Return a copy of a message for one address."""
    addressed = copy.deepcopy(message)
    addressed["From"] = settings.mail_from
    addressed["To"] = mail.address
    addressed["Date"] = format_datetime(now)
    addressed["Message-ID"] = make_message_id(mail.key, settings)
    # Programs that answer mails by themselves leave out those that a program has sent.
    addressed["Auto-Submitted"] = "auto-generated"
    return addressed
