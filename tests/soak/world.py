"""What a soak runs: sites with their workers, and the services that they need, on one database."""

import json
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.standin import PostHogStandIn
from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from demo.zendesk_standin import ZendeskStandIn
from survey.event_values import SURVEY_SENT
from survey.settings import Settings, variable
from survey.store.database import Database
from survey.store.migrate import upgrade
from survey.zendesk.rules import HOOK_PATH
from tests.support.mail_server import MailServer, mail_server
from tests.support.postgresql import PostgresqlServer, running_postgresql
from tests.support.settings import SECRET_KEY, make_settings
from tests.support.tree import SiteTree

BASE_URL = "https://survey.example.com"
LEAD, FINANCE = "lead@example.com", "finance@example.com"


class ExportingPostHog(PostHogStandIn):
    """A PostHog whose batch export keeps each event that it accepts, in files of their own, also
    those of persons who are deleted later."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._lines: list[str] = []
        self._lines_lock = threading.Lock()
        self._files = 0

    def record(self, request: Mapping[str, Any]) -> None:
        """Accept a batch."""
        lines = [
            json.dumps(event) for event in request["batch"] if event.get("event") == SURVEY_SENT
        ]
        with self._lines_lock:
            self._lines += lines
        super().record(request)

    def export(self) -> None:
        """Write the events since the last time into a new file."""
        with self._lines_lock:
            lines, self._lines = self._lines, []
        if lines:
            self._files += 1
            write_whole(self._folder / f"{self._files:05}.jsonl", lines)


def write_whole(path: Path, lines: list[str]) -> None:
    """Write a file that nobody sees before it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text("".join(f"{line}\n" for line in lines))
    partial.rename(path)


@dataclass
class World:
    """The parts of a soak. `database_server` is a PostgreSQL of its own, or None on SQLite;
    `variables` are the environment of all processes."""

    folder: Path
    database_url: str
    database_server: PostgresqlServer | None
    posthog: ExportingPostHog
    zendesk: ZendeskStandIn
    mails: MailServer
    variables: dict[str, str]
    sites: list[SiteTree] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """The settings that all processes have."""
        names = {variable(name): name for name in Settings.model_fields}
        return make_settings(**{names[key]: value for key, value in self.variables.items()})

    @property
    def exports(self) -> Path:
        """Where all export files are: those of our own events, and the predecessor's."""
        return self.folder / "exports"

    @property
    def predecessor(self) -> Path:
        """Where the predecessor's are, which come in one by one."""
        return self.exports / "predecessor"

    def address(self, chance: random.Random) -> str:
        """The address of one of the sites."""
        return f"http://127.0.0.1:{chance.choice(self.sites).port}"


@contextmanager
def running_world(folder: Path, kind: str) -> Iterator[World]:
    """Everything, on a database of this kind: one site of two workers on SQLite, two sites with
    their own delivery and tick on PostgreSQL."""
    with ExitStack() as stack:
        server, database_url = None, f"sqlite:///{folder}/csat.db"
        if kind == "postgresql":
            server = stack.enter_context(running_postgresql())
            database_url = server.create_database()
        upgrade_new(database_url)
        posthog = stack.enter_context(ExportingPostHog(folder / "exports" / "ours"))
        zendesk = stack.enter_context(ZendeskStandIn())
        mails = stack.enter_context(mail_server())
        variables = _variables(database_url, posthog, zendesk, mails)
        world = World(folder, database_url, server, posthog, zendesk, mails, variables)
        count, arguments = (2, ()) if server else (1, ("--workers", "2"))
        for _ in range(count):
            site = SiteTree(
                folder, database_url, posthog.url, *arguments, reports=True, **variables
            )
            world.sites.append(stack.enter_context(site))
        zendesk.notify(f"http://127.0.0.1:{world.sites[0].port}{HOOK_PATH}")
        yield world


def upgrade_new(database_url: str) -> None:
    """Make the tables of a new database."""
    database = Database(make_settings(database_url=database_url).database_url)
    upgrade(database)
    database.close()


def _variables(
    database_url: str, posthog: PostHogStandIn, zendesk: ZendeskStandIn, mails: MailServer
) -> dict[str, str]:
    return {
        "CSAT_DATABASE_URL": database_url,
        "CSAT_SECRET_KEY": SECRET_KEY,
        # What all Message-IDs follow from.
        "CSAT_BASE_URL": BASE_URL,
        "CSAT_POSTHOG_HOST": posthog.url,
        "CSAT_POSTHOG_KEY": "phc_test",
        "CSAT_POSTHOG_APP_HOST": posthog.url,
        "CSAT_POSTHOG_PROJECT_ID": PROJECT_ID,
        "CSAT_POSTHOG_PERSONAL_KEY": PERSONAL_KEY,
        **{variable(name): value for name, value in zendesk.settings.items()},
        "CSAT_ZENDESK_WRITE_BACK": "tag",
        "CSAT_INVITE": "smtp",
        "CSAT_SMTP_URL": mails.url,
        "CSAT_MAIL_FROM": "care@example.com",
        "CSAT_ALERT_RECIPIENTS": f"all={LEAD}",
        "CSAT_FINANCE_RECIPIENTS": FINANCE,
        # Three days and ten minutes, in a life that goes by in half an hour.
        "CSAT_SURVEY_DELAY": "2s",
        "CSAT_SETTLING_DELAY": "2s",
        # There are more of everybody here than come from one address, or on one day.
        "CSAT_RATE_LIMIT_CLIENT": "0",
        "CSAT_RATE_LIMIT_LINK": "0",
        "CSAT_RATE_LIMIT_ALL": "0",
        "CSAT_UNVERIFIED_TICKETS_PER_DAY": "100000000",
    }
