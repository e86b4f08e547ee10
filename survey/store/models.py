"""The tables. Answers are only ever added; responses are derived from them; the outbox waits."""

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
    """An aware instant, kept in UTC to the microsecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time: nobody could say later which instant it meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite hands back a time without its zone; it was UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Names of constraints are fixed, so that migrations can speak of them."""

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
    """The door through which an answer came."""

    SITE = "site"
    IMPORT = "import"


# An index of PostgreSQL holds no text of any length, and an import may bring a person of any.
_INDEXED = text(f"rating IS NOT NULL AND length(distinct_id) <= {LONGEST_VALUE}")


class AnswerRow(Base):
    """One submitted form, as it was received. Append-only, but for copies of an imported event:
    one that counts instead takes the place of another, which goes to `answer_copies`.

    `uuid` is that of its event, too. On the site it is made from what was submitted and by whom
    (`survey.receive`), so that being unique here makes a double click one answer.
    `ticket_id` and `rating` are missing only where an import brought an answer without; the
    questions, as the customer saw them, are missing for every imported answer. An imported answer
    alone has `survey_id`, if its event named one, and the event's `properties` as canonical JSON.
    Of copies of one event and one time, the one with the greatest counts.
    """

    __tablename__ = "answers"
    # However many answers a ticket has, the few that decide over it are found by these.
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


def is_indexed(table: type[AnswerRow]) -> ColumnElement[bool]:
    """Return the condition of `ix_answers_of_person`, in its words: a database uses it only for
    these."""
    longest: ColumnElement[int] = literal_column(str(LONGEST_VALUE))
    return and_(table.rating.is_not(None), func.length(table.distinct_id) <= longest)


class AnswerCopyRow(Base):
    """A copy of an imported event that does not count, because another copy of it does.

    That one stands in `answers` under the same uuid. `fingerprint` is a digest of all that was
    received, so that the same copy is on record once.
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


_COMMENTED = text("comment IS NOT NULL")


class ResponseRow(Base):
    """What a ticket's answers add up to: one row per ticket, derived by `survey.rules`.

    `answered_at` is the time of the person's first answer, which fixes the month;
    `submission_id` is the same in all events of the response.
    """

    __tablename__ = "responses"
    # The month's count on the thank-you page and the counts of a report read these indexes alone.
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


# Rows that wait are few among many delivered ones, so the indexes that find them hold no others.
_WAITING = text("delivered_at IS NULL AND dead_at IS NULL")
_DELIVERED = text("delivered_at IS NOT NULL")
_DEAD = text("dead_at IS NOT NULL")
_PAGE_VIEWS = text("page_view_uuid IS NOT NULL")


class OutboxRow(Base):
    """An event, until PostHog has accepted it: committed with its answer, or of a page view.

    One of `answer_uuid` and `page_view_uuid` is set; both are unique, so that what is sent to
    the site twice makes one event. `payload` is the event as JSON in ASCII, as it goes over the
    wire, fixed here and the same on every resend. A row waits until `delivered_at` or `dead_at`
    is set. Until `available_at` it is left alone: a worker has claimed it, or PostHog is given
    time. `last_reason` says why it was not accepted, `error_message` is PostHog's, which may repeat
    the event.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "available_at",
            "id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index(
            "ix_outbox_waiting_ticket",
            "ticket_id",
            "id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index(
            "ix_outbox_delivered",
            "delivered_at",
            sqlite_where=_DELIVERED,
            postgresql_where=_DELIVERED,
        ),
        Index("ix_outbox_dead", "id", sqlite_where=_DEAD, postgresql_where=_DEAD),
        # How many page views came of late, in all and of a ticket.
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
        CheckConstraint("(answer_uuid IS NULL) <> (page_view_uuid IS NULL)", name="one_origin"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    answer_uuid: Mapped[str | None] = mapped_column(ForeignKey("answers.uuid"), unique=True)
    page_view_uuid: Mapped[str | None] = mapped_column(unique=True)
    ticket_id: Mapped[str]
    payload: Mapped[str]
    created_at: Mapped[datetime]
    available_at: Mapped[datetime]
    last_reason: Mapped[str | None]
    error_message: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]


class OutboxTotalsRow(Base):
    """How many events were ever delivered, and how many became dead letters, pruned ones included;
    one row, `id` 1."""

    __tablename__ = "outbox_totals"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivered: Mapped[int] = mapped_column(BigInteger)
    dead: Mapped[int] = mapped_column(BigInteger)


class AppliedRulesRow(Base):
    """The settings by which `responses` were derived; one row, with `id` 1. While they are being
    derived, what stands here is the fingerprint of no settings."""

    __tablename__ = "applied_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]


class VoidRow(Base):
    """A ticket whose answers count nowhere, and why. `submission_id` is that of the response which
    it had, if it had one, for the day when it counts again."""

    __tablename__ = "voids"

    ticket_id: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    voided_at: Mapped[datetime]
    submission_id: Mapped[str | None]


class VoidChangeRow(Base):
    """That a ticket was made void, or counts again (`is_void` false), and why. Append-only."""

    __tablename__ = "void_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(index=True)
    is_void: Mapped[bool]
    reason: Mapped[str]
    changed_at: Mapped[datetime]


class WriteProbeRow(Base):
    """What was last written to find out whether the database can be written; one row, `id` 1."""

    __tablename__ = "write_probes"

    id: Mapped[int] = mapped_column(primary_key=True)
    padding: Mapped[str]
