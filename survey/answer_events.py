"""The events of answers for the outbox, and the answers whose events must still be sent."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from survey.events import build_event
from survey.outbox_payloads import pack_event
from survey.rules import Answer, Decision, Response
from survey.settings import Settings
from survey.store.outbox import is_enqueued
from survey.store.responses import Asked, find_asked
from survey.vocabulary import COUNTED


def find_unsent(
    connection: Connection, answers: Sequence[Answer], before: Decision, after: Decision
) -> Iterator[tuple[Answer, Asked]]:
    """Yield the answers that did not count before, count now, and have never been sent, each with
    what the customer was asked.

    A stranger's answer counts nowhere. But if the same person comes back by a link with more trust,
    the ticket becomes theirs, and their first answer begins the response. A ticket that was void
    can also have such answers. Imported answers are left out. Of very many answers, only those that
    decide are sent: others derive the same response from them.
    """
    for answer in answers:
        counted = before.outcomes[answer.uuid] in COUNTED
        if not counted and after.outcomes[answer.uuid] in COUNTED:
            asked = find_asked(connection, answer.uuid)
            if asked is not None and not is_enqueued(connection, answer.uuid):
                yield answer, asked


def build_outbox_event(
    answer: Answer, asked: Asked, response: Response, submission_id: str, settings: Settings
) -> dict[str, str]:
    """Return the event of an answer that makes or changes a response, as a row of the outbox.

    This includes an answer that is too late to count, but whose trust decides whose ticket it is:
    without its event, nobody could derive the response from PostHog's data.
    """
    event = build_event(
        answer,
        asked.questions,
        initial_target_area=asked.initial_target_area,
        team=response.first.team,
        submission_id=submission_id,
        settings=settings,
    )
    return {
        "answer_uuid": answer.uuid,
        "ticket_id": answer.ticket_id or "",
        "payload": pack_event(event),
    }
