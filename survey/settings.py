"""All settings, read once from the environment and `.env`, checked, and passed on as one object."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, get_args
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from survey.addresses import show_address
from survey.colours import DARK_GROUNDS, LIGHT_GROUNDS, Accents, check_accent, parse_colour
from survey.errors import CsatError
from survey.languages import parse_wording
from survey.recipients import Recipients, parse_address, parse_recipients
from survey.teams import DEFAULT_TEAMS, Team, parse_teams

PREFIX = "CSAT_"

# Events carry these if nothing is configured. They are constants, so that dashboards find them.
DEFAULT_SURVEY_ID = "0192f1a4-6d2e-7c3b-9a58-c5a70000c5a7"
DEFAULT_RATING_QUESTION_ID = "0192f1a4-6d2e-7c3b-9a58-c5a70000fa5e"
DEFAULT_COMMENT_QUESTION_ID = "0192f1a4-6d2e-7c3b-9a58-c5a700007e87"

# Sixteen random letters and digits cannot be guessed; a word can.
SHORTEST_SECRET = 16
MAKE_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
# How PostHog's keys begin.
PROJECT_KEY_PREFIX, PERSONAL_KEY_PREFIX = "phc_", "phx_"

LogFormat = Literal["text", "json"]

LONGEST_DURATION = timedelta(days=3650)

_DURATION_TEXT = re.compile(r"(\d{1,6})(d|h|m|s)", re.ASCII)
_DURATION_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class SettingsError(CsatError):
    """A setting is missing or wrong; the message names it."""


def parse_duration(value: object) -> timedelta:
    """Return a duration written `7d`, `168h`, `30m` or `45s`; raises ValueError for anything
    else."""
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
    """Return a duration in the largest unit that it fills exactly: `(7, "days")`, `(36,
    "hours")`."""
    for unit in ("days", "hours", "minutes"):
        count, rest = divmod(duration, timedelta(**{unit: 1}))
        if not rest:
            return count, unit
    return int(duration.total_seconds()), "seconds"


def format_duration(duration: timedelta) -> str:
    """Return a duration as it is written in settings: `7d`, `36h`."""
    count, unit = split_duration(duration)
    return f"{count}{unit[0]}"


def _split(value: object) -> object:
    """Return a comma-separated text as its parts, without the blank ones."""
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
    if not entries:
        raise ValueError("it names no team")
    if isinstance(value, str) and ";" in value:
        raise ValueError("write a comma between teams, not a semicolon")
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
    """Return an http(s) address without a slash at its end."""
    parts = urlsplit(str(value).strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or not _has_port(parts):
        raise ValueError("write a whole address, for example https://survey.example.com")
    if "@" in parts.netloc:
        raise ValueError("an address must hold no user and no password")
    return str(value).strip().rstrip("/")


def _secret_web_address(value: object) -> object:
    return _web_address(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _has_port(parts: SplitResult) -> bool:
    """Return whether the port is one, if one is given."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _base_address(value: object) -> object:
    """Return a web address to which paths and parameters are added."""
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
    scheme, _, rest = text.partition("://")
    if scheme in ("postgresql", "postgres", "postgresql+psycopg") and _names_database(rest):
        if rest.partition("?")[0].count("@") > 1:
            raise ValueError("write an @ in the user's name or the password as %40")
        return f"postgresql+psycopg://{rest}"
    path = rest.removeprefix("/")
    if scheme != "sqlite" or path in (rest, "", ":memory:") or "?" in path:
        raise ValueError(
            "write it as sqlite:///path/to/file.db or postgresql://user:password@host/database"
        )
    return text


def _names_database(rest: str) -> bool:
    """Return whether what follows the scheme of a server's address names a database and a port."""
    try:
        parts = urlsplit(f"//{rest}")
        return parts.path.strip("/") != "" and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _digits(value: object) -> object:
    text = str(value).strip()
    if re.fullmatch(r"\d{1,18}", text, re.ASCII) is None:
        raise ValueError("write it in digits, as it stands in the addresses of PostHog's pages")
    return text


