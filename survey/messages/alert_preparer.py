"""Makes messages of the alerts that are due: one for each team and receiver, as things are now."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import groupby

from sqlalchemy import Connection

from survey.messages.alert_rows import AlertPayload
from survey.messages.alerts import Alert
from survey.messages.outgoing import Outgoing
from survey.scale import LOW
from survey.settings import Settings
from survey.store.database import Database
from survey.store.messages import MessageClaim, remove_messages, save_payloads
from survey.store.models import ResponseRow
from survey.store.outbox import release
from survey.store.responses import find_responses

# Sends the message about these alerts: with the address of its receiver, if it is a mail, and the
# key by which the message is known when it is sent again.
SendAlerts = Callable[[Sequence[Alert], str | None, str], None]


@dataclass(frozen=True)
class _Due:
    """A row of an alert that is to be sent, and the response of now."""

    claim: MessageClaim
    payload: AlertPayload
    response: ResponseRow

    @property
    def group(self) -> tuple[str, str, str]:
        """What the rows of one message have in common. Rows of a message that may have been sent
        already stay together, without others, so that it is known as the same."""
        return (self.payload.sent_as or "", self.response.team, self.payload.recipient or "")


class AlertPreparer:
    """Makes one message of all rows of a team and a receiver that are due."""

    claims_at_once = 1_000

    def __init__(self, settings: Settings, send: SendAlerts) -> None:
        self._settings = settings
        self._send = send

    def prepare(
        self, database: Database, claims: Sequence[MessageClaim], now: datetime
    ) -> list[Outgoing]:
        """Return a message for each group of rows. Remove the rows of alerts that are no longer
        true, and let those wait whose response has changed a short time ago.

        The tickets are locked: a row that is about to be removed must not hide a low rating that is
        being received.
        """
        tickets = sorted({claim.ticket_id for claim in claims})
        with database.writing() as connection:
            database.lock_tickets(connection, tickets)
            due = self._find_due(connection, claims, find_responses(connection, tickets), now)
            due.sort(key=lambda each: each.group)
            groups = [_name(list(rows)) for _, rows in groupby(due, lambda each: each.group)]
            named = {each.claim.id: str(each.payload) for group in groups for each in group}
            save_payloads(connection, named)
        return [self._prepare(group) for group in groups]

    def _find_due(
        self,
        connection: Connection,
        claims: Sequence[MessageClaim],
        responses: dict[str, ResponseRow],
        now: datetime,
    ) -> list[_Due]:
        due: list[_Due] = []
        withdrawn: list[int] = []
        for claim in claims:
            payload, response = AlertPayload.parse(claim.payload), responses.get(claim.ticket_id)
            if response is None or not self._is_true(payload, response):
                withdrawn.append(claim.id)
                continue
            settles_at = response.changed_at + self._settings.settling_delay
            # A change from later than now is from before the clock was set back.
            if response.changed_at <= now < settles_at:
                release(connection, [claim.id], settles_at)
            else:
                due.append(_Due(claim, payload, response))
        if withdrawn:
            remove_messages(connection, withdrawn)
        return due

    def _is_true(self, payload: AlertPayload, response: ResponseRow) -> bool:
        """Return whether the response is still the one that the alert is about, and low, and the
        receiver of a mail still gets alerts."""
        receivers = {each for some in self._settings.alert_recipients.values() for each in some}
        is_receiver = payload.recipient is None or payload.recipient in receivers
        is_same = response.submission_id == payload.submission_id
        return is_same and response.rating in LOW and is_receiver

    def _prepare(self, group: Sequence[_Due]) -> Outgoing:
        alerts = [_alert(each.response) for each in group]
        payload = group[0].payload
        return Outgoing(
            ids=[each.claim.id for each in group],
            waits_since=min(each.claim.created_at for each in group)
            + self._settings.settling_delay,
            send=partial(self._send, alerts, payload.recipient, payload.sent_as or ""),
        )


def _name(group: Sequence[_Due]) -> list[_Due]:
    """Return the rows of a message with its key."""
    keys = sorted(each.claim.key for each in group)
    key = group[0].payload.sent_as or hashlib.sha256("\n".join(keys).encode()).hexdigest()
    return [replace(each, payload=replace(each.payload, sent_as=key)) for each in group]


def _alert(response: ResponseRow) -> Alert:
    return Alert(
        ticket_id=response.ticket_id,
        team=response.team,
        rating=response.rating,
        comment=response.comment,
        at=response.changed_at,
    )
