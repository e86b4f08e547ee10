"""`CSAT_SECRET_KEY` is changed, and the old secret stays behind the new one: nothing breaks."""

from urllib.parse import urlsplit

import pytest

from survey.invitations.mail import compose_invitation
from survey.invitations.payload import InvitationPayload
from survey.messages.worker import Sent
from survey.settings import Settings
from survey.signing_keys import derive_key, derive_keys
from survey.site.app import create_app
from survey.zendesk.tickets import hashes_of_customer
from tests.conftest import on_sqlite
from tests.support.help_desk import DELAY, Invitations
from tests.support.mail_server import mail_server
from tests.support.pages import Page, address
from tests.support.settings import SECRET_KEY, make_settings

NEW = "a newer key for tests"


def with_keys(settings: Settings, *keys: str) -> Settings:
    """These settings with other secrets; the first one signs."""
    given = settings.model_dump(exclude_unset=True)
    return make_settings(**{**given, "secret_key": ",".join(keys)})


@on_sqlite
class TestAReceipt:
    """The address of the thank-you page that the site gave out before."""

    @pytest.fixture
    def thanks(self, client):
        form = Page(client.get(address()).text)
        sent = client.post(form.action, data={**form.fields, "rating": "2", "comment": "mine"})
        return sent.location

    @pytest.fixture
    def show(self, settings, database, clock, thanks):
        def show(*keys):
            site = create_app(with_keys(settings, *keys), database, clock)
            return site.test_client().get(thanks).text

        return show

    def test_is_read_as_long_as_its_secret_is_there(self, show):
        assert "mine" in show(NEW, SECRET_KEY)

    def test_is_not_read_without_it(self, show):
        assert "mine" not in show(NEW)


class TestACustomer:
    """Who was asked, and who wants no mail, is known by a hash under the secret of the time."""

    @pytest.fixture
    def mails(self):
        with mail_server() as server:
            yield server

    @pytest.fixture
    def invitations(self, settings, database, clock, mails):
        settings = make_settings(
            database_url=settings.database_url,
            invite="smtp",
            smtp_url=mails.url,
            mail_from="care@example.com",
            survey_cooldown="30d",
        )
        return Invitations(database, settings, clock)

    @pytest.fixture
    def rotate(self, invitations):
        def rotate():
            invitations.settings = with_keys(invitations.settings, NEW, SECRET_KEY)

        return rotate

    def unsubscribe(self, invitations, mail_settings):
        """Jane presses the button of a mail that was made with these settings."""
        payload = InvitationPayload.of(invitations.ticket("1"))
        mail = compose_invitation(payload, mail_settings, invitations.clock())
        link = urlsplit(str(mail["List-Unsubscribe"]).strip("<>"))
        site = create_app(invitations.settings, invitations.database, invitations.clock)
        return site.test_client().post(f"{link.path}?{link.query}")

    @pytest.mark.parametrize("external_id", ["jane", None])
    def test_who_was_asked_is_not_asked_again_too_soon(
        self, invitations, clock, rotate, external_id
    ):
        invitations.solve("1", requester_external_id=external_id)
        clock.time += DELAY
        assert invitations.tick() == Sent(sent=1)
        rotate()
        invitations.solve("2", requester_external_id=external_id)
        clock.time += DELAY
        assert invitations.tick() == Sent()
        assert invitations.outcome("2") == "cooldown"

    def test_of_a_ticket_from_before_and_one_from_after_one_is_asked_about(
        self, invitations, clock, rotate
    ):
        invitations.solve("1")
        rotate()
        invitations.solve("2")
        clock.time += DELAY
        assert invitations.tick() == Sent(sent=1)
        invitations.decide()
        assert (invitations.outcome("1"), invitations.outcome("2")) == ("sent", "cooldown")

    def test_who_unsubscribed_before_stays_unsubscribed(self, invitations, clock, rotate, mails):
        invitations.solve("1")
        assert self.unsubscribe(invitations, invitations.settings).status_code == 200
        rotate()
        invitations.solve("2")
        clock.time += DELAY
        assert invitations.tick() == Sent()
        outcomes = (invitations.outcome("1"), invitations.outcome("2"))
        assert (outcomes, mails.mails) == (("unsubscribed", "unsubscribed"), [])

    def test_the_button_of_an_old_mail_still_unsubscribes(self, invitations, clock, rotate):
        invitations.solve("1")
        before = invitations.settings
        rotate()
        assert self.unsubscribe(invitations, before).status_code == 200
        invitations.solve("2")
        clock.time += DELAY
        invitations.tick()
        assert invitations.outcome("2") == "unsubscribed"

    def test_who_unsubscribes_while_a_mail_from_before_waits_gets_none(
        self, invitations, clock, rotate, mails
    ):
        invitations.solve("1")
        clock.time += DELAY
        invitations.decide()
        rotate()
        invitations.solve("1")
        assert self.unsubscribe(invitations, invitations.settings).status_code == 200
        assert invitations.send() == Sent()
        assert mails.mails == []

    def test_without_the_old_secret_nobody_is_recognised(self, invitations):
        """This shows that the tests above fail without the old secret alone."""
        invitations.solve("1")
        before = invitations.ticket("1")
        invitations.settings = with_keys(invitations.settings, NEW)
        invitations.solve("2")
        after = invitations.ticket("2")
        assert hashes_of_customer(after, [NEW]).isdisjoint(hashes_of_customer(before, [SECRET_KEY]))
        assert before.customer in hashes_of_customer(after, [NEW, SECRET_KEY])


def test_itsdangerous_signs_with_the_last_key():
    assert derive_keys([NEW, SECRET_KEY], "x") == [
        derive_key(SECRET_KEY, "x"),
        derive_key(NEW, "x"),
    ]
    assert derive_key(NEW, "x") != derive_key(NEW, "y")
