"""The link in the mail: functions that read, build, sign and check it. Pure."""

import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from survey.pseudonyms import is_pseudonym, is_same_person
from survey.scale import parse_rating
from survey.settings import Settings
from survey.teams import slugify_team
from survey.vocabulary import LONGEST_VALUE, Trust

# Links that the predecessor sent keep working; the canonical name wins where both stand.
ALIASES = {"distinct_id": "userId", "ticketId": "ticket_id", "team": "ticketTeam"}

OUR_PARAMETERS = (
    *("distinct_id", "ticketId", "team", "rating", "lang", "initialTargetArea", "sig"),
    *ALIASES.values(),
    "satisfaction",
)

# A ticket number that went through a spreadsheet or a JSON number comes back as 42.0.
_WHOLE_NUMBER = re.compile(r"(-?\d+)\.0+", re.ASCII)


class LinkError(ValueError):
    """A link that cannot be used; the message says why, without showing its values."""


class MissingTicket(LinkError):
    """The error that a link has no ticket, so that an answer could belong to nothing."""


def normalise_ticket(text: str) -> str | None:
    """Return the ticket that a text names: trimmed, `42.0` as `42`; blank is none."""
    text = text.strip()
    match = _WHOLE_NUMBER.fullmatch(text)
    return (match[1] if match else text) or None


def person_of(distinct_id: str | None, ticket_id: str) -> str:
    """Return who answers: the distinct_id, or a stand-in for the ticket where a link has none."""
    return distinct_id if distinct_id and distinct_id.strip() else anonymous_person(ticket_id)


def anonymous_person(ticket_id: str) -> str:
    """Return the stand-in for the person of a ticket whose link names nobody."""
    return f"ticket:{ticket_id}"


@dataclass(frozen=True)
class Link:
    """A survey link. `raw_ticket` and `raw_team` stand as written: so a signature covers them."""

    distinct_id: str
    raw_ticket: str
    raw_team: str
    ticket_id: str
    rating: int | None = None
    language: str | None = None
    initial_target_area: str | None = None
    signature: str | None = None

    @property
    def team(self) -> str:
        """The team's slug."""
        return slugify_team(self.raw_team)

    @property
    def person(self) -> str:
        """The distinct_id under which an answer through this link is kept."""
        return person_of(self.distinct_id, self.ticket_id)

    def parameters(self) -> dict[str, str]:
        """Return the link's parameters under their canonical names, without the preselected
        rating."""
        named = {
            "distinct_id": self.distinct_id,
            "ticketId": self.raw_ticket,
            "team": self.raw_team,
            "lang": self.language,
            "initialTargetArea": self.initial_target_area,
            "sig": self.signature,
        }
        return {name: value for name, value in named.items() if value}


def parse_link(parameters: Mapping[str, str]) -> Link:
    """Return the link that these URL parameters make; those that are not ours are ignored.

    Raises LinkError for a parameter of ours that is over 200 characters or holds control
    characters, or names an erased person, MissingTicket where no ticket is named.
    """
    for name in OUR_PARAMETERS:
        if name in parameters:
            check_value(name, parameters[name])
    distinct_id = _value(parameters, "distinct_id")
    if is_pseudonym(distinct_id.strip()):
        # Nobody has such an id, and who sends it wants to be taken for an erased person.
        raise LinkError("distinct_id is that of an erased person")
    raw_ticket = _value(parameters, "ticketId")
    ticket_id = normalise_ticket(raw_ticket)
    if ticket_id is None:
        raise MissingTicket("the link names no ticket")
    return Link(
        distinct_id=distinct_id,
        raw_ticket=raw_ticket,
        raw_team=_value(parameters, "team"),
        ticket_id=ticket_id,
        rating=_preselected_rating(parameters),
        language=_value(parameters, "lang") or None,
        initial_target_area=_value(parameters, "initialTargetArea") or None,
        signature=_value(parameters, "sig") or None,
    )


def check_value(name: str, value: str) -> None:
    """Raise LinkError for a value that no link of ours can carry."""
    if len(value) > LONGEST_VALUE:
        raise LinkError(f"{name} is longer than {LONGEST_VALUE} characters")
    if value.isprintable():
        return  # so it holds neither of the two
    # Cc: control characters. Cs: halves of a surrogate pair, which no encoding can carry.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise LinkError(f"{name} holds control characters")


def _value(parameters: Mapping[str, str], name: str) -> str:
    """Return a parameter as written, under its canonical name or else its alias; blank is
    missing."""
    for candidate in (name, ALIASES.get(name, name)):
        value = parameters.get(candidate, "")
        if value.strip():
            return value
    return ""


def _preselected_rating(parameters: Mapping[str, str]) -> int | None:
    rating = parameters.get("rating", "")
    if rating.strip():
        return parse_rating(rating)
    index = parameters.get("satisfaction", "").strip()
    return int(index) + 1 if re.fullmatch("[0-4]", index, re.ASCII) else None


def sign_link(link: Link, secret: str) -> str:
    """Return the signature of a link's values: lower-case hex HMAC-SHA256 (docs/rules.md)."""
    values = [link.distinct_id, link.raw_ticket, link.raw_team]
    signed = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def judge_link(link: Link, secrets: Sequence[str]) -> Trust | None:
    """Return how far a link can be trusted; None if its signature is wrong.

    Without secrets there is nothing to check a signature against, so it is not looked at.
    """
    if not secrets or link.signature is None:
        return Trust.UNVERIFIED
    given = link.signature.encode()
    matches = [hmac.compare_digest(sign_link(link, secret).encode(), given) for secret in secrets]
    return Trust.SIGNED if any(matches) else None


def judge_requester(
    link: Link, trust: Trust, requester: str | None, secrets: Sequence[str]
) -> Trust:
    """Return how far a link can be trusted when its ticket is looked at, too: an unsigned link with
    the distinct_id of the ticket's requester is `known`. `requester` is that of a ticket that the
    help desk told us of, or a pseudonym under one of the `secrets`; None if there is none."""
    is_known = (
        trust is Trust.UNVERIFIED
        and requester is not None
        and is_same_person(link.distinct_id, requester, secrets)
    )
    return Trust.KNOWN if is_known else trust


def build_url(base_url: str, link: Link) -> str:
    """Return the address that a mail carries for a link."""
    parameters = link.parameters()
    if link.rating is not None:
        parameters["rating"] = str(link.rating)
    return f"{base_url}/?{urlencode(parameters, quote_via=quote)}"


def make_link(parameters: Mapping[str, str], settings: Settings) -> str:
    """Return the address for these link parameters, signed if the settings have a secret. Raise
    LinkError for wrong parameters."""
    link = parse_link(parameters)
    if settings.link_secrets:
        link = replace(link, signature=sign_link(link, settings.link_secrets[0]))
    return build_url(settings.base_url, link)
