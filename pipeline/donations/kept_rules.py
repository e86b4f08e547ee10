"""What a close keeps of the rules of counting, to tell later why a count has changed. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from survey.counting_rules import CountingRules, Derived

_SECRETS = "secrets:"


@dataclass(frozen=True)
class KeptRules:
    """The rules of a close: the fingerprint of all but the secrets, the instant from which
    unverified answers alone do not count, if there is one, and a digest of the names of the
    secrets. An older release kept none of secrets, and believed all events."""

    fingerprint: str
    unverified_excluded_from: datetime | None = None
    secrets: str | None = None

    @classmethod
    def of(cls, rules: CountingRules) -> Self:
        """Return what a close by these rules keeps."""
        names = " ".join(sorted(rules.secret_names))
        digest = hashlib.sha256(names.encode()).hexdigest()[:32] if names else None
        return cls(rules.fingerprint(Derived.CLOSES), rules.unverified_excluded_from, digest)

    @classmethod
    def parse(cls, kept: str | None) -> Self:
        """Return what the text in an entry says."""
        fingerprint, *others = (kept or "").split(" ")
        secrets = [each.removeprefix(_SECRETS) for each in others if each.startswith(_SECRETS)]
        since = [each for each in others if not each.startswith(_SECRETS)]
        return cls(
            fingerprint,
            datetime.fromisoformat(since[0]) if since else None,
            secrets[0] if secrets else None,
        )

    def __str__(self) -> str:
        """Return the text that stands in an entry."""
        parts = [self.fingerprint]
        if self.unverified_excluded_from is not None:
            parts.append(self.unverified_excluded_from.isoformat())
        if self.secrets is not None:
            parts.append(f"{_SECRETS}{self.secrets}")
        return " ".join(parts)

    def differ(self, other: Self) -> bool:
        """Return whether any rule differs, besides the secrets."""
        return (self.fingerprint, self.unverified_excluded_from) != (
            other.fingerprint,
            other.unverified_excluded_from,
        )
