"""What stands for an erased person in an answer. Pure."""

from datetime import datetime

from survey.erasing.target import Target
from survey.links import anonymous_person


def find_stand_in(
    distinct_id: str, ticket_id: str | None, at: datetime, target: Target
) -> str | None:
    """Return what stands for a person in an answer: a pseudonym, or the stand-in for the ticket,
    which names nobody; None if the person is not erased."""
    if distinct_id == anonymous_person(ticket_id or ""):
        return distinct_id
    return target.find_pseudonym(distinct_id, at)
