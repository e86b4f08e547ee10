"""Reading mails as mail programs do, and a mail to send."""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from email.message import EmailMessage
from html.parser import HTMLParser

from survey.links import Link, judge_link, parse_link
from survey.messages.mails import make_message_id
from survey.settings import Settings
from survey.site.app import create_app
from survey.store.database import Database

ADDRESS = re.compile(r"^(?:https?://|mailto:)\S+$", re.MULTILINE)


@dataclass
class MailPage(HTMLParser):
    """What an HTML mail holds: its links in their order, its images, its text."""

    html: str
    links: list[str] = field(default_factory=list)
    images: list[dict[str, str]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "a":
            self.links.append(given["href"])
        elif tag == "img":
            self.images.append(given)

    def handle_data(self, data: str) -> None:
        self.text += data


def build_report(settings: Settings, subject: str = "Report", key: str = "report") -> EmailMessage:
    """A mail with everything that one can hold."""
    message = EmailMessage()
    message["Subject"] = subject
    message["From"], message["To"] = settings.mail_from, "lead@example.com"
    message["Message-ID"] = make_message_id(key, settings)
    message.set_content("ü 🦔")
    message.add_alternative("<p>ü 🦔</p>", subtype="html")
    message.add_attachment(bytes(range(256)), maintype="image", subtype="png", filename="a.png")
    return message


def html_with_pictures(message: EmailMessage) -> str:
    """The HTML of a mail with its pictures where a mail program shows them."""
    body = message.get_body(("html",))
    assert body is not None
    html: str = body.get_content()
    for part in message.walk():
        if part["Content-ID"]:
            data = b64encode(part.get_content()).decode()
            address = f"data:{part.get_content_type()};base64,{data}"
            html = html.replace(f"cid:{part['Content-ID'].strip('<>')}", address)
    return html


def links_of_text(text: str) -> list[str]:
    """The links of a plain-text mail, each on a line of its own."""
    return ADDRESS.findall(text)


def open_link(url: str, settings: Settings, database: Database) -> Link:
    """The link as the site understands it, which answers 200 to it."""
    client = create_app(settings, database).test_client()
    with client.get(url.removeprefix(settings.base_url)) as response:
        assert response.status_code == 200, url
        link = parse_link(response.request.args.to_dict())
    assert judge_link(link, settings.link_secrets) is not None
    return link
