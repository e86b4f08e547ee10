"""Sends the invitations of the outbox, each after a last look at its ticket and its customer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from time import monotonic

from sqlalchemy import Connection

from survey.delivery.failures import DeliveryError, FailureKind
from survey.invitations.deciding import CustomerState, decide
from survey.invitations.mail import compose_invitation
from survey.invitations.payload import InvitationPayload
from survey.links import make_link
from survey.messages.mails import Mail
from survey.messages.outgoing import LEASE, Outgoing, Preparer, Record, Withdrawn
from survey.messages.smtp import DEADLINE_SECONDS, SmtpSender
from survey.settings import Settings
from survey.store.database import Database
from survey.store.inviting import (
    TAG,
    find_last_asked,
    find_unsubscribed,
    mark_unasked,
    remove_queued,
    save_outcome,
)
from survey.store.messages import MessageClaim
from survey.store.tickets import find_ticket, mark_asked
from survey.vocabulary import InvitationOutcome, TicketStatus
from survey.zendesk.client import ZendeskClient
from survey.zendesk.marking import TicketAtZendesk, TicketMarker
from survey.zendesk.tickets import Ticket, hashes_of_customer

# After so long, the lease might end before a conversation with the mail server does.
_LATEST_SECONDS = LEASE.total_seconds() - DEADLINE_SECONDS - 5


def make_invitation_preparer(settings: Settings) -> Preparer | None:
    """Return what sends invitations by the means of the settings; None while they are off."""
    if settings.invite == "off":
        return None
    marker = None
    if settings.zendesk_url is not None:
        # The outbox tries again by itself.
        client = ZendeskClient.of(settings, attempts=1)
        marker = TicketMarker(client, settings.zendesk_link_field)
    return _InvitationPreparer(settings, marker)


@dataclass(frozen=True)
class _Look:
    """What a last look shows: the ticket here, None if it was forgotten, what Zendesk has, if it is
    configured, and what is decided now; an outcome of None means to decide later."""

    ticket: Ticket | None
    at_zendesk: TicketAtZendesk | None
    outcome: InvitationOutcome | None


class _InvitationPreparer:
    """Sends one invitation after another, because each may have to wait for Zendesk."""

    claims_at_once = 1

    def __init__(self, settings: Settings, marker: TicketMarker | None) -> None:
        self._settings = settings
        self._marker = marker

    def prepare(
        self, database: Database, claims: Sequence[MessageClaim], now: datetime
    ) -> list[Outgoing]:
        """Return a message for each row."""
        return [self._prepare(database, claim, now) for claim in claims]

    def _prepare(self, database: Database, claim: MessageClaim, now: datetime) -> Outgoing:
        payload = InvitationPayload.parse(claim.payload)
        latest = monotonic() + _LATEST_SECONDS
        return Outgoing(
            ids=[claim.id],
            waits_since=claim.created_at,
            send=partial(self._send, database, payload, now, latest),
            record=partial(record_sent, payload.ticket_id, self._settings.invite),
        )

    def _send(
        self, database: Database, payload: InvitationPayload, now: datetime, latest: float
    ) -> None:
        """Ask the customer, if that is still right: the ticket is marked first."""
        look = self._look(database, payload, now)
        if look.outcome is not InvitationOutcome.QUEUED:
            raise Withdrawn(self._withdraw(look, payload))
        if self._marker is not None and look.at_zendesk is not None:
            self._check_closed(look.at_zendesk)
            self._mark(self._marker, look.at_zendesk)
        if monotonic() > latest:
            reason = "there was no time left to send it, because Zendesk took so long"
            raise DeliveryError(FailureKind.DEFERRED, reason)
        self._hand_over(payload, now)

    def _look(self, database: Database, payload: InvitationPayload, now: datetime) -> _Look:
        with database.reading() as connection:
            ticket = find_ticket(connection, payload.ticket_id)
            seen = ticket and replace(ticket, requester_email=payload.recipient)
            hashes = {payload.customer}
            if seen is not None:
                hashes |= hashes_of_customer(seen, self._settings.secret_keys)
            customer = find_customer(connection, hashes)
        at_zendesk = self._marker.find(payload.ticket_id) if self._marker is not None else None
        if seen is None:
            return _Look(None, at_zendesk, None)
        if at_zendesk is not None:
            is_surveyed = at_zendesk.is_surveyed and not at_zendesk.is_ours
            seen = replace(seen, status=at_zendesk.status, is_surveyed=is_surveyed)
        return _Look(ticket, at_zendesk, decide(seen, self._settings, now, customer))

    def _check_closed(self, ticket: TicketAtZendesk) -> None:
        if self._settings.invite == "zendesk" and ticket.status is TicketStatus.CLOSED:
            reason = "the ticket is closed: Zendesk takes no link for it any more"
            raise DeliveryError(FailureKind.REJECTED, reason)

    def _mark(self, marker: TicketMarker, ticket: TicketAtZendesk) -> None:
        if not ticket.is_ours and not marker.mark(ticket):
            reason = "the ticket was changed at Zendesk at this moment; it is looked at again"
            raise DeliveryError(FailureKind.DEFERRED, reason)

    def _hand_over(self, payload: InvitationPayload, now: datetime) -> None:
        """Send the mail, or give Zendesk the link to mail it."""
        if self._settings.invite == "zendesk":
            assert self._marker is not None  # the settings have checked that it is configured
            parameters = {**payload.link_parameters, "lang": payload.language}
            self._marker.set_link(payload.ticket_id, make_link(parameters, self._settings))
            return
        assert self._settings.smtp_url is not None  # likewise
        assert self._settings.mail_from is not None
        sender = SmtpSender(self._settings.smtp_url.get_secret_value(), self._settings.mail_from)
        message = compose_invitation(payload, self._settings, now)
        sender.send(Mail.of(message, payload.recipient).content, payload.recipient)

    def _withdraw(self, look: _Look, payload: InvitationPayload) -> Record:
        """Take our tags back, so that the ticket can be asked about after another solution; return
        what records why nobody is asked."""
        is_ours = look.at_zendesk is not None and look.at_zendesk.is_ours
        if is_ours and self._marker is not None:
            self._marker.unmark(payload.ticket_id)
        if look.outcome is None:
            return partial(_record_undecided, payload)
        if look.outcome is InvitationOutcome.ASKED and look.ticket and look.ticket.solved_at:
            asked_at = look.ticket.solved_at + self._settings.survey_delay
            return partial(_record_asked_by_tag, payload.ticket_id, asked_at)
        return partial(_record_unasked, payload.ticket_id, look.outcome)


def find_customer(connection: Connection, hashes: Collection[str]) -> CustomerState:
    """Return what is known of a customer for whom an invitation is about to be sent, under any of
    the customer's hashes."""
    asked = find_last_asked(connection, hashes).values()
    return CustomerState(max(asked, default=None), bool(find_unsubscribed(connection, hashes)))


def record_sent(ticket_id: str, means: str, connection: Connection, now: datetime) -> None:
    """Keep that the customer of a ticket was asked, by these means."""
    save_outcome(connection, ticket_id, InvitationOutcome.SENT, now, means=means, asked_at=now)
    mark_asked(connection, ticket_id)


def _record_asked_by_tag(
    ticket_id: str, asked_at: datetime, connection: Connection, now: datetime
) -> None:
    save_outcome(connection, ticket_id, InvitationOutcome.ASKED, now, means=TAG, asked_at=asked_at)
    mark_asked(connection, ticket_id)


def _record_unasked(
    ticket_id: str, outcome: InvitationOutcome, connection: Connection, now: datetime
) -> None:
    if save_outcome(connection, ticket_id, outcome, now):
        mark_unasked(connection, ticket_id, None)


def _record_undecided(payload: InvitationPayload, connection: Connection, _now: datetime) -> None:
    """Forget the invitation, and give the ticket its address back: it is decided again later."""
    if remove_queued(connection, payload.ticket_id):
        mark_unasked(connection, payload.ticket_id, payload.recipient)
