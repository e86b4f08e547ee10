"""Reading the site's pages as a browser does."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

LINK = {"distinct_id": "jane", "ticketId": "42", "team": "web_analytics"}


def address(**parameters: str) -> str:
    """A survey link: Jane's to ticket 42, with these parameters changed or added."""
    return "/?" + urlencode({**LINK, **parameters})


@dataclass
class Page(HTMLParser):
    """What a page holds: its text, its links, and the fields of the form that it posts."""

    html: str
    text: str = ""
    action: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    radios: list[str] = field(default_factory=list)
    checked: str | None = None
    links: list[str] = field(default_factory=list)
    language: str = ""
    _inside: str = ""
    _posts: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self._inside = given.get("name", "") if tag == "textarea" else tag
        if tag == "html":
            self.language = given["lang"]
        elif tag == "form":
            self._posts = given["method"] == "post"
            self.action = given["action"] if self._posts else self.action
        elif tag == "textarea":
            self.fields[given["name"]] = ""
        elif tag == "a":
            self.links.append(given["href"])
        elif tag == "input" and given["type"] == "radio":
            self.radios.append(given["value"])
            self.checked = given["value"] if "checked" in given else self.checked
        elif tag == "input" and self._posts:
            self.fields[given["name"]] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "comment":
            self.fields["comment"] += data.removeprefix("\n")
        elif self._inside != "style":
            self.text += data
