"""Functions that take a ticket out of the numbers, and let it count again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from survey.answer_events import build_outbox_event, find_unsent
from survey.counting_rules import CountingRules
from survey.errors import CsatError
from survey.messages.ticket_rows import rows_of_change, rows_of_tag
from survey.rules import Answer, Response, decide
from survey.settings import Settings
from survey.store.database import Database
from survey.store.messages import add_messages
from survey.store.models import ResponseRow
from survey.store.outbox import enqueue
from survey.store.responses import add_responses, answers_of, find_response
from survey.store.voids import lift_void, void_ticket
from survey.vocabulary import Trust


class CannotVoid(CsatError):
    """The error that a ticket is void already, or that nobody has answered for it."""


@dataclass(frozen=True)
class Voided:
    """The result of a void: how many answers no longer count, and the response that they had."""

    answers: int
    response: ResponseRow | None


def void(
    database: Database,
    settings: Settings,
    ticket_id: str,
    reason: str,
    now: datetime,
    *,
    force: bool = False,
) -> Voided:
    """Take a ticket's answers out of every number, and its rating off the ticket at Zendesk.

    Raises CannotVoid for a ticket that is void already, and without `force` for one that nobody
    has answered for.
    """
    with database.writing() as connection:
        database.lock_tickets(connection, [ticket_id])
        answers = answers_of(connection, ticket_id)
        if not answers and not force:
            raise CannotVoid(
                f"nobody has answered for ticket {ticket_id}; check its number. "
                "--force voids it before anybody does."
            )
        response = find_response(connection, ticket_id)
        if not void_ticket(connection, ticket_id, reason, now):
            raise CannotVoid(f"ticket {ticket_id} is void already")
        if response is not None and _has_site_answer(answers):
            trust = Trust(response.link_trust)
            add_messages(connection, list(rows_of_tag(ticket_id, trust, settings, now)), now)
    return Voided(len(answers), response)


def unvoid(
    database: Database, settings: Settings, ticket_id: str, reason: str, now: datetime
) -> Response | None:
    """Let a void ticket count again; return the response that its answers make.

    Answers that came while it was void are sent to PostHog now, if they count, and the rating goes
    to the ticket at Zendesk again. Raises NotVoid.
    """
    rules = CountingRules.of(settings)
    with database.writing() as connection:
        database.lock_tickets(connection, [ticket_id])
        known_id = lift_void(connection, ticket_id, reason, now)
        answers = answers_of(connection, ticket_id)
        before, after = decide(answers, rules.with_voids([ticket_id])), decide(answers, rules)
        if after.response is None:
            return None
        known_ids = {} if known_id is None else {ticket_id: known_id}
        submission_id = add_responses(connection, {ticket_id: after.response}, known_ids)[ticket_id]
        events = [
            build_outbox_event(answer, asked, after.response, submission_id, settings)
            for answer, asked in find_unsent(connection, answers, before, after)
        ]
        if events:
            enqueue(connection, events, now)
        if _has_site_answer(answers):
            rows = rows_of_change(ticket_id, None, after.response, settings, now)
            add_messages(connection, list(rows), now)
    return after.response


def _has_site_answer(answers: Sequence[Answer]) -> bool:
    """Return whether any answer came by the site: what was imported goes to no ticket."""
    return any(answer.is_from_site for answer in answers)
