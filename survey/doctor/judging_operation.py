"""What `csat doctor` makes of the jobs of `csat tick`, and of erasures. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from survey.doctor.findings import Finding, Level, describe_age

if TYPE_CHECKING:
    from survey.store.job_runs import JobRun

# `csat serve` runs every job once a minute; a close of many months takes some.
LONGEST_TICK_PAUSE = timedelta(minutes=15)
# A job that has not ended after this time hangs, or its process was killed.
LONGEST_RUN = timedelta(hours=2)
# PostHog deletes events at weekends.
LONGEST_DELETION = timedelta(days=14)
# `csat tick` forgets once a day what is older than the retention.
LONGEST_RETENTION_PAUSE = timedelta(days=2)


def judge_jobs(runs: "Sequence[JobRun]", now: datetime) -> list[Finding]:
    """Return whether `csat tick` runs, and which of its jobs fail; `runs` are the last ones."""
    check = "tick"
    running = "`csat serve` does once a minute what is due; with --no-tick, run `csat tick` often"
    if not runs:
        return [Finding(check, Level.WARNING, f"no job was ever run: {running}")]
    pause = now - max(run.started_at for run in runs)
    if pause > LONGEST_TICK_PAUSE:
        message = f"no job has begun for {describe_age(pause)}: {running}"
        return [Finding(check, Level.WARNING, message)]
    # What began long ago is no job of this release any more, or stands behind one that hangs.
    current = [run for run in runs if now - run.started_at <= LONGEST_RUN]
    found = [_judge_failing(run, now) for run in current if run.is_failing]
    found += [_judge_hanging(run, now) for run in runs if _hangs(run, now)]
    if found:
        return found
    message = f"the last job began {describe_age(pause)} ago, and none fails"
    return [Finding(check, Level.OK, message)]


def judge_erasures(
    waiting: int, waiting_since: datetime | None, unasked: int, now: datetime
) -> Finding:
    """Return whether PostHog deletes the persons who were erased here: of how many it was asked and
    is not done, since when the oldest waits, and of how many it was not asked."""
    check = "erasures"
    if unasked:
        message = (
            f"PostHog was not asked to delete {_persons(unasked)}: set CSAT_POSTHOG_PERSONAL_KEY "
            "and CSAT_POSTHOG_PROJECT_ID and run the same `csat erase` again, or delete the person "
            "there by hand"
        )
        return Finding(check, Level.WARNING, message)
    if waiting_since is not None and now - waiting_since > LONGEST_DELETION:
        message = (
            f"PostHog has not deleted {_persons(waiting)} yet, and was asked for the first "
            f"{describe_age(now - waiting_since)} ago: ask PostHog's support what has become of it"
        )
        return Finding(check, Level.WARNING, message)
    return Finding(check, Level.OK, f"{waiting:,} under way at PostHog")


def judge_retention(
    retention: timedelta, forgotten_before: datetime | None, now: datetime
) -> Finding:
    """Return whether all is forgotten that is older than the retention; `forgotten_before` says
    before when everything is, None if that was never done."""
    check = "retention"
    if forgotten_before is None or now - retention - forgotten_before > LONGEST_RETENTION_PAUSE:
        done = "nothing was forgotten yet"
        if forgotten_before is not None:
            done = f"what is older than {describe_age(now - forgotten_before)} is forgotten"
        message = (
            f"CSAT_RETENTION is {describe_age(retention)}, and {done}: does `csat tick` run? "
            "`csat retention` forgets it now"
        )
        return Finding(check, Level.WARNING, message)
    return Finding(check, Level.OK, f"nothing older than {describe_age(retention)} is kept")


def _judge_failing(run: "JobRun", now: datetime) -> Finding:
    assert run.failed_at is not None
    ago = describe_age(now - run.failed_at)
    message = f"{run.job} fails, last {ago} ago: {run.reason}; `csat tick` tries again"
    return Finding("tick", Level.WARNING, message)


def _judge_hanging(run: "JobRun", now: datetime) -> Finding:
    message = (
        f"{run.job} began {describe_age(now - run.started_at)} ago and has not ended: it hangs, or "
        "its process was killed; restart `csat serve` if it goes on like this"
    )
    return Finding("tick", Level.WARNING, message)


def _hangs(run: "JobRun", now: datetime) -> bool:
    ended = [at for at in (run.succeeded_at, run.failed_at) if at is not None]
    has_ended = bool(ended) and max(ended) >= run.started_at
    return not has_ended and now - run.started_at > LONGEST_RUN


def _persons(count: int) -> str:
    return "1 erased person" if count == 1 else f"{count:,} erased persons"
