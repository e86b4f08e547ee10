"""The settings on which counting depends: one object for the site, the store, the caches and the
pipeline. Pure.

Code that stores what was derived from answers stores a fingerprint of these rules with it, and
derives it again if the fingerprint has changed. A setting that changes counts is added only here:
every fingerprint includes it, unless its field says that it does not matter there.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from survey.pseudonyms import is_pseudonym, key_id, pseudonyms_of
from survey.settings import Settings

# The version of docs/rules.md. A release that counts differently has another version.
VERSION = 1


class Derived(StrEnum):
    """A kind of data that is derived from answers and stored."""

    # The answers read from events, in the cache of export files.
    ANSWERS = "answers"
    # The table `responses` of the store. A void changes it at once.
    RESPONSES = "responses"
    # The counts of months, in the cache of export files.
    COUNTS = "counts"
    # The months that the donation ledger has counted. Secrets come and go, so that a close keeps
    # their names apart from all other rules, and testers without the pseudonyms that secrets make.
    CLOSES = "closes"


def _irrelevant_to(*derived: Derived) -> dict[str, Any]:
    return {"irrelevant_to": frozenset(derived)}


@dataclass(frozen=True, kw_only=True)
class CountingRules:
    """The settings that decide over counts, and the void tickets."""

    # The ids of the questions name the properties of an event that hold rating and comment.
    rating_question_id: str = field(metadata=_irrelevant_to(Derived.RESPONSES, Derived.CLOSES))
    comment_question_id: str = field(metadata=_irrelevant_to(Derived.RESPONSES, Derived.CLOSES))
    # Answers to other surveys do not count; None where there are no others.
    survey_id: str | None
    edit_window: timedelta = field(metadata=_irrelevant_to(Derived.ANSWERS))
    # Where months begin and end.
    timezone: ZoneInfo = field(
        metadata=_irrelevant_to(Derived.ANSWERS, Derived.RESPONSES, Derived.CLOSES)
    )
    test_distinct_ids: frozenset[str] = field(metadata=_irrelevant_to(Derived.ANSWERS))
    void_tickets: frozenset[str] = field(
        default=frozenset(),
        metadata=_irrelevant_to(Derived.ANSWERS, Derived.RESPONSES, Derived.CLOSES),
    )
    # A ticket whose valid answers are all unverified does not count from this instant on, the first
    # of the configured month. None where they all count.
    unverified_excluded_from: datetime | None = field(
        default=None, metadata=_irrelevant_to(Derived.ANSWERS)
    )
    # The secrets that verify what an event proves, and under which pseudonyms are found again. None
    # where none is configured: then events are believed.
    secrets: tuple[str, ...] = field(
        default=(), repr=False, metadata=_irrelevant_to(Derived.ANSWERS, Derived.CLOSES)
    )
    version: int = VERSION

    @classmethod
    def of(cls, settings: Settings, void_tickets: Collection[str] = ()) -> Self:
        """Return the rules as configured, with the tickets that are void."""
        excluded_from = settings.unverified_excluded_from
        return cls(
            rating_question_id=settings.rating_question_id,
            comment_question_id=settings.comment_question_id,
            survey_id=settings.survey_id,
            edit_window=settings.edit_window,
            timezone=settings.timezone,
            test_distinct_ids=tester_ids(settings),
            void_tickets=frozenset(void_tickets),
            unverified_excluded_from=excluded_from.bounds(settings.timezone)[0]
            if excluded_from
            else None,
            secrets=settings.proof_secrets,
        )

    def with_voids(self, void_tickets: Collection[str]) -> Self:
        """Return these rules with other void tickets."""
        return replace(self, void_tickets=frozenset(void_tickets))

    def without_secrets(self) -> Self:
        """Return these rules without what must not leave this machine. Only answers for which
        secrets do not matter can be decided by them."""
        return replace(self, secrets=())

    def fingerprint(self, derived: Derived) -> str:
        """Return a digest of the rules that matter to what was derived. Nobody's distinct_id can be
        read from it."""
        relevant = [
            (each.name, _text(self._shown(each.name, derived)))
            for each in fields(self)
            if derived not in each.metadata.get("irrelevant_to", ())
        ]
        return hashlib.sha256(repr(relevant).encode()).hexdigest()

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of the secrets, from which nobody can tell them."""
        return frozenset(map(key_id, self.secrets))

    def _shown(self, name: str, derived: Derived) -> object:
        """Return what a fingerprint says of a field."""
        if name == "secrets":
            return self.secret_names
        if name == "test_distinct_ids" and derived is Derived.CLOSES:
            return frozenset(each for each in self.test_distinct_ids if not is_pseudonym(each))
        return getattr(self, name)


def tester_ids(settings: Settings) -> frozenset[str]:
    """Return the ids of testers, and what stands for them once they were erased."""
    return _with_pseudonyms(settings.test_distinct_ids, settings.secret_keys)


# The site makes its rules anew for each commit.
@lru_cache(maxsize=8)
def _with_pseudonyms(ids: frozenset[str], secrets: tuple[str, ...]) -> frozenset[str]:
    return ids.union(*(pseudonyms_of(each, secrets) for each in ids))


def _text(value: object) -> str:
    return repr(sorted(value)) if isinstance(value, frozenset) else repr(str(value))
