"""How the values of settings are written, and what is refused. Pure."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from survey.colours import DARK_GROUNDS, LIGHT_GROUNDS, check_accent, parse_colour
from survey.durations import parse_duration
from survey.languages import parse_wording
from survey.months import Month
from survey.recipients import Recipients, parse_address, parse_recipients
from survey.teams import Team, parse_teams
from survey.vocabulary import Plan

# Sixteen random letters and digits cannot be guessed; a word can.
SHORTEST_SECRET = 16
MAKE_SECRET = (  # nosec B105 # how to make one
    "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
)
# How PostHog's keys begin.
PROJECT_KEY_PREFIX, PERSONAL_KEY_PREFIX = "phc_", "phx_"

# The plan by the priority that Zendesk gives a ticket, and what the support handbook promises.
DEFAULT_PLANS = "low=paygo,normal=boost,high=scale,urgent=enterprise"
DEFAULT_TARGETS = "paygo=72h,boost=48h,scale=24h,enterprise=8h"


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
        raise ValueError("write it in digits, as it stands in the address of its page there")
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


def _plans(value: object) -> object:
    return parse_plans(value) if isinstance(value, str) else value


def parse_plans(text: str) -> dict[str, Plan]:
    """Return the plans by priority, from `low=paygo,urgent=enterprise`; raises ValueError."""
    return {priority.lower(): _plan(plan) for priority, plan in _pairs(text, "low=paygo").items()}


def _sample(value: object) -> object:
    if not isinstance(value, str):
        return value
    return {_plan(plan): _percent(share) for plan, share in _pairs(value, "paygo=50").items()}


def _targets(value: object) -> object:
    return parse_targets(value) if isinstance(value, str) else value


def parse_targets(text: str) -> dict[Plan, timedelta]:
    """Return the response target of each plan that has one, from `paygo=72h,boost=48h`; raises
    ValueError."""
    pairs = _pairs(text, "paygo=72h")
    return {_plan(plan): parse_duration(duration) for plan, duration in pairs.items()}


def _pairs(text: str, example: str) -> dict[str, str]:
    """Return a list of `name=value` as a mapping. Raise ValueError for anything else, and for a
    name that stands in it twice."""
    found: dict[str, str] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        name, equals, value = (part.strip() for part in entry.partition("="))
        if not equals or not name or not value:
            raise ValueError(f"{entry!r}: write it like {example}, with commas between")
        if name in found:
            raise ValueError(f"{name!r} stands in it more than once")
        found[name] = value
    return found


def _plan(name: str) -> Plan:
    try:
        return Plan(name.lower())
    except ValueError:
        raise ValueError(f"{name!r} is no plan; the plans are {', '.join(Plan)}") from None


def _percent(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 100:
        raise ValueError(f"{text!r} is no share; write per cent from 0 to 100")
    return int(text)


def _month(value: object) -> object:
    return value if isinstance(value, Month) else Month.parse(str(value).strip())


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


def _secret_keys(value: object) -> object:
    keys: Any = _secrets(value)
    if any(isinstance(key, str) and len(key) < SHORTEST_SECRET for key in keys):
        raise ValueError(
            f"it has fewer than {SHORTEST_SECRET} characters, so it can be guessed; make one with "
            f"{MAKE_SECRET}"
        )
    return keys


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

DatabaseAddress = Annotated[str, BeforeValidator(_database_url)]
Secrets = Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_secrets)]
SecretKeys = Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_secret_keys)]
SecretWebAddress = Annotated[SecretStr, BeforeValidator(_secret_web_address)]
SmtpAddress = Annotated[SecretStr, BeforeValidator(_smtp_url)]
ContactAddress = Annotated[str, BeforeValidator(_contact_address)]
TicketAddress = Annotated[str, BeforeValidator(_ticket_pattern)]
Digits = Annotated[str, BeforeValidator(_digits)]
Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
DistinctIds = Annotated[frozenset[str], NoDecode, BeforeValidator(_split)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
DayOfMonth = Annotated[int, BeforeValidator(_day_of_month)]
MonthText = Annotated[Month, BeforeValidator(_month)]
Timezone = Annotated[ZoneInfo, BeforeValidator(_timezone)]
Teams = Annotated[tuple[Team, ...], NoDecode, BeforeValidator(_teams)]
Accent = Annotated[str, BeforeValidator(_accent)]
AccentDark = Annotated[str, BeforeValidator(_accent_dark)]
MailAddresses = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_addresses)]
PlansByPriority = Annotated[Mapping[str, Plan], NoDecode, BeforeValidator(_plans)]
SharesByPlan = Annotated[Mapping[Plan, int], NoDecode, BeforeValidator(_sample)]
TargetsByPlan = Annotated[Mapping[Plan, timedelta], NoDecode, BeforeValidator(_targets)]
