"""Deriving the responses anew when a setting that decides over them has changed."""

import structlog

from survey.receive import rules_of
from survey.rules import decide
from survey.settings import Settings
from survey.store.database import Database
from survey.store.fingerprint import fingerprint_settings
from survey.store.responses import (
    answered_tickets,
    answers_of,
    applied_rules,
    remove_response,
    save_applied_rules,
    save_response,
    void_tickets,
)

log = structlog.get_logger()


def apply_rules(database: Database, settings: Settings) -> None:
    """Bring all responses in line with the settings; quick where these are as they were.

    A person who becomes a tester leaves the responses, and with them the count that customers
    see; a longer edit window lets in changes that came too late before. All or nothing.
    """
    rules = rules_of(settings)
    fingerprint = fingerprint_settings(settings)
    with database.reading() as connection:
        if applied_rules(connection) == fingerprint:
            return
    with database.writing() as connection:
        database.lock_answers(connection)
        tickets = answered_tickets(connection)
        voids = void_tickets(connection)
        for ticket_id in tickets:
            answers = answers_of(connection, ticket_id)
            response = decide(answers, rules, void=ticket_id in voids).response
            if response is None:
                remove_response(connection, ticket_id)
            else:
                save_response(connection, ticket_id, response)
        save_applied_rules(connection, fingerprint)
    if tickets:
        log.info("responses derived anew, by changed settings", tickets=len(tickets))