def _not_blank(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise ValueError("it is blank")
    return value.strip() if isinstance(value, str) else value


def _accent(value: object) -> object:
    colour = parse_colour(str(value))
    check_accent(colour, LIGHT_GROUNDS, "light")
    return colour


def _accent_dark(value: object) -> object:
    colour = parse_colour(str(value))
    check_accent(colour, DARK_GROUNDS, "dark")
    return colour


def _wording(value: object) -> object:
    return parse_wording(value) if isinstance(value, str) else value


def _recipients(value: object) -> object:
    return parse_recipients(value) if isinstance(value, str) else value


def _mail_address(value: object) -> object:
    return parse_address(str(value))


def _addresses(value: object) -> object:
    entries: Any = _split(value)
    return tuple(dict.fromkeys(map(parse_address, entries)))


def _smtp_url(value: object) -> object:
    """Return the address of a mail server; what stands in it is read by `survey.mail.smtp`."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value).strip()
    parts = urlsplit(text)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not _has_port(parts):
        raise ValueError("write it as smtp://user:password@host:port or smtps://…")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("write nothing behind the port; write / ? # in a password as %2F %3F %23")
    return text


def _day_of_month(value: object) -> object:
    text = str(value).strip()
    # Every month has a day 28.
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 28:
        raise ValueError("write a day from 1 to 28")
    return int(text)


def _secret_key(value: object) -> object:
    text = _not_blank(value)
    if isinstance(text, str) and len(text) < SHORTEST_SECRET:
        raise ValueError(
            f"it has fewer than {SHORTEST_SECRET} characters, so it can be guessed; make one with "
            f"{MAKE_SECRET}"
        )
    return text


def _key_without(prefix: str, reason: str) -> BeforeValidator:
    """Return a key that is refused where it begins like one of another kind."""

    def check(value: object) -> object:
        text = _not_blank(value)
        if isinstance(text, str) and text.startswith(prefix):
            raise ValueError(reason)
        return text

    return BeforeValidator(check)


Text = Annotated[str, BeforeValidator(_not_blank)]
WebAddress = Annotated[str, BeforeValidator(_web_address)]
BaseAddress = Annotated[str, BeforeValidator(_base_address)]
Secret = Annotated[SecretStr, BeforeValidator(_not_blank)]
SecretKey = Annotated[SecretStr, BeforeValidator(_secret_key)]
ProjectKey = Annotated[
    SecretStr,
    _key_without(
        PERSONAL_KEY_PREFIX,
        "this is a personal API key, which would be sent with every event; write the project "
        "API key, which begins with phc_, and make a new personal key if this one was used",
    ),
]
PersonalKey = Annotated[
    SecretStr,
    _key_without(
        PROJECT_KEY_PREFIX,
        "this is a project API key, which can only send; make a personal API key, which "
        "begins with phx_, with the scope query:read",
    ),
]
MailAddress = Annotated[str, BeforeValidator(_mail_address)]
AddressesByTeam = Annotated[Recipients, NoDecode, BeforeValidator(_recipients)]
# A text by language; languages that it leaves out have our own.
Wording = Annotated[Mapping[str, str], NoDecode, BeforeValidator(_wording)]


class Settings(BaseSettings):
    """All settings. Each one's environment variable is `CSAT_` and its name in upper case."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: Annotated[str, BeforeValidator(_database_url)] = Field(
        # The address may hold a password.
        "sqlite:///var/csat.db",
        description="where answers are stored",
        repr=False,
    )
    base_url: BaseAddress = Field(
        "http://127.0.0.1:8000", description="the survey page's own address, for links"
    )
    secret_key: SecretKey | None = Field(
        None, description="signs what the site hands out for later; 16 random characters or more"
    )
    link_secret: Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_secrets)] = Field(
        (), description="signs survey links: the first one signs, all of them verify"
    )
    require_signed_links: bool = Field(False, description="refuse links without a signature")
    posthog_host: BaseAddress = Field(
        "https://us.i.posthog.com", description="where events are sent"
    )
    posthog_key: ProjectKey | None = Field(
        None, description="project API key; without it events wait in the outbox"
    )
    posthog_app_host: BaseAddress | None = Field(
        None, description="where PostHog is asked; without it the region's that events are sent to"
    )
    posthog_project_id: Annotated[str, BeforeValidator(_digits)] | None = Field(
        None, description="number of the project at PostHog, to ask what it has"
    )
    posthog_personal_key: PersonalKey | None = Field(
        None, description="personal API key with the scope query:read, to ask what it has"
    )
    survey_id: Text | None = Field(None, description="id of the survey at PostHog")
    survey_name: Text = Field("Customer satisfaction score (CSAT)", description="its name")
    rating_question_id: Text = Field(
        DEFAULT_RATING_QUESTION_ID, description="id of its rating question"
    )
    comment_question_id: Text = Field(
        DEFAULT_COMMENT_QUESTION_ID, description="id of its comment question"
    )
    name: Text | None = Field(None, description="whose survey it is, shown above the question")
    accent: Annotated[str, BeforeValidator(_accent)] = Field(
        "#a83f0b", description="the page's one colour, as #rrggbb"
    )
    accent_dark: Annotated[str, BeforeValidator(_accent_dark)] | None = Field(
        None, description="the same on dark pages; without it a lighter shade"
    )
    rating_question: Wording = Field(
        {}, description="the rating question, as text|de=Text|fr=…; without it our own"
    )
    comment_question: Wording = Field({}, description="the comment question, likewise")
    timezone: Annotated[ZoneInfo, BeforeValidator(_timezone)] = Field(
        ZoneInfo("Europe/London"), description="in which months begin and end"
    )
    teams: Annotated[tuple[Team, ...], NoDecode, BeforeValidator(_teams)] = Field(
        parse_teams(DEFAULT_TEAMS), description="teams, as names or slug=Name"
    )
    outbox_retention: Annotated[timedelta, BeforeValidator(parse_duration)] = Field(
        timedelta(days=30), description="how long delivered events are kept"
    )
    metrics_token: Secret | None = Field(
        None, description="bearer token for /metrics; without it there is no such page"
    )
    log_format: LogFormat = Field("text", description="how the log is written: text or json")
    log_requests: bool = Field(True, description="whether each request is a line in the log")
    edit_window: Annotated[timedelta, BeforeValidator(parse_duration)] = Field(
        timedelta(days=7), description="how long an answer can be changed"
    )
    test_distinct_ids: Annotated[frozenset[str], NoDecode, BeforeValidator(_split)] = Field(
        frozenset(), description="whose answers are tests and leave every number"
    )
    thanks_text: Wording = Field(
        {}, description="a sentence of your own on the thank-you page, likewise"
    )
    privacy_url: WebAddress | None = Field(None, description="what happens with an answer")
    support_url: Annotated[str, BeforeValidator(_contact_address)] | None = Field(
        None, description="where a customer turns whose problem is not solved"
    )
    charity_name: Text | None = Field(
        None, description="who feeds the hedgehogs, as customers read it"
    )
    charity_url: WebAddress | None = Field(None, description="the charity's own page")
    ticket_url: Annotated[str, BeforeValidator(_ticket_pattern)] | None = Field(
        None, description="address of a ticket, with {ticket_id}"
    )

    smtp_url: Annotated[SecretStr, BeforeValidator(_smtp_url)] | None = Field(
        None, description="the mail server: smtp://user:password@host:port or smtps://…"
    )
    mail_from: MailAddress | None = Field(None, description="from which address mails are sent")
    report_recipients: AddressesByTeam = Field(
        {}, description="who gets the monthly report, as team=a@x,b@x;all=lead@x"
    )
    report_day: Annotated[int, BeforeValidator(_day_of_month)] | None = Field(
        None, description="day of the next month on which it is sent; without it never"
    )
    close_grace: Annotated[timedelta, BeforeValidator(parse_duration)] = Field(
        timedelta(hours=1), description="how long after its end a month can be closed"
    )
    close_day: Annotated[int, BeforeValidator(_day_of_month)] | None = Field(
        None, description="day of the next month on which it is closed; without it by hand"
    )
    finance_recipients: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_addresses)] = Field(
        (), description="who gets the donation export of a closed month, as a@x,b@x"
    )
    # Whoever knows such an address can post there.
    alert_webhook: Annotated[SecretStr, BeforeValidator(_secret_web_address)] | None = Field(
        None, description="where a low rating is posted, as Slack takes it"
    )
    alert_recipients: AddressesByTeam = Field(
        {}, description="who gets a mail about a low rating, likewise"
    )
    settling_delay: Annotated[timedelta, BeforeValidator(parse_duration)] = Field(
        timedelta(minutes=10), description="how long a low rating waits, in case it is changed"
    )
    oidc_issuer: BaseAddress | None = Field(
        None, description="OpenID provider to sign in with at /reports/"
    )
    oidc_client_id: Text | None = Field(None, description="our client id there")
    oidc_client_secret: Secret | None = Field(None, description="our client secret there")
    oidc_role_claim: Text = Field(
        "csat_role", description="the claim that says lead, finance or admin"
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

    @model_validator(mode="after")
    def _a_link_needs_words(self) -> "Settings":
        if self.charity_url and not self.charity_name:
            raise ValueError("CSAT_CHARITY_URL needs CSAT_CHARITY_NAME, the words of its link")
        return self

    @model_validator(mode="after")
    def _mails_need_a_server(self) -> "Settings":
        named = (self.report_recipients, self.alert_recipients, self.finance_recipients)
        if any(named) and not self.smtp_url:
            raise ValueError(
                "CSAT_REPORT_RECIPIENTS, CSAT_ALERT_RECIPIENTS and CSAT_FINANCE_RECIPIENTS need "
                "CSAT_SMTP_URL"
            )
        if self.smtp_url and not self.mail_from:
            raise ValueError("CSAT_SMTP_URL needs CSAT_MAIL_FROM")
        if self.report_day and not self.report_recipients:
            raise ValueError("CSAT_REPORT_DAY needs CSAT_REPORT_RECIPIENTS")
        return self

    @model_validator(mode="after")
    def _a_provider_needs_a_client(self) -> "Settings":
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret):
            raise ValueError(
                "CSAT_OIDC_ISSUER needs CSAT_OIDC_CLIENT_ID and CSAT_OIDC_CLIENT_SECRET"
            )
        return self

    @property
    def event_survey_id(self) -> str:
        """The survey id that our own events carry."""
        return self.survey_id or DEFAULT_SURVEY_ID

    @cached_property
    def link_secrets(self) -> tuple[str, ...]:
        """The secrets of signed links in clear; none while links are unsigned."""
        return tuple(secret.get_secret_value() for secret in self.link_secret)

    @property
    def accents(self) -> Accents:
        """The accent colour of light pages and of dark ones."""
        return Accents.of(self.accent, self.accent_dark)

    @property
    def posthog_app_address(self) -> str:
        """Where PostHog is asked: not the host that takes events, but that of its pages."""
        # us.i.posthog.com takes the events of us.posthog.com; one's own host may well be both.
        return self.posthog_app_host or self.posthog_host.replace(".i.posthog.com", ".posthog.com")

    def require_posthog_project_id(self) -> str:
        """Return the project to ask about; raises SettingsError where it is not set."""
        if self.posthog_project_id is None:
            raise SettingsError(
                "CSAT_POSTHOG_PROJECT_ID is not set. PostHog shows it in its settings, and in the "
                "address of every page behind /project/."
            )
        return self.posthog_project_id

    def require_posthog_personal_key(self) -> str:
        """Return the key to ask with; raises SettingsError where it is not set."""
        if self.posthog_personal_key is None:
            raise SettingsError(
                "CSAT_POSTHOG_PERSONAL_KEY is not set. Make a personal API key with the scope "
                "query:read in PostHog's settings; the project API key only sends events."
            )
        return self.posthog_personal_key.get_secret_value()

    def require_secret_key(self) -> str:
        """Return the site's own secret; raises SettingsError where it is not set."""
        if self.secret_key is None:
            raise SettingsError(
                f"CSAT_SECRET_KEY is not set. Make one with\n  {MAKE_SECRET}\n"
                "and keep it: every process of the site needs the same one."
            )
        return self.secret_key.get_secret_value()


