"""Which protocol is used, and for how long."""

import pytest

from survey.delivery.protocols import (
    FAILING_SECONDS,
    FAILURES,
    NOT_OFFERED_SECONDS,
    ProtocolChoice,
)


class Seconds:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def choice(seconds):
    return ProtocolChoice(seconds)


def test_v1_comes_first(choice):
    assert choice.is_v1


def test_the_batch_call_that_was_accepted_is_used_for_an_hour_and_no_longer(choice, seconds):
    assert choice.note_batch_accepted() == NOT_OFFERED_SECONDS
    assert not choice.is_v1
    seconds.now = NOT_OFFERED_SECONDS - 1
    assert choice.note_batch_accepted() is None
    seconds.now += 1
    assert choice.is_v1


def test_a_fault_of_both_changes_nothing(choice):
    choice.note_batch_failed()
    assert choice.is_v1


def test_errors_of_the_server_lead_to_one_try_of_the_batch_call(choice, seconds):
    for _ in range(FAILURES):
        assert choice.is_v1
        choice.note_v1_failed()
    assert not choice.is_v1
    choice.note_batch_failed()
    assert choice.is_v1
    for _ in range(FAILURES):
        choice.note_v1_failed()
    assert choice.note_batch_accepted() == FAILING_SECONDS
    seconds.now = FAILING_SECONDS
    assert choice.is_v1


def test_an_answer_ends_a_row_of_errors(choice):
    for _ in range(2 * FAILURES):
        choice.note_v1_failed()
        choice.note_v1_answered()
    assert choice.is_v1
