"""Selects the answers that decide over a ticket: a few, however many the ticket has.

Most tickets have few answers, and all of them are read. But anybody can send thousands of answers
to a ticket. Then only some are read: from these, `survey.rules.decide` derives the same response,
and the same outcome for each of them, as from all.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import product
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    func,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from survey.counting_rules import CountingRules, Derived
from survey.pseudonyms import is_pseudonym, pseudonyms_of
from survey.rules import Answer, time_of_receipt
from survey.store.models import AnswerRow, Origin, ResponseRow, is_indexed
from survey.store.received import other_survey_condition
from survey.store.responses import (
    SELECT_ANSWER,
    answers_of,
    applied_rules,
    find_answer,
    group_answers,
    read_answer_row,
)
from survey.vocabulary import LONGEST_VALUE, TRUST_ORDER, Trust

# If a ticket has fewer answers than this, all are read.
FEW = 20

_TICKET_ID: BindParameter[str] = bindparam("ticket_id")
_PERSON: BindParameter[str] = bindparam("person")
_UNTIL: BindParameter[datetime] = bindparam("until")

_LATEST_OF_SITE = (
    SELECT_ANSWER.where(AnswerRow.ticket_id == _TICKET_ID, AnswerRow.source == Origin.SITE.value)
    .order_by(AnswerRow.source, AnswerRow.answered_at.desc())
    .limit(1)
)
_PERSON_OF_RESPONSE = select(ResponseRow.distinct_id).where(ResponseRow.ticket_id == _TICKET_ID)


def _some_on_sqlite() -> Select[*tuple[Any, ...]]:
    asked = func.json_each(bindparam("ticket_ids")).table_valued("value").alias("asked")
    other = aliased(AnswerRow)
    some = _some(select(other.id), other, asked.c.value).correlate(asked)
    return SELECT_ANSWER.join_from(asked, AnswerRow, AnswerRow.id.in_(some))


def _some_on_postgresql() -> Select[*tuple[Any, ...]]:
    ticket_ids: BindParameter[Any] = bindparam("ticket_ids", type_=ARRAY(Text))
    asked = select(func.unnest(ticket_ids).label("value")).subquery("asked")
    some = _some(SELECT_ANSWER, AnswerRow, asked.c.value).lateral("some")
    return select(some).join_from(asked, some, true())


def _some(
    rows: Select[*tuple[Any, ...]], table: type[AnswerRow], ticket: ColumnElement[str]
) -> Select[*tuple[Any, ...]]:
    """Limit the rows of a ticket, in the order of an index: PostgreSQL then reads no more of the
    index, and SQLite sorts nothing."""
    of_ticket = rows.where(table.ticket_id == ticket)
    return of_ticket.order_by(table.source, table.answered_at).limit(bindparam("few"))


# These read the first answers of several tickets. There are two, because SQLite has no LATERAL.
_SOME_ON_SQLITE = _some_on_sqlite()
_SOME_ON_POSTGRESQL = _some_on_postgresql()


def _count_strangers(others: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Count those on one side of the customer in an index: their own, of which there may be very
    many, are not read."""
    some = (
        select(AnswerRow.id)
        .where(
            AnswerRow.ticket_id == _TICKET_ID,
            others,
            AnswerRow.link_trust == Trust.UNVERIFIED.value,
            is_indexed(AnswerRow),
            AnswerRow.source == Origin.SITE.value,
        )
        .limit(bindparam("few"))
    )
    return select(func.count()).select_from(some.subquery())


_COUNT_STRANGERS = (
    _count_strangers(AnswerRow.distinct_id < _PERSON),
    _count_strangers(AnswerRow.distinct_id > _PERSON),
)


@dataclass(frozen=True)
class Arriving:
    """A person who answers a ticket now, or may answer it. `uuid` is that of the answer that they
    send or ask about; this answer may be stored already."""

    ticket_id: str
    person: str
    now: datetime
    uuid: str | None = None


def answers_that_decide(
    connection: Connection, rules: CountingRules, arriving: Sequence[Arriving]
) -> dict[str, list[Answer]]:
    """Return for each ticket the answers that decide, in the order of their time.

    `decide` gives the same for them as for all answers of the ticket, also when an answer of the
    arriving person is added. Among them are the latest answer that the site received, and the
    answer with the uuid of `Arriving`, if the ticket has it. Each ticket may arrive only once.
    """
    answers = _first_of_each(connection, [each.ticket_id for each in arriving])
    for each in arriving:
        if len(answers[each.ticket_id]) >= FEW:
            answers[each.ticket_id] = _of_very_many(connection, rules, each)
    return answers


def count_strangers(connection: Connection, ticket_id: str, customer: str, at_most: int) -> int:
    """Return how many unverified answers of others than the customer the site has received for a
    ticket, but at most `at_most`."""
    values = {"ticket_id": ticket_id, "person": customer, "few": at_most}
    counts = [connection.scalar(counted, values) or 0 for counted in _COUNT_STRANGERS]
    return min(sum(counts), at_most)


