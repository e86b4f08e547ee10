"""The tables: of answers, of the responses derived from them, of the outbox, and others."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    and_,
    func,
    literal_column,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from survey.vocabulary import LONGEST_VALUE


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored in UTC to the microsecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return a time in UTC. Raise ValueError for a naive time, whose instant is unknown."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return a time in UTC. SQLite returns it without its time zone, which was UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of all tables. The names of constraints are fixed, so that migrations can use
    them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UtcDateTime, str: Text}


class Origin(StrEnum):
    """The source of an answer."""

    SITE = "site"
    IMPORT = "import"


# An index of PostgreSQL cannot hold texts of any length, and an import may bring a `distinct_id` of
# any length.
_INDEXED = text(f"rating IS NOT NULL AND length(distinct_id) <= {LONGEST_VALUE}")


class AnswerRow(Base):
    """One submitted form, as it was received. Rows are only added, except for copies of an imported
    event: a copy that counts replaces another, which is moved to `answer_copies`.

    `uuid` is also that of the answer's event. The site makes it from the content and the person
    (`survey.receive`); because it is unique, a double click makes only one answer.
    `ticket_id` and `rating` are missing only if an imported answer had none; the questions, as the
    customer saw them, are missing for every imported answer. Only an imported answer has
    `survey_id`, if its event named one, and the event's `properties` as canonical JSON. Of copies
    of one event with the same time, the one with the greatest `properties` counts.

    `erased_at` is set where identity and words are gone: `distinct_id` is then a pseudonym
    (`survey.pseudonyms`), and an imported event's `properties` are those that counting needs.
    """

    __tablename__ = "answers"
    # These indexes find the few answers that decide over a ticket, however many it has.
    __table_args__ = (
        Index(None, "ticket_id", "source", "answered_at"),
        Index(
            "ix_answers_of_person",
            "ticket_id",
            "distinct_id",
            "link_trust",
            "answered_at",
            sqlite_where=_INDEXED,
            postgresql_where=_INDEXED,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str]
    ticket_id: Mapped[str | None]
    distinct_id: Mapped[str]
    rating: Mapped[int | None]
    comment: Mapped[str | None]
    team: Mapped[str]
    answered_at: Mapped[datetime] = mapped_column(index=True)
    link_trust: Mapped[str]
    initial_target_area: Mapped[str | None]
    language: Mapped[str | None]
    rating_question: Mapped[str | None]
    comment_question: Mapped[str | None]
    survey_id: Mapped[str | None]
    properties: Mapped[str | None]
    erased_at: Mapped[datetime | None]


def is_indexed(table: type[AnswerRow]) -> ColumnElement[bool]:
    """Return the condition of `ix_answers_of_person`, in the same form: a database uses the index
    only for this form."""
    longest: ColumnElement[int] = literal_column(str(LONGEST_VALUE))
    return and_(table.rating.is_not(None), func.length(table.distinct_id) <= longest)


class AnswerCopyRow(Base):
    """A copy of an imported event that does not count, because another copy of it does.

    The copy that counts is in `answers` under the same uuid. `fingerprint` is a digest of all that
    was received, so that the same copy is stored only once.
    """

    __tablename__ = "answer_copies"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    uuid: Mapped[str] = mapped_column(index=True)
    ticket_id: Mapped[str | None]
    distinct_id: Mapped[str]
    rating: Mapped[int | None]
    comment: Mapped[str | None]
    team: Mapped[str]
    answered_at: Mapped[datetime] = mapped_column(index=True)
    link_trust: Mapped[str]
    survey_id: Mapped[str | None]
    properties: Mapped[str]
    erased_at: Mapped[datetime | None]


_COMMENTED = text("comment IS NOT NULL")


class ResponseRow(Base):
    """The response of a ticket: one row per ticket, derived from its answers by `survey.rules`.

    `answered_at` is the time of the person's first answer, which fixes the month;
    `submission_id` is the same in all events of the response; `language` is that of the page on
    which the customer gave the latest answer, None if it is not known.
    """

    __tablename__ = "responses"
    # The month's count on the thank-you page and the counts of a report read only these indexes.
    __table_args__ = (
        Index(None, "answered_at", "team", "rating"),
        Index(
            "ix_responses_commented",
            "answered_at",
            "team",
            sqlite_where=_COMMENTED,
            postgresql_where=_COMMENTED,
        ),
    )

    ticket_id: Mapped[str] = mapped_column(primary_key=True)
    distinct_id: Mapped[str]
    team: Mapped[str]
    rating: Mapped[int]
    comment: Mapped[str | None]
    link_trust: Mapped[str]
    answered_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    submission_id: Mapped[str] = mapped_column(unique=True)
    language: Mapped[str | None]


# Few rows wait and many are delivered, so the indexes for waiting rows hold no others.
_WAITING = text("delivered_at IS NULL AND dead_at IS NULL")
_DELIVERED = text("delivered_at IS NOT NULL")
_DEAD = text("dead_at IS NOT NULL")
_PAGE_VIEWS = text("page_view_uuid IS NOT NULL")


class Channel(StrEnum):
    """The way by which a row of the outbox leaves."""

    POSTHOG = "posthog"
    ALERT_WEBHOOK = "alert_webhook"
    ALERT_MAIL = "alert_mail"
    MAIL = "mail"
    # Invitations to customers, by our own mail.
    INVITATION = "invitation"
    # What goes back to a ticket at Zendesk: tags, notes, the link of an invitation.
    ZENDESK = "zendesk"


class OutboxRow(Base):
    """An event for PostHog, of an answer, with which it is committed, or of a page view; or a
    message to a team.

    `channel` says how it leaves. One of `answer_uuid`, `page_view_uuid` and `message_key` is set.
    All are unique, so that what is sent to the site twice makes one event, and one message is sent
    once. `payload` of an event holds the event (`survey.outbox_payloads`), which is the same on
    every resend. A row waits until `delivered_at` or `dead_at` is set. Until
    `available_at` no worker may claim it: a worker has claimed it already, or it was postponed.
    `last_reason` says why it was not accepted; `error_message` is the receiver's, which may repeat
    the event.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "channel",
            "available_at",
            "id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index(
            "ix_outbox_waiting_ticket",
            "ticket_id",
            "channel",
            "id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index(
            "ix_outbox_delivered",
            "channel",
            "delivered_at",
            sqlite_where=_DELIVERED,
            postgresql_where=_DELIVERED,
        ),
        Index("ix_outbox_dead", "id", sqlite_where=_DEAD, postgresql_where=_DEAD),
        # These count the recent page views, in all and of a ticket.
        Index(
            "ix_outbox_page_views",
            "created_at",
            sqlite_where=_PAGE_VIEWS,
            postgresql_where=_PAGE_VIEWS,
        ),
        Index(
            "ix_outbox_page_views_ticket",
            "ticket_id",
            "created_at",
            sqlite_where=_PAGE_VIEWS,
            postgresql_where=_PAGE_VIEWS,
        ),
        CheckConstraint(
            "(answer_uuid IS NULL) <> (page_view_uuid IS NULL) AND message_key IS NULL"
            " OR answer_uuid IS NULL AND page_view_uuid IS NULL AND message_key IS NOT NULL",
            name="one_origin",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    answer_uuid: Mapped[str | None] = mapped_column(ForeignKey("answers.uuid"), unique=True)
    page_view_uuid: Mapped[str | None] = mapped_column(unique=True)
    message_key: Mapped[str | None] = mapped_column(unique=True)
    channel: Mapped[str] = mapped_column(server_default=Channel.POSTHOG.value)
    ticket_id: Mapped[str]
    payload: Mapped[str]
    created_at: Mapped[datetime]
    available_at: Mapped[datetime]
    last_reason: Mapped[str | None]
    error_message: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]


