"""What the findings of `csat doctor` say, and from when on they are warnings."""

from datetime import UTC, datetime, timedelta

import pytest

from survey.doctor.findings import Level, has_failed
from survey.doctor.judging import (
    judge_database,
    judge_growth,
    judge_import,
    judge_invitations,
    judge_queue,
    judge_quota,
    judge_requesters,
    judge_settings,
    judge_unknown,
    judge_webhooks,
)
from survey.vocabulary import DailyFigure

NOW = datetime(2026, 10, 14, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def test_a_failure_is_told_in_one_line_and_a_warning_is_none():
    missing, remark = judge_settings(["X is not set.\n  make it\n"], ["Y is odd."])
    assert (missing.level, missing.message) == (Level.FAILURE, "X is not set. make it")
    assert remark.level is Level.WARNING
    assert (has_failed([missing]), has_failed([remark])) == (True, False)
    assert has_failed([judge_database("it is locked")])
    assert not has_failed([judge_database(None), *judge_settings([], [])])


def test_what_waits_for_long_is_told_with_its_reason_and_dead_letters_apart():
    (fine,) = judge_queue("mail", 3, HOUR, "busy", 0, HOUR)
    assert (fine.level, fine.message) == (Level.OK, "3 waiting, no dead letters")
    late, dead = judge_queue("mail", 3, HOUR * 30, "busy\x1b[2J", 2, HOUR)
    assert late.level is dead.level is Level.WARNING
    assert "3 waiting, the oldest for 30 hours; the last reason is: busy?[2J" in late.message
    assert "2 dead letters: `csat outbox`" in dead.message
    (untried,) = judge_queue("posthog", 1, HOUR + SECOND, None, 0, HOUR)
    assert "does `csat serve` or `csat deliver` run" in untried.message


@pytest.mark.parametrize(
    ("judge", "longest", "hint"),
    [
        (judge_import, timedelta(hours=2), "`csat zendesk import`"),
        (judge_webhooks, timedelta(days=7), "`csat zendesk webhook`"),
    ],
)
def test_a_pause_of_zendesk_is_a_warning_once_it_is_too_long(judge, longest, hint):
    assert judge(NOW - longest, NOW).level is Level.OK
    # The clock was set back.
    assert judge(NOW + HOUR, NOW).message.endswith("0 seconds ago")
    for at in (None, NOW - longest - SECOND):
        finding = judge(at, NOW)
        assert (finding.level, hint in finding.message) == (Level.WARNING, True)


def test_five_unknown_values_are_named_and_the_others_counted():
    counts = {"rare": 1, "a\x1b": 9, **{f"team_{n}": 5 for n in range(5)}}
    finding = judge_unknown("zendesk teams", counts, "teams", "add them to CSAT_TEAMS")
    named = "a? (9), team_0 (5), team_1 (5), team_2 (5), team_3 (5), 2 more; add them to CSAT_TEAMS"
    assert finding.message.endswith(named)
    assert judge_unknown("zendesk teams", {}, "teams", "x").level is Level.OK


def test_requesters_are_counted():
    assert [each.level for each in judge_requesters(9, 0, 0)] == [Level.OK]
    without_id, without_address = judge_requesters(9, 2, 1)
    assert without_id.message.startswith("2 of the 9 tickets solved in the last 30 days have")
    assert without_address.message.startswith("1 ticket of the last 30 days had no mail address")


class TestStrangers:
    def judge(self, today=(), yesterday=(), most=100):
        none = dict.fromkeys(DailyFigure, 0)
        return judge_growth({**none, **dict(today)}, {**none, **dict(yesterday)}, most)

    def test_a_usual_day_is_fine(self):
        (finding,) = self.judge({DailyFigure.UNVERIFIED_TICKETS: 79})
        assert finding.level is Level.OK
        assert finding.message.startswith("79 of at most 100 tickets")

    @pytest.mark.parametrize("day", ["today", "yesterday"])
    def test_a_day_with_nearly_enough_names_the_setting(self, day):
        (finding,) = self.judge(**{day: {DailyFigure.UNVERIFIED_TICKETS: 80}})
        assert finding.level is Level.WARNING
        assert finding.message.startswith(f"80 tickets began with an unverified answer {day}")
        assert "CSAT_UNVERIFIED_TICKETS_PER_DAY is 100" in finding.message

    def test_a_day_that_had_enough_says_how_many_were_refused(self):
        figures = {DailyFigure.UNVERIFIED_TICKETS: 100, DailyFigure.REFUSED_DAY: 1234}
        (finding,) = self.judge(yesterday=figures)
        assert "and 1,234 more were refused" in finding.message

    def test_every_limit_that_refused_is_named(self):
        refused = [each for each in DailyFigure if each.name.startswith("REFUSED")]
        found = self.judge(dict.fromkeys(refused, 3))
        told = " ".join(each.message for each in found)
        assert {each.level for each in found} == {Level.WARNING}
        assert len(found) == len(refused)
        for setting in ("CLIENT", "LINK", "ALL"):
            assert f"CSAT_RATE_LIMIT_{setting}" in told
        assert "CSAT_STRANGER_ANSWERS_PER_TICKET" in told


def test_a_quota_says_how_many_wait_and_what_to_do():
    finding = judge_quota(1234)
    assert finding.level is Level.WARNING
    assert "1,234 wait here, none is lost: raise the billing limit" in finding.message


def test_invitations_that_are_due_are_a_warning_only_if_none_goes_out():
    def level(last_sent_at, *, is_due=True):
        return judge_invitations(is_due=is_due, last_sent_at=last_sent_at, now=NOW).level

    assert level(None) is level(NOW - HOUR * 25) is Level.WARNING
    assert level(NOW - HOUR) is level(None, is_due=False) is Level.OK