def _first_of_each(connection: Connection, tickets: Sequence[str]) -> dict[str, list[Answer]]:
    """Return at most FEW answers to each of these tickets."""
    is_sqlite = connection.dialect.name == "sqlite"
    statement = _SOME_ON_SQLITE if is_sqlite else _SOME_ON_POSTGRESQL
    values = {"ticket_ids": json.dumps(tickets) if is_sqlite else tickets, "few": FEW}
    return group_answers(tickets, _read(connection, statement, **values))


def _of_very_many(connection: Connection, rules: CountingRules, arriving: Arriving) -> list[Answer]:
    ticket_id = arriving.ticket_id
    owner = connection.scalar(_PERSON_OF_RESPONSE, {"ticket_id": ticket_id})
    visitor = _names_of(arriving.person, rules)
    is_current = applied_rules(connection) == rules.fingerprint(Derived.RESPONSES)
    is_long = any(len(name) > LONGEST_VALUE for name in (arriving.person, owner or ""))
    if not is_current or is_long or (_is_erased(owner) and owner not in visitor):
        # The response does not tell whose ticket this is, or the index does not hold the person, or
        # nobody knows by which other name an erased person has come back.
        return answers_of(connection, ticket_id)
    persons = [visitor]
    if owner is not None and owner not in visitor:
        persons.append(_names_of(owner, rules))
    selected = set(_select(connection, rules, arriving, persons))
    return sorted(selected, key=lambda answer: answer.order)


def _names_of(person: str, rules: CountingRules) -> list[str]:
    """Return the distinct_ids under which a person's answers can be kept: some may be erased."""
    return list(dict.fromkeys((person, *pseudonyms_of(person, rules.secrets))))


def _is_erased(person: str | None) -> bool:
    return person is not None and is_pseudonym(person)


def _select(
    connection: Connection,
    rules: CountingRules,
    arriving: Arriving,
    persons: Sequence[Sequence[str]],
) -> Iterator[Answer]:
    """Yield the answers that decide: for the response's person and for the arriving person, each
    given by all names, the first valid answer of each trust, and the latest answer that can be an
    edit. No other person's answer decides: the response's person has the highest trust and was the
    first with it."""
    ticket_id = arriving.ticket_id
    received = _read(connection, _LATEST_OF_SITE, ticket_id=ticket_id)
    yield from received
    if arriving.uuid is not None:
        known = find_answer(connection, arriving.uuid)
        if known is not None and known.ticket_id == ticket_id:
            yield known
    firsts, latest = _statements(rules.survey_id)
    for names in persons:
        found = [
            answer
            for name in names
            for answer in _read(connection, firsts, ticket_id=ticket_id, person=name)
        ]
        yield from found
        begins = {min(answer.answered_at for answer in found)} if found else set()
        if arriving.person in names:
            # Imported answers may have a later time; then the arriving answer is the first.
            begins.add(time_of_receipt(received, arriving.now))
        for begin, name in product(begins, names):
            until = _add(begin, rules.edit_window)
            yield from _read(connection, latest, ticket_id=ticket_id, person=name, until=until)


def _read(connection: Connection, statement: Any, **values: object) -> list[Answer]:
    return [read_answer_row(row) for row in connection.execute(statement, values)]


def _add(at: datetime, duration: timedelta) -> datetime:
    """Return the sum, or the last time that a datetime can hold: imported answers may have a time
    near it."""
    try:
        return at + duration
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


@lru_cache(maxsize=8)
def _statements(survey_id: str | None) -> tuple[Any, Any]:
    """Return two statements for one person's valid answers to a ticket: for the first of each
    trust, and for the latest of each trust that came in time. Both find all answers of the same
    instant, because their uuids decide between them."""
    firsts = union_all(*(_of_instant(trust, survey_id) for trust in TRUST_ORDER))
    latest = union_all(*(_of_instant(trust, survey_id, _UNTIL) for trust in TRUST_ORDER))
    return firsts, latest


def _of_instant(
    trust: Trust, survey_id: str | None, until: BindParameter[datetime] | None = None
) -> Any:
    """Select the answers of the first instant, or with `until`, of the latest instant up to it.

    The database finds the instant by one step in an index. If the rows were also ordered by uuid,
    PostgreSQL would sort them.
    """
    other = aliased(AnswerRow)
    instants = select(other.answered_at).where(*_valid(other, trust, survey_id))
    if until is None:
        instants = instants.order_by(other.answered_at)
    else:
        instants = instants.where(other.answered_at <= until).order_by(other.answered_at.desc())
    instant = instants.limit(1).scalar_subquery()
    return SELECT_ANSWER.where(
        *_valid(AnswerRow, trust, survey_id), AnswerRow.answered_at == instant
    )


def _valid(table: type[AnswerRow], trust: Trust, survey_id: str | None) -> tuple[Any, ...]:
    """Return the conditions for a person's valid answers of a trust. An index finds the first."""
    return (
        table.ticket_id == _TICKET_ID,
        table.distinct_id == _PERSON,
        table.link_trust == trust.value,
        is_indexed(table),
        ~other_survey_condition(survey_id, table),
    )
