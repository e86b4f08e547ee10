"""Alerts about low ratings: the message for a chat and the mail, for one team's responses. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from survey.messages.plain_text import escape_for_chat, excerpt, link_for_chat
from survey.scale import LABELS, RATINGS
from survey.settings import Settings
from survey.teams import display_team
from survey.tickets import link_ticket

# So many responses are shown in one message; the rest is counted.
MOST_SHOWN = 20
# No help desk has longer numbers, and no longer addresses. A block of Slack holds 3,000 characters.
_LONGEST_TICKET = 60
_LONGEST_LINK = 1_000


@dataclass(frozen=True)
class Alert:
    """A response with a low rating. `at` is the time of the latest answer."""

    ticket_id: str
    team: str
    rating: int
    comment: str | None
    at: datetime


@dataclass(frozen=True)
class _Shown:
    """A response as a message shows it, harmless in plain text, but not escaped."""

    rating: str
    ticket: str
    link: str | None
    at: str
    comment: str | None


def compose_chat(alerts: Sequence[Alert], settings: Settings) -> dict[str, Any]:
    """Return the payload of a webhook, in the format of Slack, for responses of one team.

    Slack shows `blocks`, and `text` in notifications; other programs show only `text`.
    """
    shown, more = _show(alerts, settings)
    title = escape_for_chat(_title(alerts, _team_name(alerts, settings)))
    entries = [(_chat_head(each), _chat_comment(each)) for each in shown]
    rest = [f"and {more} more"] if more else []
    sections = [f"*{title}*", *(text for entry in entries for text in entry), *rest]
    return {
        "text": "\n\n".join([title, *map("\n".join, entries), *rest]),
        "blocks": [_section(text) for text in sections],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def compose_mail(
    alerts: Sequence[Alert],
    settings: Settings,
    *,
    recipient: str,
    message_id: str,
    now: datetime,
) -> EmailMessage:
    """Return the mail about responses of one team, as plain text and HTML.

    Its headers hold nothing that a customer wrote. The name of a team that is not in the list comes
    from a link, which anybody can write, so it stands in the text alone.
    """
    shown, more = _show(alerts, settings)
    team = _team_name(alerts, settings)
    is_listed = alerts[0].team in {each.slug for each in settings.teams}
    values = {
        "title": _title(alerts, team),
        "responses": shown,
        "more": more,
    }
    message = EmailMessage()
    message["Subject"] = _title(alerts, team if is_listed else "a team that is not in the list")
    message["From"] = settings.mail_from
    message["To"] = recipient
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    # Programs that answer mails by themselves leave out those that a program has sent.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_template("alert.txt").render(values))
    message.add_alternative(_template("alert.html").render(values), subtype="html")
    return message


def _show(alerts: Sequence[Alert], settings: Settings) -> tuple[list[_Shown], int]:
    """Return the responses to show, the least satisfied first and of those the newest, and how
    many more there are."""
    ordered = sorted(alerts, key=lambda alert: (alert.rating, -alert.at.timestamp()))
    shown = [_describe(alert, settings) for alert in ordered[:MOST_SHOWN]]
    return shown, len(ordered) - len(shown)


def _describe(alert: Alert, settings: Settings) -> _Shown:
    local = alert.at.astimezone(settings.timezone)
    link = link_ticket(alert.ticket_id, settings.ticket_url)
    return _Shown(
        rating=f"{alert.rating} of {len(RATINGS)}, {LABELS[alert.rating].lower()}",
        ticket=excerpt(alert.ticket_id, _LONGEST_TICKET),
        link=link if link and len(link) <= _LONGEST_LINK else None,
        at=f"{local.day} {local:%b %Y, %H:%M %Z}",
        comment=excerpt(alert.comment) or None if alert.comment else None,
    )


def _team_name(alerts: Sequence[Alert], settings: Settings) -> str:
    return excerpt(display_team(alerts[0].team, settings.teams))


def _title(alerts: Sequence[Alert], team: str) -> str:
    count = len(alerts)
    return f"{'Low rating' if count == 1 else f'{count} low ratings'} for {team}"


def _chat_head(shown: _Shown) -> str:
    ticket = f"Ticket {shown.ticket}"
    linked = link_for_chat(shown.link, ticket) if shown.link else escape_for_chat(ticket)
    return f"*{shown.rating}* · {linked} · {shown.at}"


def _chat_comment(shown: _Shown) -> str:
    return f"> {escape_for_chat(shown.comment)}" if shown.comment else "_no comment_"


def _section(text: str) -> dict[str, Any]:
    # `verbatim` keeps Slack from making links of what looks like an address or a channel.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("survey", "templates/messages"),
        autoescape=select_autoescape(["html"], default_for_string=False),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(name)
