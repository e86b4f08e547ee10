"""Deriving the responses anew when a setting that decides over them has changed."""

import structlog
from sqlalchemy import Connection

from survey.rules import Rules, decide, rules_of
from survey.settings import Settings
from survey.store.database import Database
from survey.store.fingerprint import fingerprint_settings
from survey.store.responses import (
    answered_tickets,
    answers_of_tickets,
    applied_rules,
    save_applied_rules,
    save_responses,
    void_tickets,
)

log = structlog.get_logger()

# Tickets that are read and written at a time.
_TICKETS_AT_ONCE = 1000


def apply_rules(database: Database, settings: Settings) -> None:
    """Bring all responses in line with the settings; quick where these are as they were.

    A person who becomes a tester leaves the responses, and with them the count that customers
    see; a longer edit window lets in changes that came too late before; with another survey id
    other imported answers count. All or nothing.
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
        for begin in range(0, len(tickets), _TICKETS_AT_ONCE):
            _derive(connection, tickets[begin : begin + _TICKETS_AT_ONCE], rules, voids)
        save_applied_rules(connection, fingerprint)
    if tickets:
        log.info("responses derived anew, by changed settings", tickets=len(tickets))


def _derive(
    connection: Connection, tickets: list[str], rules: Rules, voids: frozenset[str]
) -> None:
    answers = answers_of_tickets(connection, tickets)
    save_responses(
        connection,
        {
            ticket_id: decide(given, rules, void=ticket_id in voids).response
            for ticket_id, given in answers.items()
        },
    )
