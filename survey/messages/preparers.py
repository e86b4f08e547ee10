"""Which preparer and which receiver each channel has, by the settings."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from survey.clock import now
from survey.invitations.sending import make_invitation_preparer
from survey.messages.alert_preparer import AlertPreparer
from survey.messages.alerts import Alert, compose_chat, compose_mail
from survey.messages.mails import Mail, make_message_id
from survey.messages.outgoing import Outgoing, Preparer
from survey.messages.smtp import SmtpSender
from survey.messages.ticket_preparer import TicketPreparer
from survey.messages.ticket_rows import writes_back
from survey.messages.webhook import Webhook
from survey.settings import Settings
from survey.store.database import Database
from survey.store.messages import MessageClaim
from survey.store.models import Channel
from survey.zendesk.writing import ZendeskWriter


def find_preparer(channel: Channel, settings: Settings) -> Preparer | None:
    """Return what makes the messages of a channel; None if settings that it needs are missing."""
    if channel is Channel.ALERT_WEBHOOK:
        if settings.alert_webhook is None:
            return None
        webhook = Webhook(settings.alert_webhook.get_secret_value())
        return AlertPreparer(settings, partial(_post_alerts, webhook, settings))
    if channel is Channel.ZENDESK:
        return TicketPreparer(settings, ZendeskWriter(settings)) if writes_back(settings) else None
    if channel is Channel.INVITATION:
        return make_invitation_preparer(settings)
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    sender = SmtpSender(settings.smtp_url.get_secret_value(), settings.mail_from)
    if channel is Channel.MAIL:
        return _MailPreparer(sender)
    if not settings.alert_recipients:
        return None
    return AlertPreparer(settings, partial(_mail_alerts, sender, settings))


class _MailPreparer:
    """Hands over each mail as it was put into the outbox."""

    # A mail may have some megabytes.
    claims_at_once = 10

    def __init__(self, sender: SmtpSender) -> None:
        self._sender = sender

    def prepare(
        self, database: Database, claims: Sequence[MessageClaim], now: datetime
    ) -> list[Outgoing]:
        """Return a message for each row."""
        return [
            Outgoing([claim.id], claim.created_at, partial(self._send, claim.payload))
            for claim in claims
        ]

    def _send(self, payload: str) -> None:
        mail = Mail.from_payload(payload)
        self._sender.send(mail.content, mail.recipient)


def _post_alerts(
    webhook: Webhook, settings: Settings, alerts: Sequence[Alert], _recipient: str | None, _key: str
) -> None:
    webhook.post(compose_chat(alerts, settings))


def _mail_alerts(
    sender: SmtpSender, settings: Settings, alerts: Sequence[Alert], recipient: str | None, key: str
) -> None:
    assert recipient is not None  # each row of this channel has one
    message_id = make_message_id(key, settings)
    message = compose_mail(alerts, settings, recipient=recipient, message_id=message_id, now=now())
    sender.send(Mail.of(message, recipient).content, recipient)
