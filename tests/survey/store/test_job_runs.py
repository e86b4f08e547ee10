"""The last runs of jobs, from however many machines."""

from datetime import timedelta

from survey.store.job_runs import (
    JobRun,
    forget_runs,
    list_runs,
    note_failure,
    note_start,
    note_success,
)

MINUTE = timedelta(minutes=1)


def runs_of(database):
    with database.reading() as connection:
        return list_runs(connection)


def test_a_run_has_its_beginning_and_how_it_last_ended(database, clock):
    began = clock()
    with database.writing() as connection:
        note_start(connection, "b", began)
        note_start(connection, "a", began)
        note_success(connection, "a", began + MINUTE)
    assert runs_of(database) == [JobRun("a", began, began + MINUTE), JobRun("b", began)]
    with database.writing() as connection:
        note_start(connection, "a", began + 2 * MINUTE)
        note_failure(connection, "a", began + 3 * MINUTE, "busy")
    failed = JobRun("a", began + 2 * MINUTE, began + MINUTE, began + 3 * MINUTE, "busy")
    assert runs_of(database)[0] == failed


def test_a_job_is_failing_until_it_ends_well_again(clock):
    at = clock()
    assert not JobRun("a", at).is_failing
    assert JobRun("a", at, failed_at=at).is_failing
    assert JobRun("a", at, at - MINUTE, at).is_failing
    assert not JobRun("a", at, at, at - MINUTE).is_failing


def test_jobs_that_nobody_runs_any_more_are_forgotten(database, clock):
    at = clock()
    with database.writing() as connection:
        note_start(connection, "old", at - MINUTE)
        note_start(connection, "new", at)
        forget_runs(connection, at)
    assert [run.job for run in runs_of(database)] == ["new"]


def test_an_end_that_is_noted_after_its_row_was_forgotten_is_kept(database, clock):
    with database.writing() as connection:
        note_success(connection, "a", clock())
    assert runs_of(database) == [JobRun("a", clock(), clock())]
