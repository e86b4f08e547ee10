"""Notes when the jobs of `csat tick` begin, and how they end."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from survey.delivery.answer import printable
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.job_runs import forget_runs, note_failure, note_start, note_success

# A job that nobody has begun for so long is none of this release any more.
FORGET_AFTER = timedelta(days=30)

log = structlog.get_logger()


class JobRuns:
    """Notes the runs of jobs, one after the other.

    The end of a job is noted together with the beginning of the next one: each transaction waits
    for the disk. Where nothing can be noted the jobs run all the same, and the log says it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._notes: list[Callable[[Connection], None]] = []
        self._is_failing = False

    def begin(self, job: str, at: datetime) -> None:
        """Note that a job begins."""
        self._notes.append(lambda connection: note_start(connection, job, at))
        self._save()

    def end(self, job: str, at: datetime, failure: str | None) -> None:
        """Keep for the next transaction that a job has ended, and why if it has failed."""
        if failure is None:
            self._notes.append(lambda connection: note_success(connection, job, at))
        else:
            reason = printable(failure)
            self._notes.append(lambda connection: note_failure(connection, job, at, reason))

    def close(self, at: datetime) -> None:
        """Note what is left, and forget the jobs that nobody runs any more."""
        self._notes.append(lambda connection: forget_runs(connection, at - FORGET_AFTER))
        self._save()

    def _save(self) -> None:
        notes, self._notes = self._notes, []
        if self._is_failing:
            return  # each further try would wait as long
        try:
            with self._database.writing() as connection:
                for note in notes:
                    note(connection)
        except StoreError as error:
            self._is_failing = True
            log.warning("the runs of jobs are not noted", reason=str(error))
