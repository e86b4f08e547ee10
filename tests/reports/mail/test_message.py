"""A report as a mail: what its parts say, whatever customers wrote."""

import dataclasses
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline.metrics import ALL
from pipeline.query import ReportQuery
from reports.charts.picture import draw_png
from reports.mail.colours import read_colours
from reports.mail.message import MOST_COMMENTS, MOST_TEAMS, render_report_mail
from survey.colours import contrast
from survey.messages.plain_text import BREAK
from tests.support.mails import MailPage
from tests.support.report_numbers import (
    OCTOBER,
    RATINGS,
    WORDS,
    comment_row,
    comments_of,
    frame_of,
    full_numbers,
    make_numbers,
    quality,
)
from tests.support.settings import make_settings

SITE = "https://survey.example.com"
SETTINGS = make_settings(
    base_url=SITE, ticket_url="https://help.example.com/{ticket_id}",
    smtp_url="smtp://127.0.0.1", mail_from="csat@example.com",
)  # fmt: skip
BADLY, EMPTY = (10, 10, 10, 30, 40), (0, 0, 0, 0, 0)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)> &amp; </td></table>',
    "\u202egnp.exe \u2067 \x00 \x1b[2J \r\nBcc: everybody@example.com",
    "{{ 7 * 7 }} {% for %} %s {0}",
    "https://evil.example.com and javascript:alert(1)",
    "🦔" * 5_000,
    "x" * 5_000,
    "لم يتم حل المشكلة",
)
# Characters that nobody sees, or that turn a text around.
INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def text_of(message):
    return message.get_body(("plain",)).get_content().replace(BREAK, "")


def html_of(message):
    return message.get_body(("html",)).get_content()


def words_of(message):
    """The words of the HTML, in one line."""
    body = html_of(message).partition("</head>")[2]
    return " ".join(MailPage(body).text.replace(BREAK, "").split())


def pictures_of(message):
    return [part for part in message.walk() if part.get_content_maintype() == "image"]


def tags_of(html):
    """Its tags, without links: to what has too long an address there is none."""
    return [tag for tag in re.findall(r"</?[a-z0-9]+", html) if tag not in ("<a", "</a")]


@pytest.fixture(scope="module")
def full():
    return render_report_mail(full_numbers(), SETTINGS)


def test_the_subject_says_month_and_finding(full):
    assert full["Subject"] == (
        "Customer satisfaction, October 2026: Product analytics fell 26.7 points"
    )


@pytest.mark.parametrize(
    ("now", "before", "verdict", "says"),
    [
        ({"surveys": RATINGS}, {"surveys": EMPTY}, None, "90.0% satisfied of 100 responses"),
        ({}, {}, None, "No responses"),
        (
            {"surveys": RATINGS}, {"surveys": RATINGS}, "no",
            "Nothing clearly moved against September 2026: 90.0% satisfied of 100 responses",
        ),
        (
            {"surveys": BADLY, "experiments": BADLY}, {"surveys": RATINGS, "experiments": RATINGS},
            "down", "Experiments fell 20.0 points",
        ),
        ({"evil": BADLY}, {"evil": RATINGS}, "down",
         "A team that is not in the list fell 20.0 points"),
    ],
)  # fmt: skip
def test_the_subject_names_the_month_once_and_no_team_that_a_customer_can_make_up(
    now, before, verdict, says
):
    numbers = make_numbers(now, before, dict.fromkeys(now, verdict))
    message = render_report_mail(numbers, SETTINGS)
    assert message["Subject"] == f"Customer satisfaction, October 2026: {says}"


def test_html_and_text_say_the_same(full):
    text, html = " ".join(text_of(full).split()), words_of(full)
    for words in (
        "Product analytics fell 26.7 points; nothing else clearly moved.",
        "From the survey's own store, as of 8 November 2026, 00:00 (Europe/London).",
        "95% interval 81.4 to 86.3",
        "Against September 2026 (86.9%): no clear change (−2.9)",
        "Ratings 1 to 5: 12, 9, 10, 20, 40",
        "Under 10 responses, or several teams together: not compared, not ranked",
        "An outage, <b>four</b> hours",
        "Of the −2.9 points, −2.9 come from the teams’ own scores and 0.0 from the mix of teams.",
        "36 comments with rating 1 or 2, the newest first, of which these are 10.",
        "Still broken, after nine days.",
        "لم يتم حل المشكلة بعد.",
        "nine days",
        "874 answers received: 874 responses, 0 changes of an earlier answer, 0 left out",
        "CSAT is the share of responses rated 4 or 5 of 5",
    ):
        assert words in text
        assert words in html


