"""All settings, read once from the environment and `.env`, checked, and passed on as one object."""

import os
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from survey.addresses import show_address
from survey.colours import Accents
from survey.errors import CsatError
from survey.setting_values import (
    DEFAULT_PLANS,
    DEFAULT_TARGETS,
    MAKE_SECRET,
    Accent,
    AccentDark,
    AddressesByTeam,
    BaseAddress,
    ContactAddress,
    DatabaseAddress,
    DayOfMonth,
    Digits,
    DistinctIds,
    Duration,
    MailAddress,
    MailAddresses,
    MonthText,
    PersonalKey,
    PlansByPriority,
    ProjectKey,
    Secret,
    SecretKeys,
    Secrets,
    SecretWebAddress,
    SharesByPlan,
    SmtpAddress,
    TargetsByPlan,
    Teams,
    Text,
    Texts,
    TicketAddress,
    Timezone,
    WebAddress,
    Wording,
    parse_plans,
    parse_targets,
)
from survey.teams import DEFAULT_TEAMS, parse_teams

PREFIX = "CSAT_"

# Events carry these if nothing is configured. They are constants, so that dashboards find them.
DEFAULT_SURVEY_ID = "0192f1a4-6d2e-7c3b-9a58-c5a70000c5a7"
DEFAULT_RATING_QUESTION_ID = "0192f1a4-6d2e-7c3b-9a58-c5a70000fa5e"
DEFAULT_COMMENT_QUESTION_ID = "0192f1a4-6d2e-7c3b-9a58-c5a700007e87"


LogFormat = Literal["text", "json"]


class SettingsError(CsatError):
    """A setting is missing or wrong; the message names it."""


