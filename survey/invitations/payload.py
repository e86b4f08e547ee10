"""The row of the outbox for an invitation: what is needed to send it. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from survey.languages import choose_language
from survey.links import LinkError, check_value
from survey.store.inviting import invitation_key
from survey.store.messages import NewMessage
from survey.store.models import Channel
from survey.zendesk.tickets import Ticket


@dataclass(frozen=True)
class InvitationPayload:
    """The payload of an invitation's row. `external_id` is blank for a customer whom PostHog does
    not know; `language` is the tag of one of ours. The outbox forgets it when it was sent."""

    ticket_id: str
    recipient: str
    customer: str
    language: str
    team: str
    external_id: str

    @classmethod
    def of(cls, ticket: Ticket) -> Self:
        """Return the payload for a ticket whose customer has an address."""
        assert ticket.requester_email is not None
        assert ticket.customer is not None
        return cls(
            ticket_id=ticket.ticket_id,
            recipient=ticket.requester_email.strip(),
            customer=ticket.customer,
            language=choose_language(ticket.language).tag,
            team=ticket.team,
            external_id=_usable(ticket.requester_external_id),
        )

    @classmethod
    def parse(cls, payload: str) -> Self:
        """Return the payload that a row holds."""
        return cls(**json.loads(payload))

    def __str__(self) -> str:
        return json.dumps(vars(self))

    @property
    def link_parameters(self) -> dict[str, str]:
        """The parameters of the survey link."""
        return {"distinct_id": self.external_id, "ticketId": self.ticket_id, "team": self.team}


def invitation_row(ticket: Ticket, now: datetime) -> NewMessage:
    """Return the row of the outbox for the invitation to a ticket."""
    payload = str(InvitationPayload.of(ticket))
    key = invitation_key(ticket.ticket_id)
    return NewMessage(key, Channel.INVITATION, ticket.ticket_id, payload, available_at=now)


def _usable(external_id: str | None) -> str:
    """Return the external id as a link can carry it: blank for one that no link can."""
    try:
        check_value("distinct_id", external_id or "")
    except LinkError:
        return ""
    return external_id or ""
