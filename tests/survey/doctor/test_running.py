"""Checks run beside each other, and none keeps the others, or the operator, waiting."""

import threading
from time import monotonic

from survey.doctor.findings import Finding, Level
from survey.doctor.running import Check, run_checks
from survey.errors import CsatError


def finds(*messages):
    return lambda: [Finding("a", Level.OK, message) for message in messages]


def test_findings_come_in_the_order_of_the_checks():
    second_may_end = threading.Event()

    def first():
        assert second_may_end.wait(10)
        return finds("1", "2")()

    def second():
        second_may_end.set()
        return finds("3")()

    checks = [Check("a", first), Check("b", second), Check("c", finds())]
    assert [each.message for each in run_checks(checks, 10)] == ["1", "2", "3"]


def test_one_that_does_not_end_is_a_warning_in_time():
    never = threading.Event()

    def hangs():
        never.wait(30)
        return []

    began = monotonic()
    late, fine = run_checks([Check("hangs", hangs), Check("a", finds("fine"))], 0.2)
    assert monotonic() - began < 5
    assert (late.check, late.level, fine.message) == ("hangs", Level.WARNING, "fine")
    assert late.message.startswith("there was no answer within 0.2 s")
    never.set()


def test_one_that_fails_is_a_failure_without_what_anybody_wrote():
    def breaks():
        raise KeyError("what a customer wrote")

    def refuses():
        raise CsatError("set\nCSAT_X")

    broke, refused = run_checks([Check("a", breaks), Check("b", refuses)], 10)
    assert broke.level is refused.level is Level.FAILURE
    assert "KeyError at test_running.py:" in broke.message
    assert "customer" not in broke.message
    assert refused.message == "set CSAT_X"
