"""The stand-in's server: it treats batches as it was told, and serves the pages for people."""

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from demo.behaviour import ACCEPTED_BODY, ALERTS_PATH, REDIRECT_TARGET
from demo.standin_page import HTML, JSON, Page, is_own, render_overview, report_file
from demo.standin_persons import PersonService
from demo.standin_query import QueryService
from demo.standin_server import StandInHandler, StandInServer
from demo.standin_setup import KINDS, SetupService
from demo.standin_v1 import V1_PATH
from demo.wire import Refusal, read_batch

if TYPE_CHECKING:
    from demo.standin import PostHogStandIn


class Handler(StandInHandler):
    """A handler of one connection."""

    server: "Server"

    def do_POST(self) -> None:
        """Treat a batch or a question as the stand-in was told. Answer 404 to all other posts."""
        body = self.read_body()
        if self._is_for_app():
            self._answer_as_app(body)
            return
        if urlsplit(self.path).path == ALERTS_PATH:
            self._take_alert(body)
            return
        if urlsplit(self.path).path.rstrip("/") == "/flags":
            self._answer_flags(body)
            return
        if urlsplit(self.path).path.startswith("/zendesk/"):
            self._press_button()
            return
        if urlsplit(self.path).path.rstrip("/") == V1_PATH:
            self.act(*self.server.standin.v1.respond(self.headers, body))
            return
        if urlsplit(self.path).path.rstrip("/") != "/batch":
            self.send(404, '{"detail": "not found"}')
            return
        behaviour, released = self.server.standin.next_behaviour()
        if behaviour.accepts:
            try:
                self._accept(body)
            except Refusal as refusal:
                self.send(refusal.status, refusal.body)
                return
        self.act(behaviour, released)

    def do_PATCH(self) -> None:
        """Change what the app knows. Answer 404 to all other changes."""
        body = self.read_body()
        if self._is_for_app():
            self._answer_as_app(body)
        else:
            self.send(404, '{"detail": "not found"}')

    def do_GET(self) -> None:
        """Send a page for people, or what the app knows."""
        if self._is_for_app():
            self._answer_as_app(b"")
        else:
            self._send_page(self._find_page(), with_body=True)

    def do_HEAD(self) -> None:
        """Send the headers of a page for people, without the page."""
        self._send_page(self._find_page(), with_body=False)

    def _accept(self, body: bytes) -> None:
        request = read_batch(body, self.headers.get("Content-Encoding", ""))
        if self.server.standin.is_refused(request["batch"]):
            raise Refusal(400, "invalid_payload", "the stand-in was told to refuse this event")
        if self.server.standin.is_choked_on(request["batch"]):
            raise Refusal(500, "server_error", "the stand-in was told to choke on this event")
        self.server.standin.record(request)

    def _answer_flags(self, body: bytes) -> None:
        """Answer that there are no feature flags, to a project that there is."""
        try:
            key = json.loads(body)["token"]
        except (ValueError, KeyError, TypeError):
            key = None
        if not isinstance(key, str) or key in self.server.standin.unknown_keys:
            self.send(401, "The provided API key is invalid or has expired.")
        else:
            self.send(200, '{"flags": {}}')

    def _take_alert(self, body: bytes) -> None:
        """Take a message as Slack does."""
        try:
            self.server.standin.alerts.append(str(json.loads(body)["text"]))
        except (ValueError, KeyError, TypeError):
            self.send(400, "invalid_payload")
        else:
            self.send(200, "ok")

    def _press_button(self) -> None:
        """Do what a button of the help desk's page says, and show the page again."""
        standin = self.server.standin
        if standin.help_desk is None:
            self.send(404, '{"detail": "not found"}')
        elif not is_own(self.headers.get("Origin"), standin.url):
            self.send(403, '{"detail": "sent by the page of somebody else"}')
        else:
            standin.help_desk.act(urlsplit(self.path).path)
            self.send(303, "", {"Location": "/zendesk"})

    def _is_for_app(self) -> bool:
        return urlsplit(self.path).path.startswith("/api/projects/")

    def _answer_as_app(self, body: bytes) -> None:
        standin = self.server.standin
        authorization = self.headers.get("Authorization", "")
        released = standin.released
        kind = "".join(urlsplit(self.path).path.split("/")[4:5])
        service: PersonService | QueryService | SetupService = standin.queries
        if kind == "persons":
            service = standin.persons
        elif kind in KINDS:
            service = standin.setup
        behaviour = service.respond(self.command, self.path, authorization, body)
        self.act(behaviour, released)

    def _find_page(self) -> Page | None:
        standin, path = self.server.standin, urlsplit(self.path).path
        if path == "/":
            return Page(
                render_overview(
                    standin.events, standin.overview, standin.highlights, standin.alerts
                ).encode(),
                HTML,
            )
        if path == "/events.json":
            return Page(json.dumps(standin.events, ensure_ascii=False).encode(), JSON)
        if path == "/posthog" and standin.dashboard is not None:
            return standin.dashboard.render()
        if path == REDIRECT_TARGET:
            return Page(ACCEPTED_BODY.encode(), JSON)
        if path.startswith("/report/") and standin.report_folder is not None:
            return report_file(standin.report_folder, path.removeprefix("/report/"))
        return standin.help_desk.find(path) if standin.help_desk is not None else None

    def _send_page(self, page: Page | None, *, with_body: bool) -> None:
        self.send_response(200 if page else 404)
        found = page or Page(b"There is nothing here.\n", "text/plain; charset=utf-8")
        for name, value in found.headers:
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(found.content)


class Server(StandInServer):
    """The server of a stand-in for PostHog."""

    def __init__(self, port: int, standin: "PostHogStandIn") -> None:
        self.standin = standin
        super().__init__(port, Handler)