class OutboxTotalsRow(Base):
    """The numbers of all rows of the outbox ever delivered and of all that became dead letters,
    pruned ones included; one row, with `id` 1."""

    __tablename__ = "outbox_totals"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivered: Mapped[int] = mapped_column(BigInteger)
    dead: Mapped[int] = mapped_column(BigInteger)


class OutboxQuotaRow(Base):
    """Whether PostHog drops events for its quota, and when one event tries again; one row, with
    `id` 1. `dropped_at` is when PostHog said so last; both are NULL while it takes events."""

    __tablename__ = "outbox_quota"

    id: Mapped[int] = mapped_column(primary_key=True)
    dropped_at: Mapped[datetime | None]
    probe_at: Mapped[datetime | None]


class AppliedRulesRow(Base):
    """The fingerprint of the settings by which `responses` were derived; one row, with `id` 1.
    While they are being derived, it is a text that is no fingerprint."""

    __tablename__ = "applied_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]


class VoidRow(Base):
    """A ticket whose answers count nowhere, and why. `submission_id` is that of its earlier
    response, if it had one; the ticket gets it back if it counts again."""

    __tablename__ = "voids"

    ticket_id: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    voided_at: Mapped[datetime]
    submission_id: Mapped[str | None]


class VoidChangeRow(Base):
    """A change of a ticket: it was made void, or counts again (`is_void` false), and why. Rows are
    only added."""

    __tablename__ = "void_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(index=True)
    is_void: Mapped[bool]
    reason: Mapped[str]
    changed_at: Mapped[datetime]


