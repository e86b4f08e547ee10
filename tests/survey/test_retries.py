"""Requests are sent again while their failure may pass, after the right pauses."""

import pytest

from survey.retries import ATTEMPTS, LONGEST_PAUSE_SECONDS, is_too_long, retrying


class Failure(Exception):
    def __init__(self, retry_after=None):
        super().__init__()
        self.retry_after = retry_after


def run(failures, may_pass=lambda _error: True):
    """What becomes of a request that fails so, and then succeeds; and the pauses."""
    pauses, failures = [], iter(failures)

    def request():
        for failure in failures:
            raise failure
        return "done"

    try:
        return retrying(may_pass, sleep=pauses.append)(request), pauses
    except Failure as error:
        return error, pauses


def test_what_passes_is_tried_until_it_is_done():
    result, pauses = run([Failure()] * (ATTEMPTS - 1))
    assert result == "done"
    assert len(pauses) == ATTEMPTS - 1
    assert all(0 <= pause <= LONGEST_PAUSE_SECONDS for pause in pauses)


def test_the_last_failure_is_raised():
    failures = [Failure() for _ in range(ATTEMPTS)]
    assert run(failures)[0] is failures[-1]


def test_what_does_not_pass_is_raised_at_once():
    failure = Failure()
    assert run([failure], may_pass=lambda _error: False) == (failure, [])


def test_the_other_program_says_how_long_to_wait():
    assert run([Failure(17)]) == ("done", [17.0])


@pytest.mark.parametrize(("seconds", "too_long"), [(None, False), (300, False), (301, True)])
def test_nobody_waits_for_longer_than_five_minutes(seconds, too_long):
    assert is_too_long(seconds) is too_long
