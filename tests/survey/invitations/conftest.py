"""A store that hears of tickets, a real mail server, and a help desk over real HTTP."""

from collections.abc import Iterator

import pytest

from demo.zendesk_standin import ZendeskStandIn
from tests.support.help_desk import HelpDesk, Invitations
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
        invite="smtp",
        smtp_url=mails.url,
        mail_from="care@example.com",
        link_secret="for signed links",
    )


@pytest.fixture
def invitations(database, settings, clock):
    return Invitations(database, settings, clock)


@pytest.fixture
def zendesk(clock) -> Iterator[ZendeskStandIn]:
    with ZendeskStandIn(clock=clock) as standin:
        yield standin


@pytest.fixture
def help_desk(zendesk, invitations):
    invitations.settings = make_settings(
        **{**invitations.settings.model_dump(exclude_unset=True), **zendesk.settings}
    )
    return HelpDesk(zendesk, invitations)
