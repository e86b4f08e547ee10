"""Finds the outcomes of some answers; it reads only the answers to their tickets."""

from collections.abc import Callable, Collection, Iterator, Sequence

from sqlalchemy import Connection, bindparam, select

from survey.counting_rules import CountingRules
from survey.rules import decide
from survey.store.models import AnswerRow
from survey.store.responses import SELECT_ANSWER, answers_of_tickets, read_answer_row
from survey.store.voids import void_among
from survey.vocabulary import Outcome

# Databases limit the number of parameters in a statement.
_AT_ONCE = 500

_AMONG = AnswerRow.uuid.in_(bindparam("uuids", expanding=True))
_TICKETS = select(AnswerRow.ticket_id).distinct().where(_AMONG, AnswerRow.ticket_id.is_not(None))
_WITHOUT_TICKET = SELECT_ANSWER.where(_AMONG, AnswerRow.ticket_id.is_(None))


def find_outcomes(
    connection: Connection,
    rules: CountingRules,
    uuids: Collection[str],
    on_progress: Callable[[int], object],
) -> dict[str, Outcome]:
    """Return the outcome of each of these answers, by uuid; an unknown uuid has no outcome.

    `on_progress` is called with the number of answers that have an outcome so far.
    """
    outcomes: dict[str, Outcome] = {}
    tickets: set[str] = set()
    for some in _portions(sorted(uuids)):
        tickets.update(map(str, connection.scalars(_TICKETS, {"uuids": some})))
        for row in connection.execute(_WITHOUT_TICKET, {"uuids": some}):
            outcomes |= decide([read_answer_row(row)], rules).outcomes
    for some in _portions(sorted(tickets)):
        with_voids = rules.with_voids(void_among(connection, some))
        for answers in answers_of_tickets(connection, some).values():
            outcomes |= decide(answers, with_voids).outcomes
        on_progress(len(outcomes))
    return {uuid: outcomes[uuid] for uuid in uuids if uuid in outcomes}


def _portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(values), _AT_ONCE):
        yield values[begin : begin + _AT_ONCE]