def variable(field: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + field.upper()


def is_secret(field: str) -> bool:
    """Return whether a setting's value must never be shown."""
    return SecretStr in _inner_types(Settings.model_fields[field].annotation)


def _inner_types(annotation: object) -> set[object]:
    found = {annotation}
    for inner in get_args(annotation):
        found |= _inner_types(inner)
    return found


def load_settings() -> Settings:
    """Return settings from the environment and `.env`; raises SettingsError that names every bad
    one."""
    _check_encoding()
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(
            "\n".join(explain_problem(detail) for detail in error.errors())
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the file .env cannot be read: {error}") from None


def _check_encoding() -> None:
    """Raise SettingsError for a variable whose bytes are no text."""
    for name, value in os.environ.items():
        try:
            value.encode()
        except UnicodeEncodeError:
            if name.startswith(PREFIX):
                raise SettingsError(f"{name}: it is not text in UTF-8") from None


def explain_problem(detail: Any) -> str:
    """Return what is wrong with a setting, from the details of a ValidationError."""
    problem = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return str(problem)
    field, given = str(detail["loc"][0]), str(detail["input"])
    # Of a wrong address nobody can tell which part was meant to be the password.
    is_hidden = is_secret(field) or field == "database_url" or "@" in given
    shown = "" if is_hidden else f" (it is {show_address(given)!r})"
    return f"{variable(field)}: {problem}{shown}"
