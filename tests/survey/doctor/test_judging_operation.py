"""What is said of jobs and erasures, and from when on it is a warning."""

from datetime import UTC, datetime, timedelta

from survey.doctor.findings import Level
from survey.doctor.judging_operation import judge_erasures, judge_jobs, judge_retention
from survey.store.job_runs import JobRun

NOW = datetime(2026, 10, 14, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_jobs_that_run_and_end_well_are_fine():
    (finding,) = judge_jobs([JobRun("a", NOW - 15 * MINUTE, NOW - 15 * MINUTE)], NOW)
    assert (finding.level, finding.message) == (
        Level.OK,
        "the last job began 15 minutes ago, and none fails",
    )


def test_jobs_that_nobody_runs_are_one_warning():
    for runs in ([], [JobRun("a", NOW - 16 * MINUTE, failed_at=NOW - 16 * MINUTE, reason="x")]):
        (finding,) = judge_jobs(runs, NOW)
        assert finding.level is Level.WARNING
        assert "`csat tick`" in finding.message


def test_each_job_that_fails_or_hangs_is_a_warning_with_its_reason():
    runs = [
        JobRun("fails", NOW, NOW - DAY, NOW - MINUTE, "the setting CSAT_X is wrong"),
        JobRun("hangs", NOW - 3 * HOUR, NOW - 4 * HOUR),
        JobRun("is fine", NOW, NOW),
        JobRun("runs", NOW - HOUR, NOW - 2 * HOUR),
        JobRun("was of an old release", NOW - 3 * HOUR, failed_at=NOW - 3 * HOUR, reason="x"),
    ]
    failing, hanging = judge_jobs(runs, NOW)
    assert failing.message.startswith("fails fails, last 60 seconds ago: the setting CSAT_X is")
    assert hanging.message.startswith("hangs began 3 hours ago and has not ended")
    assert failing.level is hanging.level is Level.WARNING


def test_erasures_may_take_two_weeks_at_posthog():
    assert judge_erasures(2, NOW - 14 * DAY, 0, NOW).level is Level.OK
    late = judge_erasures(2, NOW - 15 * DAY, 0, NOW)
    assert (late.level, "2 erased persons" in late.message) == (Level.WARNING, True)
    unasked = judge_erasures(0, None, 1, NOW)
    assert (unasked.level, "1 erased person:" in unasked.message) == (Level.WARNING, True)


def test_a_retention_may_lag_by_two_days():
    year = 365 * DAY
    assert judge_retention(year, NOW - year - 2 * DAY, NOW).level is Level.OK
    for forgotten_before in (None, NOW - year - 2 * DAY - MINUTE):
        finding = judge_retention(year, forgotten_before, NOW)
        assert (finding.level, "`csat retention`" in finding.message) == (Level.WARNING, True)
