"""Who was asked and who answered, in words: what the page and the mail say of it."""

from decimal import Decimal

import pytest

from pipeline.invitations import CountedInvitations, frame_invitations
from reports.links import FileLinks
from reports.mail.message import render_report_mail
from reports.page import render_page
from reports.shown_invitations import MOST_ROWS, PLANS, REASONS, show_invitations
from survey.teams import Team
from survey.vocabulary import InvitationOutcome, Plan
from tests.support.html_reader import Reader
from tests.support.invitations import NOON
from tests.support.report_numbers import every_kind_of_invitation, make_numbers, team_row
from tests.support.settings import make_settings

TEAMS = [Team("surveys", "Surveys"), Team("sales_cs", "Sales & CS")]


def counted(*invited, not_asked=(), solved=()):
    rows = [CountedInvitations(*each) for each in invited]
    return frame_invitations({"2026-10": rows} if rows else {}, not_asked, solved)


def show(*invited, **others):
    return show_invitations(counted(*invited, **others), TEAMS)


def rows_of(shown):
    return {
        group.title: [(row.name, row.invitations, row.answered, row.rate) for row in group.rows]
        for group in shown.groups
    }


def test_customers_are_divided_by_team_plan_and_language():
    shown = show(
        ("surveys", "scale", "en-US", 30, 10),
        ("sales_cs", "scale", "de-AT", 10, 0),
        ("surveys", "paygo", None, 60, 30),
    )
    assert rows_of(shown) == {
        "Team": [
            ("Surveys", 90, 40, Decimal("44.4")),
            ("Sales & CS", 10, 0, Decimal("0.0")),
        ],
        "Plan": [
            ("Pay-as-you-go", 60, 30, Decimal("50.0")),
            ("Scale", 40, 10, Decimal("25.0")),
        ],
        "Language": [
            ("Not known", 60, 30, Decimal("50.0")),
            ("English", 30, 10, Decimal("33.3")),
            ("German", 10, 0, Decimal("0.0")),
        ],
    }
    assert shown.sentence == "100 invitations were sent, of which 40 have a response: 40.0%."


def test_of_very_many_the_smallest_share_a_line():
    teams = [(f"team_{n:02}", "scale", "en", 100 - n, 1) for n in range(MOST_ROWS + 2)]
    *_, last, rest = rows_of(show(*teams))["Team"]
    assert last[0] == f"Team {MOST_ROWS - 1}"
    assert rest[:3] == ("2 more", 80 + 79, 2)


def test_reasons_are_told_in_the_order_in_which_they_are_checked():
    shown = show(
        not_asked=[
            ("no_address", "surveys", "scale", "en", 2),
            ("cooldown", "surveys", "scale", "en", 3),
            ("cooldown", "sales_cs", "free", "de", 4),
        ]
    )
    assert [(each.words, each.tickets) for each in shown.not_asked] == [
        ("The customer was asked a short time ago", 7),
        ("Nobody knows where to write to", 2),
    ]
    assert shown.sentence == "No invitation was sent. Nobody was asked about 9 other tickets."


def test_every_plan_and_every_reason_has_words():
    assert set(PLANS) == set(Plan)
    assert set(REASONS) == set(InvitationOutcome) - {InvitationOutcome.SENT}


def test_priorities_without_a_plan_and_groups_that_are_no_teams_are_named():
    shown = show(
        solved=[
            ("surveys", "unknown", "blocker", "en", 2),
            ("surveys", "unknown", "blocker", "de", 1),
            ("billing", "unknown", None, "en", 5),
            ("surveys", "scale", None, "en", 90),
        ]
    )
    priorities = [(each.words, each.tickets) for each in shown.unknown_priorities]
    assert priorities == [("no priority", 5), ("blocker", 3)]
    assert [(each.words, each.tickets) for each in shown.unknown_groups] == [("billing", 5)]


@pytest.mark.parametrize("nothing", [None, counted()])
def test_without_anything_known_there_is_no_such_part(nothing):
    assert show_invitations(nothing, TEAMS) is None
    assert "Who was asked" not in render(make_numbers(invitations=nothing))


def render(numbers):
    return render_page(numbers, make_settings(), FileLinks())


def test_the_page_tells_all_of_it_and_hostile_text_stays_text():
    rate = {"invitations": 375, "response_rate_pct": Decimal("31.20")}
    html = render(
        make_numbers(
            rows=[team_row("surveys", **rate), team_row("all", **rate)],
            invitations=every_kind_of_invitation(),
        )
    )
    text = Reader(html).text
    assert "Who was asked, and who answered 375 invitations were sent, of which 117 have" in text
    assert "By plan Free Asked 40 Answered 7 Rate 17.5% Pay-as-you-go" in text
    assert "The customer wants no more invitations" in text
    assert "stand for no plan: <b>blocker (4 tickets), no priority (2 tickets)." in text
    assert "not in the list of teams: billing (2 tickets)." in text
    assert "<b>" not in html


def test_one_of_each_is_told_as_one():
    shown = show(
        ("surveys", "scale", "en", 1, 1), not_asked=[("asked", "surveys", "free", "en", 1)]
    )
    assert shown.sentence == (
        "1 invitation was sent, of which 1 has a response: 100%. "
        "Nobody was asked about 1 other ticket."
    )


def test_whoever_was_asked_lately_may_still_answer():
    numbers = make_numbers(invitations=every_kind_of_invitation(), as_of=NOON)
    assert "Who was asked in the last days may still answer." in Reader(render(numbers)).text


def test_the_mail_says_it_in_a_sentence():
    rate = {"invitations": 375, "response_rate_pct": Decimal("31.20")}
    mail = render_report_mail(
        make_numbers(
            rows=[team_row("surveys", **rate), team_row("all", **rate)],
            invitations=every_kind_of_invitation(),
        ),
        make_settings(),
    )
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for text in (" ".join(plain.split()), Reader(html).text):
        assert "375 invitations were sent, of which 117 have a response: 31.2%." in text
        assert "31.2% of 375 invited" in text
