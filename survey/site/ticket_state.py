"""What this visitor may know of the ticket's answers, and what an answer from them would do."""

from dataclasses import dataclass
from datetime import datetime

from survey.counting_rules import CountingRules
from survey.links import Link, anonymous_person
from survey.rules import Answer, decide, time_of_receipt
from survey.store.database import Database
from survey.store.deciding import Arriving, answers_that_decide
from survey.store.models import ResponseRow
from survey.store.responses import find_response, has_answers
from survey.store.voids import void_among
from survey.vocabulary import Outcome, Trust


@dataclass(frozen=True)
class TicketState:
    """A ticket as one visitor may see it.

    `own_response` is the response if it is theirs: ticket numbers can be guessed, so that takes
    the distinct_id that gave it or, where none was given, a valid signature. `outcome_now` is
    what would become of an answer sent now, `outcome_of_sent` what became of the one that they sent
    and ask about.
    """

    own_response: ResponseRow | None = None
    outcome_now: Outcome = Outcome.RESPONSE
    outcome_of_sent: Outcome | None = None


def find_ticket_state(
    database: Database,
    rules: CountingRules,
    link: Link,
    trust: Trust,
    now: datetime,
    sent: str | None = None,
) -> TicketState:
    """Return the state of a visitor who comes through `link`, perhaps after an answer with the uuid
    `sent`; raises StoreError."""
    if not has_answers(database, link.ticket_id):
        return TicketState()
    with database.reading() as connection:
        arriving = Arriving(link.ticket_id, link.person, now, sent)
        answers = answers_that_decide(connection, rules, [arriving])[link.ticket_id]
        response = find_response(connection, link.ticket_id)
        rules = rules.with_voids(void_among(connection, [link.ticket_id]))
    # A link without a distinct_id names nobody: whoever guesses the ticket has the same one.
    is_somebody = trust is Trust.SIGNED or link.person != anonymous_person(link.ticket_id)
    is_own = response is not None and response.distinct_id == link.person
    own = response if is_own and is_somebody else None
    hypothetical = Answer(
        uuid="",
        ticket_id=link.ticket_id,
        distinct_id=link.person,
        rating=1,
        comment=None,
        team=link.team,
        answered_at=time_of_receipt(answers, now),
        trust=trust,
        is_from_site=True,
    )
    return TicketState(
        own_response=own,
        outcome_now=decide([*answers, hypothetical], rules).outcomes[""],
        outcome_of_sent=decide(answers, rules).outcomes.get(sent or ""),
    )
