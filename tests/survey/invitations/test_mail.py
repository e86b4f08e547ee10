"""The invitation as a mail: whose it is, where its links lead, and how to unsubscribe."""

from urllib.parse import parse_qs, urlsplit

import pytest

from survey.invitations.mail import compose_invitation
from survey.invitations.payload import InvitationPayload
from survey.invitations.tokens import issue_token, read_token
from survey.messages.mails import Mail
from tests.conftest import on_sqlite
from tests.support.help_desk import AT
from tests.support.mails import MailPage, links_of_text, open_link
from tests.support.settings import SECRET_KEY, make_settings

CUSTOMER = "c0ffee" * 10
PAYLOAD = InvitationPayload(
    ticket_id="42",
    recipient="jane@example.com",
    customer=CUSTOMER,
    language="de",
    team="surveys",
    external_id="jane",
)
SETTINGS = make_settings(
    base_url="https://survey.example.com/csat",
    mail_from="care@example.com",
    name="Ada’s support",
    link_secret="for signed links",
)


def compose(payload=PAYLOAD, settings=SETTINGS):
    return compose_invitation(payload, settings, AT)


def content(message, kind):
    return message.get_body((kind,)).get_content()


def test_it_is_addressed_and_speaks_the_language_of_the_ticket():
    message = compose()
    assert message["To"] == "jane@example.com"
    assert message["From"].addresses[0].display_name == "Ada’s support"
    assert message["From"].addresses[0].addr_spec == "care@example.com"
    assert message["Date"].datetime == AT
    assert "Ihre Anfrage 42" in message["Subject"]
    assert 'lang="de"' in content(message, "html")
    assert Mail.of(message, "jane@example.com").content.isascii()


def test_the_same_ticket_has_the_same_message_id_and_another_one_has_another():
    same = compose_invitation(PAYLOAD, SETTINGS, AT.replace(year=2027))
    other = compose(InvitationPayload(**{**vars(PAYLOAD), "ticket_id": "43"}))
    assert compose()["Message-ID"] == same["Message-ID"] != other["Message-ID"]


def test_a_mail_program_can_unsubscribe_by_one_click():
    message = compose()
    address = message["List-Unsubscribe"].strip("<>")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://survey.example.com/csat/unsubscribe"
    )
    asked = parse_qs(parts.query)
    assert asked["lang"] == ["de"]
    assert read_token(asked["token"][0], [SECRET_KEY]) == CUSTOMER
    # The same link stands in the mail, for people.
    assert MailPage(content(message, "html")).links[-1] == address
    assert links_of_text(content(message, "plain"))[-1] == address


def test_no_link_that_unsubscribes_holds_an_identity():
    message = compose()
    link = message["List-Unsubscribe"]
    assert "jane" not in link
    assert "42" not in parse_qs(urlsplit(link).query)["token"][0].partition(".")[0]


@on_sqlite
@pytest.mark.parametrize("secret", ["for signed links", ""])
@pytest.mark.parametrize("external_id", ["jane", ""])
def test_its_links_open_the_survey(database, secret, external_id):
    addresses = {"base_url": SETTINGS.base_url, "mail_from": SETTINGS.mail_from}
    settings = make_settings(**addresses, **({"link_secret": secret} if secret else {}))
    payload = InvitationPayload(**{**vars(PAYLOAD), "external_id": external_id})
    *links, _ = MailPage(content(compose(payload, settings), "html")).links
    opened = [open_link(link, settings, database) for link in links]
    assert [link.rating for link in opened] == [1, 2, 3, 4, 5, None]
    assert {(link.ticket_id, link.team, link.distinct_id) for link in opened} == {
        ("42", "surveys", external_id)
    }
    assert all(bool(link.signature) == bool(secret) for link in opened)
    person = "jane" if external_id else "ticket:42"
    assert opened[0].person == person


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "x",
        CUSTOMER,
        f"{CUSTOMER}.",
        issue_token(CUSTOMER, "another key"),
        "ü.ü",
        "a" * 999,
    ],
)
def test_a_token_of_somebody_else_is_none(token):
    assert read_token(token, [SECRET_KEY]) is None
