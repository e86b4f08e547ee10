"""Derives the responses again when a setting that decides over them has changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from survey.counting_rules import CountingRules, Derived
from survey.event_values import PropertyKeys, read_trust
from survey.link_proofs import judge_trust
from survey.rules import decide
from survey.store.database import Database
from survey.store.imports import claiming_answers, replace_trusts
from survey.store.responses import (
    answers_of_tickets,
    applied_rules,
    next_tickets,
    replace_applied_rules,
    save_applied_rules,
    save_responses,
)
from survey.store.voids import void_among

log = structlog.get_logger()

# How many answers a transaction reads, plus the rest of the last ticket's answers. Customers wait
# for its locks, or for their turn to write, for some hundredths of a second.
ANSWERS_AT_ONCE = 500


def responses_are_current(database: Database, rules: CountingRules) -> bool:
    """Return whether the responses were derived by these rules."""
    with database.reading() as connection:
        return applied_rules(connection) == rules.fingerprint(Derived.RESPONSES)


def apply_rules(
    database: Database,
    rules: CountingRules,
    on_progress: Callable[[int], object] | None = None,
) -> None:
    """Derive all responses by the rules again; do nothing if the rules have not changed.

    A person who becomes a tester leaves the responses, and with them the count that customers
    see; a longer edit window lets in changes that came too late before; with another survey id
    other imported answers count; with another secret other imported answers are trusted.
    `on_progress` is told over how many answers it has been decided.

    The site keeps running meanwhile: a few tickets are derived at a time, each batch completely or
    not at all. Until the last batch, the stored fingerprint is that of no settings, so that reports
    do not use the responses, and the next start derives them again if this one is killed. If
    another derivation begins meanwhile, it takes over and this one ends.
    """
    if responses_are_current(database, rules):
        return
    mark = f"being derived: {uuid4()}"
    with database.writing() as connection:
        save_applied_rules(connection, mark)
    answers = 0
    after = ""
    while tickets := _find_next(database, after):
        derived = _derive(database, tickets, rules, mark)
        if derived is None:
            break
        after = tickets[-1]
        answers += derived
        if on_progress is not None:
            on_progress(answers)
    with database.writing() as connection:
        is_ours = replace_applied_rules(connection, mark, rules.fingerprint(Derived.RESPONSES))
    if not is_ours:
        log.warning("another start derives the responses, perhaps by other settings")
    elif answers:
        log.info("responses derived anew, by changed settings", answers=answers)


def _find_next(database: Database, after: str) -> list[str]:
    """Return the next tickets. The read is outside of the batches, so that others can write."""
    with database.reading() as connection:
        return next_tickets(connection, after, ANSWERS_AT_ONCE)


def _derive(database: Database, tickets: list[str], rules: CountingRules, mark: str) -> int | None:
    """Derive the responses of these tickets; return how many answers they have, or None if another
    derivation has begun."""
    with database.writing() as connection:
        # The lock comes before all reads, so that they see what another derivation or a void wrote.
        database.lock_tickets(connection, tickets)
        if applied_rules(connection) != mark:
            return None
        return _save_derived(connection, tickets, rules)


def _judge_again(connection: Connection, tickets: list[str], rules: CountingRules) -> None:
    """Judge the trust of imported answers by the secrets of now, from what their events said."""
    keys = PropertyKeys.of(rules)
    changed = {}
    for each in claiming_answers(connection, tickets):
        # An early release kept no properties: then nothing is proved.
        properties = json.loads(each.answer.properties or "{}")
        claimed = replace(each.answer, trust=read_trust(properties.get(keys.trust)))
        trust = judge_trust(claimed, properties.get(keys.proof), rules.secrets)
        if trust is not each.answer.trust:
            changed[each.id] = trust
    replace_trusts(connection, changed)


def _save_derived(connection: Connection, tickets: list[str], rules: CountingRules) -> int:
    _judge_again(connection, tickets, rules)
    rules = rules.with_voids(void_among(connection, tickets))
    answers = answers_of_tickets(connection, tickets)
    save_responses(
        connection,
        {ticket_id: decide(given, rules).response for ticket_id, given in answers.items()},
    )
    return sum(map(len, answers.values()))
