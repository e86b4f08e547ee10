"""Replies against their response targets: what is met, what is overdue, and how long it took."""

from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.output_files import format_csv
from pipeline.sources.store_waits import frame_answered
from pipeline.targets import ReplyTally
from survey.periods import Period
from survey.setting_values import DEFAULT_TARGETS, parse_targets
from survey.store.targets import WaitedBeforeAnswer
from survey.vocabulary import Plan, ReplyKind
from tests.support.examples import examples
from tests.support.waits import WEDNESDAY, number_waits, waited

OCTOBER = Period.parse("2026-10")
LONDON = ZoneInfo("Europe/London")
# Ten days later: everything that waits since Wednesday is overdue.
LATER = WEDNESDAY + timedelta(days=10)
FRIDAY_EVENING = datetime(2026, 10, 16, 20, tzinfo=LONDON)
HEADER = "month,team,plan,replies,met,met_pct,met_low,met_high,median_hours,p90_hours,breached_open"


def csv(*waits, as_of=LATER, **settings):
    """The lines of targets.csv."""
    header, *lines = (
        format_csv(number_waits(*waits, as_of=as_of, **settings).tabulate(OCTOBER))
        .strip()
        .splitlines()
    )
    assert header == HEADER
    return lines


def test_the_file_has_a_row_for_each_team_and_plan_and_one_for_all():
    assert csv(
        waited(1.0),
        waited(2.0),
        waited(24.5),
        waited(3.0, plan="enterprise"),
        waited(30.0, team="experiments", plan="boost"),
        waited(None, team="experiments", plan="boost"),
    ) == [
        "2026-10,experiments,boost,1,1,50.00,9.45,90.55,30.00,30.00,1",
        "2026-10,surveys,enterprise,1,1,100.00,20.65,100.00,3.00,3.00,0",
        "2026-10,surveys,scale,3,2,66.67,20.77,93.85,2.00,20.00,0",
        "2026-10,all,all,5,4,66.67,30.00,90.32,3.00,27.80,1",
    ]


def test_without_a_wait_all_teams_have_a_row_with_nothing_to_say():
    assert csv() == ["2026-10,all,all,0,0,,,,,,0"]


def test_a_team_that_never_replies_has_met_nothing():
    assert csv(waited(None), waited(None)) == [
        "2026-10,surveys,scale,0,0,0.00,0.00,65.76,,,2",
        "2026-10,all,all,0,0,0.00,0.00,65.76,,,2",
    ]


def test_a_customer_who_waits_within_the_target_is_neither_met_nor_overdue():
    soon = WEDNESDAY + timedelta(hours=24)
    assert csv(waited(None), as_of=soon)[0] == "2026-10,surveys,scale,0,0,,,,,,0"
    overdue = csv(waited(None), as_of=soon + timedelta(microseconds=1))[0]
    assert overdue == "2026-10,surveys,scale,0,0,0.00,0.00,79.35,,,1"
    # A help desk whose clock is ahead of ours.
    assert csv(waited(None), as_of=WEDNESDAY - timedelta(hours=1))[0].endswith(",0,0,,,,,,0")


@pytest.mark.parametrize("plan", ["free", "unknown"])
def test_a_plan_without_a_target_has_times_alone_and_is_no_part_of_all(plan):
    lines = csv(waited(100.0, plan=plan), waited(None, plan=plan), waited(4.0))
    assert f"2026-10,surveys,{plan},1,,,,,62.00,62.00," in lines
    assert lines[-1] == "2026-10,all,all,1,1,100.00,20.65,100.00,4.00,4.00,0"


def test_targets_are_those_of_the_settings():
    row = csv(waited(3.0), waited(3.0, plan="free"), targets="scale=2h,free=4h")
    assert row[0] == "2026-10,surveys,free,1,1,100.00,20.65,100.00,3.00,3.00,0"
    assert row[1] == "2026-10,surveys,scale,1,0,0.00,0.00,79.35,3.00,3.00,0"


def test_a_team_that_calls_itself_all_is_not_taken_for_all_teams():
    names = [
        line.split(",")[1:4] for line in csv(waited(1.0, team="all"), waited(2.0, team="all_team"))
    ]
    assert names == [["all_team", "scale", "2"], ["all", "all", "2"]]


@pytest.mark.parametrize(
    ("hours", "is_met"), [(4.0, True), (52.0, True), (72.0, True), (72.01, False)]
)
def test_a_weekend_does_not_count(hours, is_met):
    """Scale has 24 hours: four on Friday, and 20 on Monday."""
    (line, _) = csv(waited(hours, activated_at=FRIDAY_EVENING))
    assert line.split(",")[4] == str(int(is_met))


def test_the_weekend_begins_by_the_clock_of_the_reports():
    wait = waited(30.0, activated_at=FRIDAY_EVENING)
    assert csv(wait)[0].split(",")[8] == "4.00"
    assert csv(wait, timezone="Pacific/Auckland")[0].split(",")[8] == "0.00"
    assert csv(wait, timezone="America/New_York")[0].split(",")[8] == "9.00"


