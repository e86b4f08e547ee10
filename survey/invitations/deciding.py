"""Whether the customer of a ticket is asked, and why not. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from survey.counting_rules import tester_ids
from survey.recipients import parse_address
from survey.settings import Settings
from survey.vocabulary import InvitationOutcome, TicketStatus
from survey.zendesk.tickets import Ticket, longest_wait


@dataclass(frozen=True)
class CustomerState:
    """What is known of the customer of a ticket. `last_asked_at` is when the customer was asked
    about another ticket; `is_being_asked` says that an invitation to another one waits to be
    sent."""

    last_asked_at: datetime | None = None
    is_unsubscribed: bool = False
    is_being_asked: bool = False


def decide(
    ticket: Ticket, settings: Settings, now: datetime, customer: CustomerState
) -> InvitationOutcome | None:
    """Return what becomes of asking the customer of a ticket: `queued` for one who is to be asked,
    the first reason that applies for one who is not, and None while it is too early to tell.

    The same ticket is decided in the same way again.
    """
    if ticket.solved_at is None:
        return None
    is_gone = ticket.status is TicketStatus.GONE
    is_due = ticket.solved_at + settings.survey_delay <= now
    if not ticket.is_done and not is_gone:
        return InvitationOutcome.REOPENED if is_due else None
    # A help desk that has asked did not wait for us.
    if ticket.is_surveyed:
        return InvitationOutcome.ASKED
    if not is_due:
        return None
    if _is_too_old(ticket, ticket.solved_at, settings, now):
        return InvitationOutcome.TOO_OLD
    if is_gone or ticket.is_excluded or _is_test(ticket, settings):
        return InvitationOutcome.EXCLUDED
    if is_sampled_out(ticket, settings):
        return InvitationOutcome.SAMPLED_OUT
    if customer.is_unsubscribed:
        return InvitationOutcome.UNSUBSCRIBED
    if is_in_cooldown(customer.last_asked_at, settings, now):
        return InvitationOutcome.COOLDOWN
    if customer.is_being_asked:
        return None
    if not has_address(ticket):
        return InvitationOutcome.NO_ADDRESS
    return InvitationOutcome.QUEUED


def is_sampled_out(ticket: Ticket, settings: Settings) -> bool:
    """Return whether a ticket is among those of its plan that are not asked about. A greater share
    leaves all in that a smaller one has."""
    share = settings.invite_sample.get(ticket.plan, 100)
    digest = hashlib.sha256(ticket.ticket_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10_000 >= share * 100


def is_in_cooldown(last_asked_at: datetime | None, settings: Settings, now: datetime) -> bool:
    """Return whether a customer was asked so short a time ago that nothing more is asked now."""
    return last_asked_at is not None and now < last_asked_at + settings.survey_cooldown


def has_address(ticket: Ticket) -> bool:
    """Return whether a ticket has a mail address that a mail can go to."""
    try:
        parse_address(ticket.requester_email or "")
    except ValueError:
        return False
    return True


def _is_too_old(ticket: Ticket, solved_at: datetime, settings: Settings, now: datetime) -> bool:
    """Return whether a ticket was solved long before we heard of it, or should have been asked
    about long ago: before invitations were switched on."""
    is_late_news = ticket.first_seen_at - solved_at > settings.invite_max_age
    return is_late_news or now - solved_at > longest_wait(settings)


def _is_test(ticket: Ticket, settings: Settings) -> bool:
    return ticket.requester_external_id in tester_ids(settings)
