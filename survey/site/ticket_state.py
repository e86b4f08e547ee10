"""What a visitor may know about a ticket's answers, and what an answer from them would do."""

from dataclasses import dataclass, replace
from datetime import datetime

from survey.counting_rules import CountingRules
from survey.links import Link, anonymous_person, judge_requester
from survey.pseudonyms import is_same_person
from survey.rules import Answer, decide, time_of_receipt
from survey.store.database import Database
from survey.store.deciding import Arriving, answers_that_decide
from survey.store.models import ResponseRow
from survey.store.responses import find_response, has_answers
from survey.store.tickets import find_requesters
from survey.store.voids import void_among
from survey.vocabulary import Outcome, Trust


@dataclass(frozen=True)
class TicketState:
    """A ticket as one visitor may see it.

    `own_answer` is the one that stands now, if this visitor gave it. Ticket numbers can be guessed,
    so the link must have the distinct_id of the response or, if that has none, a valid signature.
    `own_response` is the response that it belongs to; None if the ticket does not count, because
    nothing proves who gave its answers: the visitor then sees the same, but feeds no hedgehog.
    `outcome_now` is the outcome of an answer that they would send now; `outcome_of_sent` is the
    outcome of the answer that they have sent and ask about.
    """

    own_answer: Answer | None = None
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
    """Return the ticket's state for a visitor who uses `link`, and perhaps has sent an answer with
    the uuid `sent`. Raise StoreError if the store fails."""
    if not has_answers(database, link.ticket_id):
        return TicketState()
    with database.reading() as connection:
        arriving = Arriving(link.ticket_id, link.person, now, sent)
        answers = answers_that_decide(connection, rules, [arriving])[link.ticket_id]
        response = find_response(connection, link.ticket_id)
        rules = rules.with_voids(void_among(connection, [link.ticket_id]))
        requester = find_requesters(connection, [link.ticket_id]).get(link.ticket_id)
    # Whether a ticket counts that has unverified answers alone is nothing to customers.
    rules = replace(rules, unverified_excluded_from=None)
    decision = decide(answers, rules)
    # A link without a distinct_id names nobody: anybody who guesses the ticket has the same link.
    is_somebody = trust is Trust.SIGNED or link.person != anonymous_person(link.ticket_id)
    standing = decision.response
    is_own = (
        is_somebody
        and standing is not None
        and is_same_person(standing.first.distinct_id, link.person, rules.secrets)
    )
    hypothetical = Answer(
        uuid="",
        ticket_id=link.ticket_id,
        distinct_id=link.person,
        rating=1,
        comment=None,
        team=link.team,
        answered_at=time_of_receipt(answers, now),
        trust=judge_requester(link, trust, requester, rules.secrets),
        is_from_site=True,
    )
    return TicketState(
        own_answer=standing.latest if is_own and standing else None,
        own_response=response if is_own else None,
        outcome_now=decide([*answers, hypothetical], rules).outcomes[""],
        outcome_of_sent=decision.outcomes.get(sent or ""),
    )
