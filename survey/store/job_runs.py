"""The last runs of the jobs of `csat tick`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite

from survey.store.models import JobRunRow

_RUNS = select(
    JobRunRow.job,
    JobRunRow.started_at,
    JobRunRow.succeeded_at,
    JobRunRow.failed_at,
    JobRunRow.reason,
).order_by(JobRunRow.job)


@dataclass(frozen=True)
class JobRun:
    """The last run of a job on any machine: when it began, when it last ended well, and when and
    why it last failed. The reason holds no personal data."""

    job: str
    started_at: datetime
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    reason: str | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the job has failed since it last ended well."""
        if self.failed_at is None:
            return False
        return self.succeeded_at is None or self.failed_at > self.succeeded_at


def note_start(connection: Connection, job: str, at: datetime) -> None:
    """Note that a job begins."""
    _note(connection, job, started_at=at)


def note_success(connection: Connection, job: str, at: datetime) -> None:
    """Note that a job has ended well."""
    _note(connection, job, succeeded_at=at)


def note_failure(connection: Connection, job: str, at: datetime, reason: str) -> None:
    """Note that a job has failed, and why."""
    _note(connection, job, failed_at=at, reason=reason)


def list_runs(connection: Connection) -> list[JobRun]:
    """Return the last run of each job, by name."""
    return [JobRun(*row) for row in connection.execute(_RUNS)]


def forget_runs(connection: Connection, before: datetime) -> None:
    """Forget the jobs that began last before a time: this release may have them no more."""
    connection.execute(delete(JobRunRow).where(JobRunRow.started_at < before))


def _note(connection: Connection, job: str, **values: object) -> None:
    insert = insert_on_sqlite if connection.dialect.name == "sqlite" else insert_on_postgresql
    # A row that another machine has forgotten meanwhile began at the time that is known.
    times = [at for at in values.values() if isinstance(at, datetime)]
    new = insert(JobRunRow).values(job=job, **{"started_at": times[0], **values})
    connection.execute(new.on_conflict_do_update(index_elements=[JobRunRow.job], set_=values))