class WriteProbeRow(Base):
    """The data of the last test whether the database can be written; one row, with `id` 1."""

    __tablename__ = "write_probes"

    id: Mapped[int] = mapped_column(primary_key=True)
    padding: Mapped[str]


class DayVersionRow(Base):
    """A version of what was received on a day (in UTC), for caches of what is counted of the day;
    on the day `waits`, of all waits for replies.

    A day's version is the sum over its rows. It grows in each transaction that changes an answer of
    the day, its outcome, or the response that it began (`survey.store.changes`). A transaction
    writes to one `shard` of many, so that on PostgreSQL few have to wait for another.
    """

    __tablename__ = "day_versions"

    day: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)


class PageViewDayRow(Base):
    """How many page views a team had on a day, of the calendar in the time zone of the reports: the
    sum over the `shard`s. The outbox forgets its events; this stays."""

    __tablename__ = "page_view_days"

    day: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    views: Mapped[int] = mapped_column(BigInteger)


class MarkRow(Base):
    """A release or an incident, with its day and a few words, that trends show."""

    __tablename__ = "marks"

    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(index=True)
    words: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class UserRow(Base):
    """Somebody who may sign in to the reports.

    `password_hash` is missing for a user of an OpenID provider, whom `subject` identifies there.
    A session holds the `session_version` that it began with: another one ends it.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password_hash: Mapped[str | None]
    subject: Mapped[str | None] = mapped_column(unique=True)
    is_enabled: Mapped[bool]
    session_version: Mapped[int]
    created_at: Mapped[datetime]


class AuditRow(Base):
    """Something that a user did in the reports: who, with which role, what, to what, when. Rows
    are only added."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    user_name: Mapped[str]
    role: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]


_CLOSES = text("kind = 'close'")


