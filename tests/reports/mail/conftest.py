"""A store, and a real mail server that the report goes to."""

from collections.abc import Iterator

import pytest

from tests.support.mail_server import MailServer, mail_server
from tests.support.settings import make_settings


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def settings(database_url, mails):
    return make_settings(
        database_url=database_url,
        base_url="https://survey.example.com",
        smtp_url=mails.url,
        mail_from="csat@example.com",
        report_recipients="surveys=sue@example.com;all=lea@example.com,max@example.com",
        report_day=3,
    )
