"""Section 5 of the contract once more, sentence by sentence, for the tests alone.

Slow and plain on purpose: it shares no code with the two implementations that it checks.
"""

import hashlib
import hmac
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

TRUST = {"signed": 3, "known": 2, "unverified": 1}


@dataclass
class Contract:
    """The settings that section 5 speaks of."""

    timezone: ZoneInfo
    survey_id: str | None = None
    edit_window: timedelta = timedelta(hours=168)
    test_distinct_ids: frozenset[str] = frozenset()
    voids: frozenset[str] = frozenset()
    unverified_excluded_from: str | None = None
    secrets: tuple[str, ...] = ()
    rating_key: str = "$survey_response_R"
    comment_key: str = "$survey_response_C"


@dataclass
class Result:
    """What becomes of each event, in their order; the responses by ticket; the counts."""

    outcomes: list[str]
    responses: dict[str, tuple] = field(default_factory=dict)
    counts: Counter = field(default_factory=Counter)


def count_by_hand(events: Sequence[dict[str, Any]], contract: Contract) -> Result:
    outcomes: list[str | None] = [None] * len(events)
    readings = [read(event, contract) for event in events]

    # 1. An event counts once.
    best: dict[str, int] = {}
    for i, event in enumerate(events):
        j = best.setdefault(event["uuid"], i)
        if is_better_copy(event, events[j], contract):
            best[event["uuid"]] = i
    for i, event in enumerate(events):
        if best[event["uuid"]] != i:
            outcomes[i] = "duplicate"

    for i, reading in enumerate(readings):
        if outcomes[i] is not None:
            continue
        if contract.survey_id is not None and reading["survey_id"] != contract.survey_id:
            outcomes[i] = "other_survey"
        elif reading["ticket"] is None:
            outcomes[i] = "no_ticket"
        elif reading["rating"] is None:
            outcomes[i] = "invalid_rating"
        elif reading["person"] in contract.test_distinct_ids:
            outcomes[i] = "test"
        elif reading["ticket"] in contract.voids:
            outcomes[i] = "void"

    result = Result(outcomes)  # type: ignore[arg-type]
    for ticket in {reading["ticket"] for reading in readings}:
        valid = [
            i
            for i, reading in enumerate(readings)
            if outcomes[i] is None and reading["ticket"] == ticket
        ]
        if not valid:
            continue
        valid.sort(key=lambda i: (readings[i]["at"], events[i]["uuid"]))
        # A ticket with unverified answers alone, whose response would begin in the month or later.
        trusted = [i for i in valid if readings[i]["trust"] != "unverified"]
        begins = month_of(readings[valid[0]]["at"], contract)
        excluded_from = contract.unverified_excluded_from
        if excluded_from is not None and not trusted and begins >= excluded_from:
            for i in valid:
                outcomes[i] = "unverified"
            continue
        # 3. The first of those with the highest trust names the person.
        highest = max(TRUST[readings[i]["trust"]] for i in valid)
        chosen = [i for i in valid if TRUST[readings[i]["trust"]] == highest][0]  # noqa: RUF015
        person = readings[chosen]["person"]
        # 4. The response begins with that person's first valid answer, whatever its trust.
        own = [i for i in valid if is_same(readings[i]["person"], person, contract)]
        first = last = own[0]
        # 5. Up to and including the edit window.
        end = readings[first]["at"] + contract.edit_window
        for i in valid:
            if i not in own:
                outcomes[i] = "other_person"
            elif i == first:
                outcomes[i] = "response"
            elif readings[i]["at"] <= end:
                outcomes[i] = "edit"
                last = i
            else:
                outcomes[i] = "late_change"
        at = readings[first]["at"]
        month = month_of(at, contract)
        team, rating = readings[first]["team"], readings[last]["rating"]
        result.responses[ticket] = (
            *(month, team, rating, readings[last]["comment"], at, readings[last]["trust"]),
            readings[last]["language"],
        )
        result.counts[month, team, rating] += 1
    return result


