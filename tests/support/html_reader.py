"""What a browser would find in a document: elements, attributes and texts."""

from html.parser import HTMLParser

# What stands in a box of its own is not read as one word with its neighbour.
BOXES = ("td", "th", "dt", "dd", "p", "h1", "h2", "h3", "li", "summary", "caption", "title")


class Reader(HTMLParser):
    """The elements, attributes and texts of a document."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.data: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]

    def handle_data(self, data: str) -> None:
        self.data.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in BOXES:
            self.data.append(" ")

    @property
    def text(self) -> str:
        """All texts, with one space where there are more."""
        return " ".join("".join(self.data).split())

    def all_of(self, name: str) -> list[str]:
        """The values of an attribute, wherever it stands."""
        return [value for key, value in self.attributes if key == name]
