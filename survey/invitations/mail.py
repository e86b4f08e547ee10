"""The invitation as a mail that we send ourselves. Pure."""

from dataclasses import replace
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from survey.invitations.payload import InvitationPayload
from survey.invitations.tokens import unsubscribe_link
from survey.languages import choose_language
from survey.mail.invitation import invite_to_ticket, render_mail
from survey.messages.mails import make_message_id
from survey.settings import Settings
from survey.store.inviting import invitation_key


def compose_invitation(
    payload: InvitationPayload, settings: Settings, now: datetime
) -> EmailMessage:
    """Return the mail that invites a customer, in the customer's language, with a link and a button
    of the mail program to unsubscribe. The same ticket has always the same Message-ID."""
    language = choose_language(payload.language)
    unsubscribe = unsubscribe_link(
        settings.base_url, payload.customer, settings.require_secret_key(), language.tag
    )
    invitation = invite_to_ticket(payload.link_parameters, language, settings)
    content = render_mail(replace(invitation, unsubscribe_link=unsubscribe), settings, language)
    message = EmailMessage()
    message["Subject"] = content.subject
    message["From"] = Address(settings.name or "", addr_spec=settings.mail_from)
    message["To"] = payload.recipient
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_message_id(invitation_key(payload.ticket_id), settings)
    # With both headers a mail program can unsubscribe by one click (RFC 8058).
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # Programs that answer mails by themselves leave out those that a program has sent.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    return message