class LedgerEntryRow(Base):
    """An entry of the donation ledger (`survey.ledger.LedgerEntry`), as texts and whole numbers.

    Rows are only added: triggers of the database refuse everything else.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        # A month is closed once.
        Index(
            "ix_ledger_entries_closes",
            "month",
            unique=True,
            sqlite_where=_CLOSES,
            postgresql_where=_CLOSES,
        ),
    )

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    month: Mapped[str] = mapped_column(index=True)
    recorded_at: Mapped[str]
    recorded_by: Mapped[str]
    original_month: Mapped[str | None]
    ticket_id: Mapped[str | None]
    reason: Mapped[str | None]
    hedgehogs: Mapped[int | None] = mapped_column(BigInteger)
    unit_amount: Mapped[str | None]
    currency: Mapped[str | None]
    amount: Mapped[str | None]
    charity: Mapped[str | None]
    charity_reference: Mapped[str | None]
    paid_on: Mapped[str | None]
    payment_reference: Mapped[str | None]
    corrected: Mapped[int | None]
    timezone: Mapped[str | None]
    opens_at: Mapped[str | None]
    closes_at: Mapped[str | None]
    rules: Mapped[str | None]
    newest_answer: Mapped[int | None] = mapped_column(BigInteger)
    tickets_digest: Mapped[str | None]
    # Two entries never follow the same one.
    previous_hash: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[str] = mapped_column(unique=True)


class LedgerTicketsRow(Base):
    """The tickets that a close or an opening counts: `survey.ledger.join_tickets`, compressed by
    zlib. Rows are only added, too."""

    __tablename__ = "ledger_tickets"

    sequence: Mapped[int] = mapped_column(
        ForeignKey("ledger_entries.sequence"), primary_key=True, autoincrement=False
    )
    tickets: Mapped[bytes] = mapped_column(LargeBinary)


class SettledMonthRow(Base):
    """A month of the ledger that agreed with the responses, at this version of its days
    (`survey.store.changes`): as long as the version is the same, nobody has to compare them."""

    __tablename__ = "settled_months"

    month: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)


class TicketRow(Base):
    """A ticket of the help desk: what invitations, trust and response targets need of it.

    `team` is the slug of the group at the time of the solution, `priority` as the help desk has it;
    `plan_by_hand` says that somebody set the plan, which no update changes. `customer` is the keyed
    hash of who asked: of the external id, else of the mail address, which is kept only until the
    invitation was sent. `is_surveyed` is the tag `csat_sent`; `is_excluded` says that the ticket
    has one of the tags that no invitation goes to. `first_seen_at` is when we heard of the ticket
    first, `updated_at` the help desk's time of the newest update.
    """

    __tablename__ = "tickets"
    __table_args__ = (Index(None, "solved_at"),)

    ticket_id: Mapped[str] = mapped_column(primary_key=True)
    requester_external_id: Mapped[str | None]
    requester_email: Mapped[str | None]
    customer: Mapped[str | None] = mapped_column(index=True)
    status: Mapped[str]
    team: Mapped[str]
    priority: Mapped[str | None]
    plan: Mapped[str]
    plan_by_hand: Mapped[bool]
    severity: Mapped[str | None]
    language: Mapped[str | None]
    channel: Mapped[str | None]
    is_surveyed: Mapped[bool]
    is_excluded: Mapped[bool]
    created_at: Mapped[datetime | None]
    solved_at: Mapped[datetime | None]
    reopened_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    first_seen_at: Mapped[datetime]


class ReplyIntervalRow(Base):
    """A time in which a customer waited for a reply: from a metric event `activate` to `fulfill`.

    `instance` is the help desk's number of the interval, 1 for the first reply. `ended_at` is set
    for one that ended without a reply: the ticket was solved, merged or deleted.
    """

    __tablename__ = "reply_intervals"

    ticket_id: Mapped[str] = mapped_column(primary_key=True)
    instance: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    activated_at: Mapped[datetime] = mapped_column(index=True)
    replied_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class InvitationRow(Base):
    """What was decided about asking the customer of a ticket: asked, or why not.

    `outcome` is a `survey.vocabulary.InvitationOutcome`. `solved_at` is the solution that it was
    decided for: a ticket that was not asked and is solved again is decided again. `asked_at` is
    when the invitation went out; `means` is how: `smtp`, `zendesk`, or `tag`, if the help desk
    sent it. Team, plan, language and customer are those of the ticket at that time.
    """

    __tablename__ = "invitations"
    __table_args__ = (Index(None, "customer", "asked_at"),)

    ticket_id: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    means: Mapped[str | None]
    solved_at: Mapped[datetime]
    decided_at: Mapped[datetime] = mapped_column(index=True)
    asked_at: Mapped[datetime | None] = mapped_column(index=True)
    team: Mapped[str]
    plan: Mapped[str]
    language: Mapped[str | None]
    customer: Mapped[str | None]


class UnsubscribedRow(Base):
    """A customer, as a keyed hash, who wants no more invitations."""

    __tablename__ = "unsubscribed"

    customer: Mapped[str] = mapped_column(primary_key=True)
    unsubscribed_at: Mapped[datetime]


class WebhookInvocationRow(Base):
    """A delivery of a webhook that was taken: the same one again changes nothing."""

    __tablename__ = "webhook_invocations"

    invocation_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(index=True)


class ZendeskCursorRow(Base):
    """Where an import from Zendesk goes on, by the name of the stream."""

    __tablename__ = "zendesk_cursors"

    stream: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[str]
    saved_at: Mapped[datetime]


class ErasureRow(Base):
    """A person who was erased: the proof, without the identity.

    `pseudonym` stands for the person everywhere (`survey.pseudonyms`); `key_id` names the secret
    that made it. All that the person gave up to `erased_at` is without identity and words.
    `confirmed_by` is who confirmed what the command asks; `counts` is what was erased, as JSON with
    the number by kind. `person_uuids` are the person's ids at PostHog as JSON, only until PostHog
    has deleted them: it was asked at `requested_at`, and was done at `deleted_at`.
    """

    __tablename__ = "erasures"

    pseudonym: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str]
    erased_at: Mapped[datetime]
    confirmed_by: Mapped[str]
    counts: Mapped[str]
    person_uuids: Mapped[str | None]
    requested_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class RedactionRow(Base):
    """A ticket whose comments were removed: those of answers up to `redacted_at` are gone."""

    __tablename__ = "redactions"

    ticket_id: Mapped[str] = mapped_column(primary_key=True)
    redacted_at: Mapped[datetime]


class RetentionRow(Base):
    """The retention that was applied: what is older than the latest `forgotten_before` is without
    identity and words. `key_id` names the secret that made the pseudonyms; a new secret has a row
    of its own."""

    __tablename__ = "retention"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    forgotten_before: Mapped[datetime]


class ReportFolderRow(Base):
    """A folder that a report was written to: an erasure writes it again. `month` is the report's,
    `source` is where its answers came from."""

    __tablename__ = "report_folders"

    path: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[str]
    source: Mapped[str]
    written_at: Mapped[datetime]


class RateCountRow(Base):
    """How often a key of the rate limits was hit, until its period ends, where
    `CSAT_RATE_LIMIT_STORAGE=database`. The key of a client is a keyed hash."""

    __tablename__ = "rate_counts"

    key: Mapped[str] = mapped_column(primary_key=True)
    hits: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class NetworkDayRow(Base):
    """How many unverified answers a network sent for a team on a day (in UTC): the sum over the
    `shard`s. `network` is a hash under a key of that day alone, so that nobody is recognised on
    another day."""

    __tablename__ = "network_days"

    day: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    answers: Mapped[int] = mapped_column(BigInteger)


class DailyFigureRow(Base):
    """A figure of a day (in UTC), for the operator: the sum over the `shard`s. `name` is a
    `survey.vocabulary.DailyFigure`."""

    __tablename__ = "daily_figures"

    day: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[int] = mapped_column(BigInteger)


class JobRunRow(Base):
    """The last run of a job of `csat tick`: when it began and ended well, and when and why it
    failed last. The reason holds no personal data."""

    __tablename__ = "job_runs"

    job: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    succeeded_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    reason: Mapped[str | None]


class SchemaSupportRow(Base):
    """The oldest schema whose release still works on this database; one row, with `id` 1. So the
    processes of that release go on while others are upgraded, one by one."""

    __tablename__ = "schema_support"

    id: Mapped[int] = mapped_column(primary_key=True)
    oldest: Mapped[str]
