"""The mail of a report: subject, HTML with the chart of the trend, and plain text."""

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from pipeline.report import ReportNumbers
from reports.charts.picture import draw_png
from reports.environment import make_environment
from reports.findings import Finding
from reports.mail.colours import read_colours
from reports.mail.wrapping import wrap
from reports.page import report_context
from reports.shown_comments import show_low_comments
from reports.shown_teams import ShownTeam, ShownTeams
from reports.site.links import WebLinks
from reports.wording import capitalize_first
from survey.messages.plain_text import excerpt
from survey.settings import Settings

# Gmail cuts off an HTML mail of more than 102 kB, so what is shown of everything has an end.
MOST_TEAMS = 20
MOST_COMMENTS = 10
# How much of a comment, of a ticket's number and of a name is shown.
LONGEST_COMMENT = 300
LONGEST_TICKET = 60
LONGEST_NAME = 60
LONGEST_LINK = 1_000
# The chart is 552 pixels wide on a desktop, and drawn for screens with two pixels for each.
CHART_WIDTH = 1_104
CHART_ID = "trend@report"

UNLISTED = "a team that is not in the list"
# What stands between the teams that a lead sentence names.
_BETWEEN = (",", "and")


@dataclass(frozen=True)
class MailedTeams:
    """The teams that a mail shows: those that are compared, those that are not, and how many more
    there are."""

    compared: tuple[ShownTeam, ...]
    apart: tuple[ShownTeam, ...]
    left_out: int


def render_report_mail(numbers: ReportNumbers, settings: Settings) -> EmailMessage:
    """Return a report as a mail, with a subject, but without the headers that are different for
    each recipient.

    What customers wrote is escaped, shortened and harmless (`survey.messages.plain_text`), and
    stands in no header.
    """
    links = WebLinks(numbers.query, settings.base_url)
    context = report_context(numbers, settings, links)
    low_comments, number_of_low = show_low_comments(numbers.comments, MOST_COMMENTS)
    values: dict[str, Any] = context | {
        "mailed_teams": choose_teams(context["teams"]),
        "low_comments": low_comments,
        "number_of_low": number_of_low,
        # In the templates `words` is the words that the HTML and the text have in common.
        "words_of_languages": context["words"],
        "address": links.report(numbers.query.period.name),
        "light": read_colours("light"),
        "dark": read_colours("dark"),
        "chart_id": CHART_ID,
        "excerpt": excerpt,
        "longest_comment": LONGEST_COMMENT,
        "longest_ticket": LONGEST_TICKET,
        "longest_name": LONGEST_NAME,
        "longest_link": LONGEST_LINK,
        "wrap": wrap,
    }
    environment = make_environment(settings)
    message = EmailMessage()
    listed = {team.slug for team in settings.teams}
    message["Subject"] = write_subject(context["finding"], context["period_name"], listed)
    text = environment.get_template("mail/report.txt").render(values)
    message.set_content(text.strip() + "\n")
    message.add_alternative(
        environment.get_template("mail/report.html").render(values), subtype="html"
    )
    if context["charts"]:
        html = message.get_body(("html",))
        assert html is not None  # it was added a moment ago
        html.add_related(
            draw_png(context["charts"][0], CHART_WIDTH), "image", "png",
            cid=f"<{CHART_ID}>", filename="trend.png", disposition="inline",
        )  # fmt: skip
    return message


def write_subject(finding: Finding, period_name: str, listed: set[str]) -> str:
    """Return the subject of a report: its period, and what its lead sentence says first, of several
    teams that moved the furthest; mailboxes cut off what is longer.

    The name of a team that is not in the list comes from a link, which anybody can write, so it
    does not stand there.
    """
    words: list[str] = []
    for part in finding.parts:
        if part.team is not None:
            words.append(part.words if part.team in listed else UNLISTED)
            continue
        if part.words.strip() in _BETWEEN:
            break
        first, semicolon, _ = part.words.partition(";")
        words.append(first)
        if semicolon:
            break
    sentence = " ".join("".join(words).split()).removesuffix(".").replace(f" in {period_name}", "")
    return f"Customer satisfaction, {period_name}: {capitalize_first(sentence)}"


def choose_teams(teams: ShownTeams) -> MailedTeams:
    """Return the teams to show, in the order of the page; of very many those that clearly moved,
    then those with the most responses."""
    apart = (*teams.small, *((teams.rest,) if teams.rest else ()))
    most_important = sorted(
        (*teams.ranked, *apart),
        key=lambda team: (
            team.before.verdict not in ("up", "down"), team.is_rest, -team.responses, team.slug,
        ),
    )  # fmt: skip
    chosen = {team.slug for team in most_important[:MOST_TEAMS]}
    return MailedTeams(
        compared=tuple(team for team in teams.ranked if team.slug in chosen),
        apart=tuple(team for team in apart if team.slug in chosen),
        left_out=len(most_important) - len(chosen),
    )
