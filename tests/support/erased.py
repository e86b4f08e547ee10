"""Persons who were erased: what an erasure leaves in the store, without the command."""

from datetime import datetime

from sqlalchemy import insert, update

from survey.pseudonyms import key_id, make_pseudonym
from survey.store.database import Database
from survey.store.models import AnswerRow, ErasureRow, ResponseRow
from tests.support.settings import SECRET_KEY


def erase_person(database: Database, distinct_id: str, at: datetime, *, counts: str = "{}") -> str:
    """Leave of a person's answers what counting needs, with the proof; return the pseudonym."""
    pseudonym = make_pseudonym(distinct_id, SECRET_KEY)
    nameless = {"distinct_id": pseudonym, "comment": None}
    with database.writing() as connection:
        answers = update(AnswerRow).where(AnswerRow.distinct_id == distinct_id)
        connection.execute(answers.values(**nameless, initial_target_area=None, erased_at=at))
        responses = update(ResponseRow).where(ResponseRow.distinct_id == distinct_id)
        connection.execute(responses.values(**nameless))
        proof = {"pseudonym": pseudonym, "key_id": key_id(SECRET_KEY), "erased_at": at}
        connection.execute(
            insert(ErasureRow).values(**proof, confirmed_by="Ada Lovelace", counts=counts)
        )
    return pseudonym
