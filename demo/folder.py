"""The demo's folder `var/demo/`: its data, its key, and the settings of the demo's processes."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

import survey
from demo.behaviour import ALERTS_PATH
from survey.durations import format_duration
from survey.errors import CsatError
from survey.private_files import make_folder, open_private
from survey.settings import PREFIX, Settings, SettingsError, explain_problem, variable

TICKET_URL = "https://example.zendesk.com/agent/tickets/{ticket_id}"
POSTHOG_KEY = "phc_demo"
SURVEY_DELAY = timedelta(seconds=5)
# No environment variable begins like this, so the demo's settings come only from this module.
_NO_PREFIX = "NOT CSAT "


class OwnSettings(BaseSettings):
    """The settings that the demo takes from the user's environment and `.env`: teams, time zone."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore")

    timezone: str = ""
    teams: str = ""


@dataclass(frozen=True)
class DemoFolder:
    """The folder with everything that the demo keeps. `path` is absolute."""

    path: Path

    @property
    def report(self) -> Path:
        """The folder of the reports. Each report has its own folder, named after its month."""
        return self.path / "report"

    @property
    def log(self) -> Path:
        """The file with the output of the site."""
        return self.path / "serve.log"

    @property
    def database_url(self) -> str:
        """The address of the demo's own store."""
        return f"sqlite:///{self.path / 'csat.db'}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, and lock it against other demos. Raise CsatError if that fails."""
        try:
            make_folder(self.report)
            lock = open_private(self.path / "lock", "w")
        except OSError as error:
            raise CsatError(f"{self.path} cannot be used: {error.strerror}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CsatError(f"a demo is already running in {self.path}") from None
            yield

    def clear(self) -> None:
        """Delete the demo's data. Keep the key, so that links in open pages stay valid."""
        for file in self.path.glob("csat.db*"):
            file.unlink()
        shutil.rmtree(self.report, ignore_errors=True)
        make_folder(self.report)

    def secret_key(self) -> str:
        """Return the demo's own key. The key is made once, and only its owner can read it."""
        file = self.path / "secret_key"
        if not file.is_file():
            with open_private(file, "x") as new:
                new.write(secrets.token_urlsafe(32))
        return file.read_text(encoding="utf-8").strip()

    def settings(self, more: Mapping[str, str]) -> Settings:
        """Return the demo's settings: its own, and more of them by their names. Raise SettingsError
        if the user's teams or time zone are wrong."""
        try:
            own = {name: value for name, value in OwnSettings().model_dump().items() if value}
            given: dict[str, Any] = {
                "database_url": self.database_url,
                "secret_key": self.secret_key(),
                **more,
                **own,
            }
            return Settings(_env_file=None, _env_prefix=_NO_PREFIX, **given)
        except ValidationError as error:
            problems = map(explain_problem, error.errors())
            raise SettingsError("\n".join(problems)) from None

    def environment(
        self, *, base_url: str, standin: str, more: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the variables that the demo's processes get in addition to the inherited ones;
        `more` are settings by their names.

        Blank the user's own CSAT_ settings, which means not set: with them the demo could send
        its events to the real PostHog. The processes do not read the user's `.env` either,
        because they run in this folder, which has none. Only teams and time zone stay, so that
        the demo shows the user's own teams.
        """
        blanked = {name: "" for name in os.environ if name.startswith(PREFIX)}
        root = str(Path(survey.__file__).parents[1])
        local = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"]))
        return {
            **blanked,
            # A process that runs in the demo's folder finds the project's modules only this way.
            "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
            "NO_PROXY": local,
            "no_proxy": local,
            **{variable(name): value for name, value in OwnSettings().model_dump().items()},
            "CSAT_DATABASE_URL": self.database_url,
            "CSAT_BASE_URL": base_url,
            "CSAT_SECRET_KEY": self.secret_key(),
            "CSAT_POSTHOG_HOST": standin,
            "CSAT_POSTHOG_KEY": POSTHOG_KEY,
            "CSAT_TICKET_URL": TICKET_URL,
            "CSAT_ALERT_WEBHOOK": f"{standin}{ALERTS_PATH}",
            **{variable(name): value for name, value in more.items()},
            # Nobody who tries the demo waits for ten minutes, or for three days.
            "CSAT_SETTLING_DELAY": "5s",
            "CSAT_SURVEY_DELAY": format_duration(SURVEY_DELAY),
        }