def month_of(at: datetime, contract: Contract) -> str:
    return at.astimezone(contract.timezone).isoformat()[:7]


def is_better_copy(event: dict[str, Any], other: dict[str, Any], contract: Contract) -> bool:
    if event["timestamp"] != other["timestamp"]:
        return event["timestamp"] < other["timestamp"]
    mine, theirs = (
        json.dumps(e["properties"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        for e in (event, other)
    )
    if mine != theirs:
        return mine > theirs
    return read(event, contract)["person"] > read(other, contract)["person"]


def read(event: dict[str, Any], contract: Contract) -> dict[str, Any]:
    properties = event["properties"]
    ticket = ticket_of(properties.get("ticketId"))
    comment = given(properties, contract.comment_key, "$survey_response_1")
    distinct_id = event["distinct_id"]
    if distinct_id is None or distinct_id.strip() == "":
        distinct_id = f"ticket:{ticket or ''}"
    at: datetime = event["timestamp"]
    return {
        "ticket": ticket,
        "rating": rating_of(given(properties, contract.rating_key, "$survey_response")),
        "comment": comment,
        "team": team_of(given(properties, "team", "ticketTeam")),
        "person": distinct_id,
        "trust": trust_of(event, contract, ticket, distinct_id),
        # That of the comment: where there is none, it says nothing.
        "language": None if comment is None else language_of(properties.get("$survey_language")),
        "survey_id": properties.get("$survey_id"),
        "at": at,
    }


def trust_of(event: dict[str, Any], contract: Contract, ticket: str | None, person: str) -> str:
    """What the event claims, if nobody set a secret, or if it brings the proof."""
    properties = event["properties"]
    claim = properties.get("link_trust")
    if claim not in ("signed", "known"):
        return "unverified"
    rating = rating_of(given(properties, contract.rating_key, "$survey_response"))
    if not contract.secrets:
        return str(claim)
    proofs = [
        proof_by_hand([event["uuid"], ticket, person, str(rating), claim], secret)
        for secret in contract.secrets
    ]
    is_proven = ticket is not None and rating is not None and properties.get("link_proof") in proofs
    return str(claim) if is_proven else "unverified"


def is_same(person: str, other: str, contract: Contract) -> bool:
    """Whether two persons are one: an erased person is one with their pseudonym."""
    pairs = ((person, other), (other, person))
    return person == other or any(
        pseudonym_by_hand(one, secret) == another
        for one, another in pairs
        for secret in contract.secrets
    )


def pseudonym_by_hand(person: str, secret: str) -> str:
    key = hmac.new(secret.encode(), b"pseudonym", hashlib.sha256).digest()
    return "erased:" + hmac.new(key, person.encode(), hashlib.sha256).hexdigest()[:32]


def proof_by_hand(values: list[Any], secret: str) -> str:
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def given(properties: dict[str, Any], *names: str) -> Any:
    for name in names:
        value = properties.get(name)
        if value is not None and str(value).strip() != "":
            return value
    return None


def ticket_of(value: Any) -> str | None:
    if type(value) not in (int, float, str) or value in (math.inf, -math.inf) or value != value:
        return None
    text = str(value).strip()
    whole, point, rest = text.partition(".")
    if point and rest and set(rest) == {"0"} and whole.isdecimal():
        text = whole
    return text if 1 <= len(text) <= 200 else None


def rating_of(value: Any) -> int | None:
    if type(value) in (int, float):
        return {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}.get(value)
    if type(value) is str:
        number, point, zeros = value.strip().partition(".")
        if number in ("1", "2", "3", "4", "5") and (not point or (zeros and not zeros.strip("0"))):
            return int(number)
    return None


def language_of(value: Any) -> str | None:
    return value if type(value) is str and 1 <= len(value) <= 35 else None


def team_of(value: Any) -> str:
    letters = "".join(c if c.isalnum() else " " for c in str(value or "").lower())
    return "_".join(letters.split()) or "unassigned"
