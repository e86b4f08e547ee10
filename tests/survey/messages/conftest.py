"""A store whose answers come in by the front door, and real receivers of messages."""

from collections.abc import Iterator

import pytest

from tests.support.mail_server import MailServer, mail_server
from tests.support.settings import make_settings
from tests.support.webhook_server import WebhookServer, webhook_server


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def webhook() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def settings(database_url, mails, webhook):
    return make_settings(
        database_url=database_url,
        smtp_url=mails.url,
        mail_from="csat@example.com",
        alert_webhook=webhook.url,
        alert_recipients="surveys=team@example.com;all=lead@example.com",
        ticket_url="https://help.example.com/tickets/{ticket_id}",
    )
