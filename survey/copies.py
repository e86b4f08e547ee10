"""Copies of one event: which of them counts, and what is new of those that an import brings. Pure.

`pipeline/deduplicate.py` holds the same rule for frames; a property-based test keeps them equal.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from survey.event_values import PropertyKeys, canonical_json, read_answer
from survey.link_proofs import judge_trust
from survey.rules import Answer


@dataclass(frozen=True)
class ImportedAnswer(Answer):
    """An event as an answer. `properties` are those of the event, as canonical JSON; `erased_at` is
    when identity and words were removed, None where they are there."""

    properties: str = ""
    erased_at: datetime | None = None

    @property
    def version(self) -> tuple[datetime, str, str]:
        """The values in which two copies of one event differ."""
        return self.answered_at, self.distinct_id, self.properties

    @property
    def fingerprint(self) -> str:
        """The digest of uuid and version."""
        version = [self.uuid, self.answered_at.isoformat(), self.distinct_id, self.properties]
        return hashlib.sha256(json.dumps(version).encode()).hexdigest()


def import_event(
    uuid: str,
    distinct_id: object,
    answered_at: datetime,
    properties: Mapping[str, Any],
    keys: PropertyKeys,
    secrets: Sequence[str],
) -> ImportedAnswer:
    """Return what an event says as an answer, with its properties. Its trust is what its proof
    shows under one of the secrets; without any secret, what the event claims."""
    answer = read_answer(uuid, distinct_id, answered_at, properties, keys)
    trust = judge_trust(answer, properties.get(keys.proof), secrets)
    return ImportedAnswer(**{**vars(answer), "trust": trust}, properties=canonical_json(properties))


@dataclass(frozen=True)
class StoredAnswer:
    """A stored answer, with the id of its row. An answer that the site received has no copies: the
    site's version is the one that counts."""

    id: int
    answer: ImportedAnswer


@dataclass(frozen=True)
class SortedArrivals:
    """Arrivals, sorted into new answers, answers that take the place of a stored copy, and copies
    that do not count and are not on record. All other arrivals are known."""

    new: list[ImportedAnswer] = field(default_factory=list)
    replacing: list[tuple[StoredAnswer, ImportedAnswer]] = field(default_factory=list)
    copies: list[ImportedAnswer] = field(default_factory=list)


def choose_copy(copies: Sequence[ImportedAnswer]) -> ImportedAnswer:
    """Return the copy that counts: the earliest; of equal times, the one with the greatest
    properties; of equal properties, the one of the greatest person. The order of arrival does not
    decide."""
    earliest = min(copy.answered_at for copy in copies)
    earliest_copies = (copy for copy in copies if copy.answered_at == earliest)
    return max(earliest_copies, key=lambda copy: (copy.properties, copy.distinct_id))


def choose_copies(answers: Iterable[ImportedAnswer]) -> list[ImportedAnswer]:
    """Return the copy of each event that counts."""
    copies: dict[str, list[ImportedAnswer]] = {}
    for answer in answers:
        copies.setdefault(answer.uuid, []).append(answer)
    return [choose_copy(of_event) for of_event in copies.values()]


def find_possible_copies(
    arrivals: Iterable[ImportedAnswer], stored: Mapping[str, StoredAnswer]
) -> list[ImportedAnswer]:
    """Return the arrivals that differ from the stored copy of their event: they may be copies on
    record."""
    return [
        arrival
        for arrival in arrivals
        if (known := stored.get(arrival.uuid)) is not None
        and not known.answer.is_from_site
        and known.answer.version != arrival.version
    ]


def sort_arrivals(
    arrivals: Iterable[ImportedAnswer],
    stored: Mapping[str, StoredAnswer],
    on_record: Collection[str],
) -> SortedArrivals:
    """Sort arrivals, given what is stored under their uuids, and the fingerprints of copies that
    are on record."""
    versions: dict[str, dict[tuple[datetime, str, str], ImportedAnswer]] = {}
    for arrival in arrivals:
        versions.setdefault(arrival.uuid, {}).setdefault(arrival.version, arrival)
    found = SortedArrivals()
    for uuid, by_version in versions.items():
        known = stored.get(uuid)
        if known is None:
            copies = list(by_version.values())
            counting = choose_copy(copies)
            found.new.append(counting)
        elif known.answer.is_from_site:
            continue
        else:
            by_version.pop(known.answer.version, None)
            new = [each for each in by_version.values() if each.fingerprint not in on_record]
            copies = [known.answer, *new]
            counting = choose_copy(copies)
            if counting is not known.answer:
                found.replacing.append((known, counting))
        found.copies.extend(copy for copy in copies if copy is not counting)
    return found