def test_the_text_has_the_trend_that_the_html_has_as_a_picture(full):
    text = text_of(full)
    assert "October 2025: 86.9%, interval 84.5 to 88.9, 875 responses\n" in text
    assert text.count(", 875 responses\n") == 12
    (image,) = MailPage(html_of(full)).images
    (picture,) = pictures_of(full)
    assert image["src"] == f"cid:{picture['Content-ID'][1:-1]}"
    assert image["alt"].startswith("CSAT of all teams over 13 months. October 2026: 84.0%")
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content().startswith(b"\x89PNG")


def test_mail_programs_find_the_parts_in_their_order(full):
    kinds = [part.get_content_type() for part in full.walk()]
    assert kinds == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"
    ]  # fmt: skip


def test_lines_of_text_are_short_but_for_addresses(full):
    for line in text_of(full).splitlines():
        assert len(line) < 78 or line.startswith("https://")


def test_every_link_leads_to_the_site_or_to_a_ticket(full):
    links = [urlsplit(link) for link in MailPage(html_of(full)).links]
    assert {link.netloc for link in links} == {"survey.example.com", "help.example.com"}
    shown = [link for link in links if link.netloc == "survey.example.com"]
    assert {link.path for link in shown} == {"/reports/2026-10", "/reports/2026-10/responses"}
    queries = [parse_qs(link.query) for link in shown]
    assert {"team": ["product_analytics"], "commented": ["1"]} in queries
    assert {"phrase": ["nine days"]} in queries
    assert f"\n{SITE}/reports/2026-10\n" in text_of(full)


def test_it_loads_nothing_and_runs_nothing(full):
    html = html_of(full)
    assert len(html.encode()) < 100_000  # Gmail cuts off what is longer than 102 kB
    for token in ("url(", "<script", "<link", "<iframe", "<form", "@import", "@font-face"):
        assert token not in html
    assert all(image["src"].startswith("cid:") for image in MailPage(html).images)


@pytest.mark.parametrize("words", HOSTILE)
def test_what_customers_wrote_is_text(words):
    numbers = make_numbers(
        {"surveys": BADLY, "evil_🦔_" + "x" * 190: BADLY},
        comments=comments_of(
            comment_row(comment=words, rating=1, ticket_id=words[:40], language=words[:100])
        ),
        words=frame_of(
            [{"language": "en", "phrase": words, "low_comments": 5, "other_comments": 0}], WORDS
        ),
    )
    message = render_report_mail(numbers, SETTINGS)
    html, text = html_of(message), text_of(message)
    calm = render_report_mail(
        make_numbers(
            {"surveys": BADLY, "calm": BADLY},
            comments=comments_of(comment_row(comment="slow", rating=1, language="fr")),
            words=frame_of(
                [{"language": "en", "phrase": "x", "low_comments": 5, "other_comments": 0}], WORDS
            ),
        ),
        SETTINGS,
    )
    assert tags_of(html) == tags_of(html_of(calm))
    assert "49" not in text
    assert not INVISIBLE.search(html)
    assert not INVISIBLE.search(text)
    assert len(html) < 60_000
    assert set(message.keys()) == {"Subject", "MIME-Version", "Content-Type"}
    assert message["Subject"] == calm["Subject"]
    for line in text.splitlines():
        assert len(line) < 78 or line.startswith("https://help.example.com/")
    for link in MailPage(html).links:
        assert link.startswith((f"{SITE}/reports/2026-10", "https://help.example.com/"))


def test_of_the_low_comments_the_newest_are_shown():
    rows = [
        comment_row(ticket_id=f"T{day}", rating=day % 5 + 1, comment=f"comment {day}",
                    answered_at=comment_row()["answered_at"].replace(day=day))
        for day in range(1, 29)
    ]  # fmt: skip
    message = render_report_mail(make_numbers(comments=comments_of(*rows)), SETTINGS)
    shown = re.findall(r"^> comment (\d+)$", text_of(message), re.MULTILINE)
    low = [day for day in range(28, 0, -1) if day % 5 + 1 <= 2]
    assert list(map(int, shown)) == low[:MOST_COMMENTS]
    assert "11 comments with rating 1 or 2" in text_of(message)


