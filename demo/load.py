"""Storing the sample's answers as if the site and an import had received them."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from demo.predecessor import is_predecessor
from demo.sample import sample_events
from demo.surroundings import add_surroundings
from survey.copies import choose_copies, import_event
from survey.counting_rules import CountingRules
from survey.event_values import PropertyKeys
from survey.rules import decide
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import AnswerRow, Origin
from survey.store.responses import NewAnswer, add_answers, add_responses
from survey.store.voids import void_tickets

# How many tickets are stored between two reports of progress: few enough for a moving bar.
_TICKETS_PER_STEP = 200


def load_sample(
    database: Database,
    settings: Settings,
    until: datetime,
    on_progress: Callable[[int, int], None],
) -> None:
    """Store the sample's answers and their responses, all or none.

    Leave a store that has answers as it is, so that answers given on the demo site stay. Put
    nothing into the outbox. `on_progress` gets the number of finished tickets and of all tickets.
    """
    with database.writing() as connection:
        if connection.scalar(select(AnswerRow.id).limit(1)) is not None:
            return
        rules = CountingRules.of(settings, void_tickets(connection))
        tickets = _answers_by_ticket(until, settings, rules)
        for done, (ticket_id, answers) in enumerate(tickets.items(), start=1):
            add_answers(connection, answers)
            if ticket_id is not None:
                given = [new.answer for new in answers]
                response = decide(given, rules).response
                if response is not None:
                    add_responses(connection, {ticket_id: response})
            if done % _TICKETS_PER_STEP == 0 or done == len(tickets):
                on_progress(done, len(tickets))
        add_surroundings(connection, settings, until)


def _answers_by_ticket(
    until: datetime, settings: Settings, rules: CountingRules
) -> dict[str | None, list[NewAnswer]]:
    """Return the sample's answers by ticket, each with its origin. Those without a ticket are
    under None."""
    keys = PropertyKeys.of(rules)
    answers, origins = [], {}
    for event in sample_events(until, settings):
        answers.append(
            import_event(
                event["uuid"],
                event["distinct_id"],
                event["timestamp"],
                event["properties"],
                keys,
                rules.secrets,
            )
        )
        origins[event["uuid"]] = Origin.IMPORT if is_predecessor(event) else Origin.SITE
    tickets: dict[str | None, list[NewAnswer]] = {}
    for answer in choose_copies(answers):
        origin = origins[answer.uuid]
        properties = answer.properties if origin is Origin.IMPORT else None
        new = NewAnswer(answer, origin, properties=properties)
        tickets.setdefault(answer.ticket_id, []).append(new)
    return tickets
