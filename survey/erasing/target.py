"""What an erasure is about: a person, the comments of a ticket, or all that is too old. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from survey.erasures import Erasures
from survey.event_values import PropertyKeys
from survey.pseudonyms import pseudonyms_of
from survey.zendesk.tickets import hash_customer


class Kind(StrEnum):
    """A kind of what is erased, as the counts name it."""

    ANSWERS = "answers"
    COPIES = "copies"
    RESPONSES = "responses"
    EVENTS = "events"
    PAGE_VIEWS = "page_views"
    REFUSALS = "refusals"
    TICKETS = "tickets"
    WAITING_INVITATIONS = "waiting_invitations"
    INVITATIONS = "invitations"
    REASONS = "reasons"
    AUDIT = "audit"
    MARKS = "marks"


@dataclass(frozen=True)
class Person:
    """A person to erase. `aliases` are the pseudonyms that the same person has got otherwise;
    `customers` are the hashes by which the person is known as a customer."""

    distinct_id: str
    pseudonym: str
    aliases: tuple[str, ...]
    customers: tuple[str, ...]

    @classmethod
    def of(cls, distinct_id: str, pseudonym: str, secrets: Sequence[str]) -> "Person":
        """Return the person with this distinct_id, who gets this pseudonym."""
        others = dict.fromkeys(pseudonyms_of(distinct_id, secrets))
        hashes = (
            hash_customer(external_id, email, secret)
            for secret in secrets
            for external_id, email in ((distinct_id, None), (None, distinct_id))
        )
        return cls(
            distinct_id=distinct_id,
            pseudonym=pseudonym,
            aliases=tuple(each for each in others if each != pseudonym),
            customers=tuple(each for each in hashes if each is not None),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All distinct_ids under which something of the person can be, but the pseudonym."""
        return (self.distinct_id, *self.aliases)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What an erasure is about. `erasures` says what is left of each answer; one of `person`,
    `ticket_id` and `before` says where to look: `before` finds all that is older, from `since` on,
    if that is given.

    `at` is the time of the erasure. `proof_secret` makes the proofs of events that change; None
    where events have none.
    """

    erasures: Erasures
    keys: PropertyKeys
    at: datetime
    proof_secret: str | None
    person: Person | None = None
    ticket_id: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    def resolve(self, distinct_id: str) -> str:
        """Return the name by which the erasures know who this is: another pseudonym of the person
        who is erased is that person."""
        if self.person is not None and distinct_id in self.person.aliases:
            return self.person.pseudonym
        return distinct_id

    def find_pseudonym(self, distinct_id: str | None, at: datetime) -> str | None:
        """Return what stands for a person in something of this time; None if nothing does."""
        if not distinct_id:
            return None
        return self.erasures.find_pseudonym(self.resolve(distinct_id), at)

    def covers(self, at: datetime) -> bool:
        """Return whether what was written at this time is erased, of the person or of all."""
        if self.person is not None:
            return self.erasures.find_pseudonym(self.person.pseudonym, at) is not None
        return self.before is not None and at < self.before
