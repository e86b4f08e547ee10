"""All settings: read once from the environment and `.env`, checked, handed on as one object."""

import re
from datetime import timedelta
from typing import Annotated, Any, get_args
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from survey.teams import DEFAULT_TEAMS, Team, parse_teams

PREFIX = "CSAT_"

# Without settings of one's own, events carry these: constants, so that dashboards find them again.
DEFAULT_SURVEY_ID = "0192f1a4-6d2e-7c3b-9a58-c5a70000c5a7"
DEFAULT_RATING_QUESTION_ID = "0192f1a4-6d2e-7c3b-9a58-c5a70000fa5e"
DEFAULT_COMMENT_QUESTION_ID = "0192f1a4-6d2e-7c3b-9a58-c5a700007e87"

LONGEST_DURATION = timedelta(days=3650)

_DURATION_TEXT = re.compile(r"(\d{1,6})(d|h|m|s)", re.ASCII)
_DURATION_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class CsatError(Exception):
    """Something a person can mend: the command line prints the message and exits 1."""


class SettingsError(CsatError):
    """A setting is missing or wrong; the message names it."""


def parse_duration(value: object) -> timedelta:
    """A duration written `7d`, `168h`, `30m` or `45s`; raises ValueError for anything else."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION_TEXT.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("write a duration as 7d, 168h, 30m or 45s")
    duration = timedelta(**{_DURATION_UNITS[match[2]]: int(match[1])})
    if duration > LONGEST_DURATION:
        raise ValueError(f"it is longer than {LONGEST_DURATION.days}d")
    return duration


def split_duration(duration: timedelta) -> tuple[int, str]:
    """A duration in the largest unit that it fills exactly: `(7, "days")`, `(36, "hours")`."""
    for unit in ("days", "hours", "minutes"):
        count, rest = divmod(duration, timedelta(**{unit: 1}))
        if not rest:
            return count, unit
    return int(duration.total_seconds()), "seconds"


def format_duration(duration: timedelta) -> str:
    """A duration as it is written in settings: `7d`, `36h`."""
    count, unit = split_duration(duration)
    return f"{count}{unit[0]}"


def _split(value: object) -> object:
    """A comma-separated text as its parts, without the blank ones."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def _secrets(value: object) -> object:
    secrets: Any = _split(value)
    if isinstance(value, str) and not secrets:
        raise ValueError("it holds no secret")
    return secrets


def _teams(value: object) -> object:
    entries: Any = _split(value)
    if all(isinstance(entry, Team) for entry in entries):
        return entries
    return parse_teams(entries)


def _timezone(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value).strip())
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone; write one like Europe/London") from None