def test_of_very_many_teams_those_that_moved_and_the_largest_are_shown():
    now = {f"made_up_{place:02}": (1, 1, 1, 5, 10 + place) for place in range(40)}
    numbers = make_numbers(now, now, {"made_up_00": "down"})
    message = render_report_mail(numbers, SETTINGS)
    shown = re.findall(r"^Made up (\d+): ", text_of(message), re.MULTILINE)
    moved = text_of(message).partition("TEAMS")[2].partition("THE TREND")[0]
    assert len(re.findall(r"^Made up \d+:", moved, re.MULTILINE)) == MOST_TEAMS
    assert {"00", "39", "38"} <= set(shown)
    assert "And 20 more teams on the page of the report." in text_of(message)
    assert len(html_of(message).encode()) < 100_000


def numbers_of(team, now=BADLY, before=RATINGS, verdict="down"):
    """The numbers of one team, as the filter gives them."""
    numbers = make_numbers({team: now}, {team: before}, {team: verdict, ALL: verdict})
    return dataclasses.replace(numbers, query=ReportQuery(OCTOBER, teams=(team,)))


def test_the_mail_of_a_team_is_about_that_team_alone():
    message = render_report_mail(numbers_of("surveys"), SETTINGS)
    assert message["Subject"] == "Customer satisfaction, October 2026: Surveys fell 20.0 points"
    text = text_of(message)
    assert "CSAT, Surveys\n" in text
    assert f"\n{SITE}/reports/2026-10?team=surveys\n" in text
    assert "All teams:" not in text
    assert "WHAT MOVED THE TOTAL" not in text
    assert "Hedgehogs fed for all teams: 100" in text
    assert "all teams" not in words_of(message).replace("received for all teams", "").replace(
        "Hedgehogs fed, all teams", ""
    )
    (image,) = MailPage(html_of(message)).images
    assert image["alt"].startswith("CSAT of Surveys over 2 months")


@pytest.mark.parametrize(
    ("team", "name"), [("web_analytics", "Web analytics"), ("nobody", "A team that is not in the")]
)
def test_a_team_without_responses_gets_a_mail_that_says_so(team, name):
    numbers = dataclasses.replace(
        make_numbers({}, {}), query=ReportQuery(OCTOBER, teams=(team,)), quality=quality(7)
    )
    message = render_report_mail(numbers, SETTINGS)
    assert message["Subject"].startswith(f"Customer satisfaction, October 2026: {name}")
    assert message["Subject"].endswith(" has no responses")
    assert not pictures_of(message)
    assert "No responses" in words_of(message)
    assert "TEAMS" not in text_of(message)


def test_numbers_that_may_still_change_say_so():
    numbers = make_numbers()
    early = dataclasses.replace(numbers, as_of=numbers.as_of.replace(day=2))
    says = "customers may change an answer for 7 days, so ratings can still move."
    message = render_report_mail(early, SETTINGS)
    assert f"Provisional. October 2026 is over, but {says}" in words_of(message)
    assert f"PROVISIONAL. October 2026 is over, but {says}" in " ".join(text_of(message).split())
    assert "rovisional" not in words_of(render_report_mail(numbers, SETTINGS))


def test_sums_that_do_not_tie_are_told():
    wrong = quality(100)
    wrong.loc[wrong["reason"] == "received", "answers"] = 117
    message = render_report_mail(make_numbers(quality=wrong), SETTINGS)
    assert "The sums do not tie." in words_of(message)
    assert "The sums do not tie." in text_of(message)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_of_text_can_be_read(theme):
    colours = read_colours(theme)
    for text in ("ink", "quiet", "accent"):
        assert contrast(colours[text], colours["paper"]) >= 4.5
    assert contrast(colours["ink"], colours["soft"]) >= 4.5
    button = "paper" if theme == "light" else "ground"
    assert contrast(colours[button], colours["accent"]) >= 4.5


def test_a_picture_has_a_white_ground_and_no_property_of_a_page():
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-5 -5 20 10"></svg>'
    picture = draw_png(svg, 40)
    assert (int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])) == (40, 20)

    def draw_on(colour):
        ground = f'<rect x="-5" y="-5" width="20" height="10" fill="{colour}"/>'
        return draw_png(svg.replace("</svg>", f"{ground}</svg>"), 40)

    assert draw_on("#ffffff") == picture
    assert draw_on("var(--ink, #2b2622)") == draw_on("#2b2622") != picture