def test_what_is_waited_for_is_the_first_reply_the_next_or_one_after_the_escalation():
    numbers = number_waits(
        waited(1.0),
        waited(2.0, instance=2),
        waited(30.0, instance=3),
        waited(3.0, escalated_at=WEDNESDAY),
        waited(4.0, escalated_at=WEDNESDAY + timedelta(seconds=1)),
        waited(5.0, instance=2, plan="free"),
        as_of=LATER,
    )
    found = {kind: (tally.replies, tally.met) for kind, tally in numbers.kinds.items()}
    assert found == {ReplyKind.FIRST: (2, 2), ReplyKind.NEXT: (2, 1), ReplyKind.ESCALATED: (1, 1)}


def test_severities_are_of_replies_with_a_target():
    numbers = number_waits(
        waited(1.0, severity="sev_1"),
        waited(None, severity="sev_1"),
        waited(1.0),
        waited(1.0, severity="sev_2", plan="unknown"),
        as_of=LATER,
    )
    assert {name: tally.due for name, tally in numbers.severities.items()} == {"sev_1": 2, "": 1}


PLANS = [plan.value for plan in Plan]
TARGETS = parse_targets(DEFAULT_TARGETS)
# On a Monday, and never longer than its week.
waits = st.builds(
    waited,
    st.none() | st.integers(0, 90 * 60).map(lambda minutes: minutes / 60),
    team=st.sampled_from(["surveys", "experiments"]),
    plan=st.sampled_from(PLANS),
    activated_at=st.integers(0, 24 * 60 - 1).map(
        lambda minutes: datetime(2026, 10, 12, tzinfo=LONDON) + timedelta(minutes=minutes)
    ),
)


@settings(max_examples=examples(40), deadline=None)
@given(given_waits=st.lists(waits, max_size=25), hours=st.integers(0, 96))
def test_the_numbers_are_those_of_a_count_by_hand(given_waits, hours):
    as_of = datetime(2026, 10, 13, tzinfo=LONDON) + timedelta(hours=hours)
    numbers = number_waits(*given_waits, as_of=as_of)
    groups = {(each.team, each.plan) for each in given_waits}
    assert set(numbers.teams_and_plans) == groups
    for team, plan in groups:
        of_group = [each for each in given_waits if (each.team, each.plan) == (team, plan)]
        check_by_hand(numbers.teams_and_plans[team, plan], of_group, as_of)
    with_target = [each for each in given_waits if Plan(each.plan) in TARGETS]
    check_by_hand(numbers.together, with_target, as_of)
    for team, tally in numbers.teams.items():
        check_by_hand(tally, [each for each in with_target if each.team == team], as_of)
    for plan, tally in numbers.plans.items():
        check_by_hand(tally, [each for each in given_waits if each.plan == plan], as_of)


def check_by_hand(tally: ReplyTally, of_group, as_of) -> None:
    hour = timedelta(hours=1)
    took = [(each.replied_at - each.activated_at) / hour for each in of_group if each.replied_at]
    assert tally.replies == len(took)
    if took:
        assert float(tally.median_hours) == pytest.approx(np.median(took))
        assert float(tally.p90_hours) == pytest.approx(np.percentile(took, 90))
    else:
        assert (tally.median_hours, tally.p90_hours) == (None, None)
    if not tally.has_target:
        assert all(Plan(each.plan) not in TARGETS for each in of_group)
        assert (tally.met_pct, tally.interval_pct) == (None, None)
        return
    late = [
        each
        for each in of_group
        if (each.replied_at or as_of) - each.activated_at > TARGETS[Plan(each.plan)]
    ]
    overdue = sum(each.replied_at is None for each in late)
    met = len(took) - (len(late) - overdue)
    assert (tally.met, tally.overdue) == (met, overdue)
    due = len(took) + overdue
    assert tally.met_pct == (Fraction(100 * met, due) if due else None)


def answer(ticket_id, rating, hours, plan="scale"):
    wait = waited(hours, plan=plan)
    return WaitedBeforeAnswer(
        ticket_id, "surveys", rating, "known", "en", plan, wait.activated_at, wait.replied_at
    )


def satisfaction(*answers):
    return number_waits(answered=frame_answered(answers), as_of=LATER).satisfaction


def test_satisfaction_is_compared_by_whether_every_reply_to_the_ticket_came_in_time():
    found = satisfaction(
        # In time, twice.
        answer("1", 5, 1.0),
        answer("1", 5, 2.0),
        # One reply late, another in time.
        answer("2", 2, 1.0),
        answer("2", 2, 30.0),
        # Still waiting, and too long.
        answer("3", 1, None),
        # Nothing is promised.
        answer("4", 1, 500.0, plan="free"),
        answer("5", 4, 3.0, plan="enterprise"),
    )
    assert found.in_target.by_rating == (0, 0, 0, 1, 1)
    assert found.late.by_rating == (1, 1, 0, 0, 0)
    assert found.verdict is None


def test_a_clear_difference_of_satisfaction_is_told():
    late = [answer(f"l{number}", 1 + number % 4, 40.0) for number in range(40)]
    prompt = [answer(f"p{number}", 5, 1.0) for number in range(40)]
    assert satisfaction(*late, *prompt).verdict == "up"
    assert satisfaction(*late[:9], *prompt).verdict is None
    same = [answer(f"s{number}", 5, 40.0) for number in range(40)]
    assert satisfaction(*same, *prompt).verdict == "no"


def test_without_responses_to_compare_nothing_is_said():
    assert number_waits(waited(1.0), as_of=LATER).satisfaction is None
    nobody = satisfaction()
    assert (nobody.in_target.responses, nobody.late.responses) == (0, 0)