def _web_address(value: object) -> object:
    """An http(s) address without a slash at its end."""
    parts = urlsplit(str(value).strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or not _has_port(parts):
        raise ValueError("write a whole address, for example https://survey.example.com")
    if "@" in parts.netloc:
        raise ValueError("an address must hold no user and no password")
    return str(value).strip().rstrip("/")


def _has_port(parts: SplitResult) -> bool:
    """Whether the port is one, if one is given."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _base_address(value: object) -> object:
    """A web address to which paths and parameters are added."""
    text = str(_web_address(value))
    if "?" in text or "#" in text:
        raise ValueError("write it without what begins with ? or #")
    return text


def _contact_address(value: object) -> object:
    text = str(value).strip()
    return text if text.startswith("mailto:") and "@" in text else _web_address(text)


def _ticket_pattern(value: object) -> object:
    text = str(_web_address(value))
    if text.replace("{ticket_id}", "") == text or re.search(
        r"[{}]", text.replace("{ticket_id}", "")
    ):
        raise ValueError("write {ticket_id} where the ticket's number belongs, and no other braces")
    return text


def _database_url(value: object) -> object:
    text = str(value).strip()
    path = text.removeprefix("sqlite:///")
    if path == text or not path or path == ":memory:" or "?" in path:
        raise ValueError("write it as sqlite:///path/to/file.db")
    return text


def _not_blank(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise ValueError("it is blank")
    return value.strip() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_not_blank)]
WebAddress = Annotated[str, BeforeValidator(_web_address)]
BaseAddress = Annotated[str, BeforeValidator(_base_address)]
Secret = Annotated[SecretStr, BeforeValidator(_not_blank)]


class Settings(BaseSettings):
    """Every setting there is. The environment names each one in upper case behind `CSAT_`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: Annotated[str, BeforeValidator(_database_url)] = Field(
        "sqlite:///var/csat.db", description="where answers are stored"
    )
    base_url: BaseAddress = Field(
        "http://127.0.0.1:8000", description="the survey page's own address, for links"
    )
    secret_key: Secret | None = Field(
        None, description="signs what the site hands out for later; any long random text"
    )
    link_secret: Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_secrets)] = Field(
        (), description="signs survey links: the first one signs, all of them verify"
    )
    require_signed_links: bool = Field(False, description="refuse links without a signature")
    posthog_host: BaseAddress = Field(
        "https://us.i.posthog.com", description="where events are sent"
    )
    posthog_key: Secret | None = Field(
        None, description="project API key; without it events wait in the outbox"
    )
    survey_id: Text | None = Field(None, description="id of the survey at PostHog")
    survey_name: Text = Field("Customer satisfaction score (CSAT)", description="its name")
    rating_question_id: Text = Field(
        DEFAULT_RATING_QUESTION_ID, description="id of its rating question"
    )
    comment_question_id: Text = Field(
        DEFAULT_COMMENT_QUESTION_ID, description="id of its comment question"
    )
    timezone: Annotated[ZoneInfo, BeforeValidator(_timezone)] = Field(
        ZoneInfo("Europe/London"), description="in which months begin and end"
    )
    teams: Annotated[tuple[Team, ...], NoDecode, BeforeValidator(_teams)] = Field(
        parse_teams(DEFAULT_TEAMS), description="teams, as names or slug=Name"
    )
    edit_window: Annotated[timedelta, BeforeValidator(parse_duration)] = Field(
        timedelta(days=7), description="how long an answer can be changed"
    )
    test_distinct_ids: Annotated[frozenset[str], NoDecode, BeforeValidator(_split)] = Field(
        frozenset(), description="whose answers are tests and leave every number"
    )
    privacy_url: WebAddress | None = Field(None, description="what happens with an answer")
    support_url: Annotated[str, BeforeValidator(_contact_address)] | None = Field(
        None, description="where a customer turns whose problem is not solved"
    )
    ticket_url: Annotated[str, BeforeValidator(_ticket_pattern)] | None = Field(
        None, description="address of a ticket, with {ticket_id}"
    )

    @model_validator(mode="after")
    def _signing_needs_a_secret(self) -> "Settings":
        if self.require_signed_links and not self.link_secret:
            raise ValueError("CSAT_REQUIRE_SIGNED_LINKS needs CSAT_LINK_SECRET")
        return self

    @model_validator(mode="after")
    def _questions_differ(self) -> "Settings":
        if self.rating_question_id == self.comment_question_id:
            raise ValueError(
                "CSAT_RATING_QUESTION_ID and CSAT_COMMENT_QUESTION_ID are the same; an event "
                "could then hold only one of the two answers"
            )
        return self

    @property
    def event_survey_id(self) -> str:
        """The survey id that our own events carry."""
        return self.survey_id or DEFAULT_SURVEY_ID

    @property
    def link_secrets(self) -> tuple[str, ...]:
        """The secrets of signed links in clear; none while links are unsigned."""
        return tuple(secret.get_secret_value() for secret in self.link_secret)

    def require_secret_key(self) -> str:
        """The site's own secret; raises SettingsError where it is not set."""
        if self.secret_key is None:
            raise SettingsError(
                "CSAT_SECRET_KEY is not set. Make one with\n"
                "  python -c 'import secrets; print(secrets.token_urlsafe(32))'\n"
                "and keep it: every process of the site needs the same one."
            )
        return self.secret_key.get_secret_value()


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()


def is_secret(field: str) -> bool:
    """Whether a setting's value must never be shown."""
    return SecretStr in _inner_types(Settings.model_fields[field].annotation)


def _inner_types(annotation: object) -> set[object]:
    found = {annotation}
    for inner in get_args(annotation):
        found |= _inner_types(inner)
    return found


def load_settings() -> Settings:
    """Settings from the environment and `.env`; raises SettingsError that names every bad one."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(detail) for detail in error.errors())) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the file .env cannot be read: {error}") from None


def _explain(detail: Any) -> str:
    problem = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return str(problem)
    field, given = str(detail["loc"][0]), str(detail["input"])
    # An address can hold a password, which then stands before an @.
    shown = "" if is_secret(field) or "@" in given else f" (it is {given!r})"
    return f"{variable(field)}: {problem}{shown}"