class Settings(BaseSettings):
    """All settings. Each one's environment variable is `CSAT_` and its name in upper case."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: DatabaseAddress = Field(
        # The address may hold a password.
        "sqlite:///var/csat.db",
        description="where answers are stored",
        repr=False,
    )
    base_url: BaseAddress = Field(
        "http://127.0.0.1:8000", description="the survey page's own address, for links"
    )
    secret_key: SecretKeys = Field(
        (),
        description="signs what the site hands out for later; 16 random characters or more; the "
        "first one signs, all of them verify",
    )
    link_secret: Secrets = Field(
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
    posthog_project_id: Digits | None = Field(
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
    accent: Accent = Field("#a83f0b", description="the page's one colour, as #rrggbb")
    accent_dark: AccentDark | None = Field(
        None, description="the same on dark pages; without it a lighter shade"
    )
    rating_question: Wording = Field(
        {}, description="the rating question, as text|de=Text|fr=…; without it our own"
    )
    comment_question: Wording = Field({}, description="the comment question, likewise")
    timezone: Timezone = Field(
        ZoneInfo("Europe/London"), description="in which months begin and end"
    )
    teams: Teams = Field(parse_teams(DEFAULT_TEAMS), description="teams, as names or slug=Name")
    outbox_retention: Duration = Field(
        timedelta(days=30), description="how long delivered events are kept"
    )
    metrics_token: Secret | None = Field(
        None, description="bearer token for /metrics; without it there is no such page"
    )
    log_format: LogFormat = Field("text", description="how the log is written: text or json")
    log_requests: bool = Field(True, description="whether each request is a line in the log")
    edit_window: Duration = Field(
        timedelta(days=7), description="how long an answer can be changed"
    )
    test_distinct_ids: DistinctIds = Field(
        frozenset(), description="whose answers are tests and leave every number"
    )
    thanks_text: Wording = Field(
        {}, description="a sentence of your own on the thank-you page, likewise"
    )
    privacy_url: WebAddress | None = Field(None, description="what happens with an answer")
    support_url: ContactAddress | None = Field(
        None, description="where a customer turns whose problem is not solved"
    )
    charity_name: Text | None = Field(
        None, description="who feeds the hedgehogs, as customers read it"
    )
    charity_url: WebAddress | None = Field(None, description="the charity's own page")
    ticket_url: TicketAddress | None = Field(
        None, description="address of a ticket, with {ticket_id}"
    )

    smtp_url: SmtpAddress | None = Field(
        None, description="the mail server: smtp://user:password@host:port or smtps://…"
    )
    mail_from: MailAddress | None = Field(None, description="from which address mails are sent")
    report_recipients: AddressesByTeam = Field(
        {}, description="who gets the monthly report, as team=a@x,b@x;all=lead@x"
    )
    report_day: DayOfMonth | None = Field(
        None, description="day of the next month on which it is sent; without it never"
    )
    close_grace: Duration = Field(
        timedelta(hours=1), description="how long after its end a month can be closed"
    )
    close_day: DayOfMonth | None = Field(
        None, description="day of the next month on which it is closed; without it by hand"
    )
    finance_recipients: MailAddresses = Field(
        (), description="who gets the donation export of a closed month, as a@x,b@x"
    )
    # Whoever knows such an address can post there.
    alert_webhook: SecretWebAddress | None = Field(
        None, description="where a low rating is posted, as Slack takes it"
    )
    alert_recipients: AddressesByTeam = Field(
        {}, description="who gets a mail about a low rating, likewise"
    )
    settling_delay: Duration = Field(
        timedelta(minutes=10), description="how long a low rating waits, in case it is changed"
    )
    zendesk_url: BaseAddress | None = Field(
        None, description="the help desk: https://your-company.zendesk.com"
    )
    zendesk_email: MailAddress | None = Field(
        None, description="of the agent whose API token we use there"
    )
    zendesk_token: Secret | None = Field(None, description="the agent's API token")
    zendesk_webhook_secret: Secret | None = Field(
        None, description="signs what Zendesk's webhook sends; without it no webhook is taken"
    )
    zendesk_plans: PlansByPriority = Field(
        parse_plans(DEFAULT_PLANS), description="a ticket's plan by its priority, as low=paygo,…"
    )
    zendesk_escalated_tag: Text | None = Field(
        None, description="the tag of a ticket that was escalated"
    )
    zendesk_severity_field: Digits | None = Field(
        None, description="number of the ticket field that holds the severity"
    )
    zendesk_link_field: Digits | None = Field(
        None, description="number of the ticket field that takes the survey link"
    )
    zendesk_write_back: Literal["off", "tag", "tag+note"] = Field(
        "off", description="what a rating adds to its ticket: off, tag or tag+note"
    )
    invite: Literal["off", "smtp", "zendesk"] = Field(
        "off", description="who mails invitations: smtp (we do), zendesk, or off"
    )
    invite_sample: SharesByPlan = Field(
        {}, description="how many of a plan's tickets are asked, in per cent, as free=0,paygo=50"
    )
    invite_excluded_tags: Texts = Field(
        (), description="tags of tickets that are not asked about, as spam,test"
    )
    invite_max_age: Duration = Field(
        timedelta(days=14), description="a ticket that was solved longer ago is not asked about"
    )
    survey_delay: Duration = Field(
        timedelta(hours=72), description="how long after its solution a ticket is asked about"
    )
    survey_cooldown: Duration = Field(
        timedelta(days=30), description="how long a customer is asked nothing more"
    )
    targets: TargetsByPlan = Field(
        parse_targets(DEFAULT_TARGETS),
        description="weekday hours in which a plan's customers get a reply, as paygo=72h,…",
    )
    unverified_excluded_from: MonthText | None = Field(
        None, description="the month from which tickets with unverified answers alone do not count"
    )
    retention: Duration | None = Field(
        None, description="after which identities and comments are forgotten; without it never"
    )
    erasure_recipients: MailAddresses = Field(
        (), description="who hears that a person was erased, as a@x,b@x"
    )
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="how many proxies of your own stand before the site"
    )
    rate_limit_client: int = Field(
        300, ge=0, description="answers that one client can send in ten minutes; 0: no limit"
    )
    rate_limit_link: int = Field(
        30, ge=0, description="answers that one link can send in ten minutes; 0: no limit"
    )
    rate_limit_all: int = Field(
        20_000, ge=0, description="answers that all can send in ten minutes; 0: no limit"
    )
    rate_limit_storage: Literal["memory", "database"] = Field(
        "memory", description="where they are counted: memory (of each process) or database"
    )
    stranger_answers_per_ticket: int = Field(
        20, ge=1, description="unverified answers of others than the customer that a ticket takes"
    )
    unverified_tickets_per_day: int = Field(
        20_000, ge=1, description="tickets that unverified answers alone can add on a day"
    )
    backup_path: Text | None = Field(
        None, description="file or folder of the backups, whose age csat doctor looks at"
    )
    sentry_dsn: Secret | None = Field(
        None, description="where errors of the program are reported; without it nowhere"
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
        named = (
            *(self.report_recipients, self.alert_recipients),
            *(self.finance_recipients, self.erasure_recipients),
        )
        if any(named) and not self.smtp_url:
            raise ValueError(
                "CSAT_REPORT_RECIPIENTS, CSAT_ALERT_RECIPIENTS, CSAT_FINANCE_RECIPIENTS and "
                "CSAT_ERASURE_RECIPIENTS need CSAT_SMTP_URL"
            )
        if self.smtp_url and not self.mail_from:
            raise ValueError("CSAT_SMTP_URL needs CSAT_MAIL_FROM")
        if self.report_day and not self.report_recipients:
            raise ValueError("CSAT_REPORT_DAY needs CSAT_REPORT_RECIPIENTS")
        return self

    @model_validator(mode="after")
    def _zendesk_needs_an_agent(self) -> "Settings":
        if self.zendesk_url and not (self.zendesk_email and self.zendesk_token):
            raise ValueError("CSAT_ZENDESK_URL needs CSAT_ZENDESK_EMAIL and CSAT_ZENDESK_TOKEN")
        if self.zendesk_write_back != "off" and not self.zendesk_url:
            raise ValueError("CSAT_ZENDESK_WRITE_BACK needs CSAT_ZENDESK_URL")
        if self.invite == "smtp" and not self.smtp_url:
            raise ValueError("CSAT_INVITE=smtp needs CSAT_SMTP_URL")
        if self.invite == "zendesk" and not (self.zendesk_url and self.zendesk_link_field):
            raise ValueError(
                "CSAT_INVITE=zendesk needs CSAT_ZENDESK_URL and CSAT_ZENDESK_LINK_FIELD"
            )
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

    @cached_property
    def secret_keys(self) -> tuple[str, ...]:
        """The site's own secrets in clear; none where none is set."""
        return tuple(secret.get_secret_value() for secret in self.secret_key)

    @property
    def proof_secrets(self) -> tuple[str, ...]:
        """The secrets under which a proof of an event's link trust verifies; the first one makes
        it. None where none is set."""
        return (*self.link_secrets, *self.secret_keys)

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
        """Return the secret with which the site signs; raises SettingsError where none is set."""
        if not self.secret_key:
            raise SettingsError(
                f"CSAT_SECRET_KEY is not set. Make one with\n  {MAKE_SECRET}\n"
                "and keep it: every process of the site needs the same one."
            )
        return self.secret_keys[0]

    def require_secret_keys(self) -> tuple[str, ...]:
        """Return the secrets under which the site's signatures verify, the one it signs with first;
        raises SettingsError where none is set."""
        self.require_secret_key()
        return self.secret_keys


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
