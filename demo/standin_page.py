"""The stand-in's pages for people: the events that it received, and the files of a report."""

import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, FileSystemLoader

from demo.overview import PARTS, Entry, Highlights
from survey.response_headers import allow_inline, list_headers

HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"
# A mail has styles on its elements, as mail programs want them.
SOURCES_OF_MAIL = "style-src 'unsafe-inline'"
SHOWN_EVENTS = 200
SHOWN_ALERTS = 5
REFRESH_SECONDS = 5

_STYLE = re.compile("<style>(.*?)</style>", re.DOTALL)
_DEMO = Path(__file__).parent
_templates = Environment(
    loader=FileSystemLoader([_DEMO / "templates", _DEMO.parent / "survey" / "templates"]),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Page:
    """A page or a file to send to a browser."""

    content: bytes
    content_type: str
    # What the page may load, as a Content-Security-Policy says it. None for a page that loads
    # nothing but the style sheets inside it.
    sources: str | None = None

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers of the page."""
        own_styles = " ".join(map(allow_inline, self._styles())) or "'none'"
        sources = self.sources or f"style-src {own_styles}; img-src data:"
        return [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.content))),
            *list_headers(sources, has_tls=False),
        ]

    def _styles(self) -> list[str]:
        is_html = self.content_type == HTML
        return _STYLE.findall(self.content.decode("utf-8", "replace")) if is_html else []


def render_overview(
    events: Sequence[Mapping[str, Any]],
    overview: Sequence[Entry] = (),
    highlights: Highlights | None = None,
    alerts: Sequence[str] = (),
) -> str:
    """Return the page that lists the received events, newest first. Above them are the entries to
    open, for the customer, the lead, finance and the operator, and the latest alerts."""
    newest = list(reversed(events[-SHOWN_EVENTS:]))
    return render(
        "standin.html",
        overview={part: [entry for entry in overview if entry.part == part] for part in PARTS},
        has_overview=bool(overview),
        highlights=highlights,
        alerts=list(reversed(alerts[-SHOWN_ALERTS:])),
        events=[_shown(event) for event in newest],
        total=len(events),
        refresh_seconds=REFRESH_SECONDS,
    )


def render(name: str, **values: object) -> str:
    """Return the page of one of the demo's templates."""
    return _templates.get_template(name).render(values)


def _shown(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an event that the page shows. Accept properties of any type, because
    the event may have come from anywhere."""
    given = event.get("properties")
    properties = given if isinstance(given, dict) else {}
    return {
        "name": event.get("event"),
        "time": _time(event.get("timestamp")),
        "ticket": properties.get("ticketId"),
        "team": properties.get("team") or properties.get("ticketTeam"),
        "rating": properties.get("$survey_response"),
        "comment": properties.get("$survey_response_1"),
        "trust": properties.get("link_trust"),
        "distinct_id": event.get("distinct_id"),
    }


def _time(value: object) -> str:
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    utc = instant.astimezone(UTC) if instant.tzinfo else instant
    return f"{utc:%Y-%m-%d %H:%M:%S}"


def report_file(folder: Path, path: str) -> Page | None:
    """Return a file inside the report folder. Return None for any other path, also for one that
    leads out of the folder."""
    root = folder.resolve()
    try:
        file = (root / unquote(path).lstrip("/")).resolve()
        if file.is_dir():
            file = file / "report.html"
        # Resolve the path first, so that neither `..` nor a link leads out of the folder.
        if not file.resolve().is_relative_to(root) or not file.is_file():
            return None
        content = file.read_bytes()
    except (OSError, ValueError):
        return None
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Page(content, f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)


def is_own(origin: str | None, address: str) -> bool:
    """Return whether a form was sent by our own page; a page from elsewhere is none."""
    return origin is None or urlsplit(origin).netloc == urlsplit(address).netloc
