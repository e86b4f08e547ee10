"""The hand-over after an erasure: a mail to those who do what no program of ours can do."""

import hashlib
import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from survey.delivery.answer import printable
from survey.messages.mails import enqueue_mail, make_message_id
from survey.settings import Settings
from survey.store.database import Database
from survey.store.person_deletions import Proof, read_proof
from survey.tickets import link_ticket

SUBJECT = "A person was erased from the survey: what is left to do"
# The rest is counted.
MOST_TICKETS = 50
# No help desk has longer numbers.
_LONGEST_TICKET = 20
_WIDTH = 78


@dataclass(frozen=True)
class HandOver:
    """What the mail tells. `asked_at` is when PostHog was asked, None if it could not be."""

    pseudonym: str
    at: datetime
    confirmed_by: str
    counts: Mapping[str, int]
    asked_at: datetime | None
    tickets: Sequence[str]


def queue_handover(
    database: Database, settings: Settings, pseudonym: str, tickets: Sequence[str], now: datetime
) -> None:
    """Put the mail about an erased person into the outbox, for each of CSAT_ERASURE_RECIPIENTS who
    has not got it: it has one Message-ID for all of them. An erasure that found more since then
    has another one."""
    if not settings.erasure_recipients:
        return
    with database.writing() as connection:
        proof = read_proof(connection, pseudonym)
        key = _make_key(pseudonym, proof.counts)
        text = compose_text(_gather(pseudonym, proof, tickets, now), settings)
        for address in dict.fromkeys(settings.erasure_recipients):
            message = EmailMessage()
            message["Subject"] = SUBJECT
            message["From"] = settings.mail_from
            message["To"] = address
            message["Date"] = format_datetime(now)
            message["Message-ID"] = make_message_id(key, settings)
            # Programs that answer mails by themselves leave out those that a program has sent.
            message["Auto-Submitted"] = "auto-generated"
            message.set_content(text)
            enqueue_mail(
                connection,
                key=f"{key}:{address}",
                recipient=address,
                message=message,
                now=now,
                again=False,
            )


def compose_text(hand_over: HandOver, settings: Settings) -> str:
    """Return the text of the mail. It has nothing by which the person is known, and none of their
    words."""
    at = hand_over.at.astimezone(settings.timezone)
    paragraphs = [
        f"A person was erased from the satisfaction survey on {at:%Y-%m-%d at %H:%M} "
        f"({settings.timezone}). It was confirmed by {printable(hand_over.confirmed_by)}.",
        f"What they gave is kept under {hand_over.pseudonym}, without identity and words; their "
        "ratings still count.",
        f"Erased: {_describe_counts(hand_over.counts)}.",
    ]
    parts = [
        *(_wrap(each) for each in paragraphs),
        _list_tickets(hand_over.tickets, settings),
        "What is left for people to do:",
        *(_wrap(f"- {each}", "  ") for each in _list_tasks(hand_over, settings)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _make_key(pseudonym: str, counts: str) -> str:
    return f"erasure:{pseudonym}:{hashlib.sha256(counts.encode()).hexdigest()[:16]}"


def _gather(pseudonym: str, proof: Proof, tickets: Sequence[str], now: datetime) -> HandOver:
    return HandOver(
        pseudonym=pseudonym,
        # An event may be of later than now, and its erasure is then, too.
        at=min(proof.erased_at, now),
        confirmed_by=proof.confirmed_by,
        counts=json.loads(proof.counts),
        asked_at=proof.requested_at,
        tickets=tickets,
    )


def _describe_counts(counts: Mapping[str, int]) -> str:
    parts = [f"{kind.replace('_', ' ')} {count:,}" for kind, count in counts.items() if count]
    return ", ".join(parts) or "nothing was found here"


def _list_tickets(tickets: Sequence[str], settings: Settings) -> str:
    """Return the person's tickets, one a line. The id of a ticket comes from a link, which anybody
    can write: one that is no number may name the person."""
    numbers = sorted({each for each in tickets if _is_number(each)}, key=int)
    shown = [
        f"  {number}  {link_ticket(number, settings.ticket_url) or ''}".rstrip()
        for number in numbers[:MOST_TICKETS]
    ]
    left_out = len(set(tickets)) - len(shown)
    more = [f"  and {left_out:,} more"] if left_out and shown else []
    if not tickets:
        return ""
    head = f"Their tickets, {len(set(tickets)):,}:" if shown else f"Their tickets: {left_out:,}."
    return "\n".join([head, *shown, *more])


def _is_number(ticket_id: str) -> bool:
    return ticket_id.isascii() and ticket_id.isdigit() and len(ticket_id) <= _LONGEST_TICKET


def _list_tasks(hand_over: HandOver, settings: Settings) -> list[str]:
    return [
        "Zendesk: the tickets and their author are as they were. Delete or redact them there, if "
        "that was asked for.",
        _describe_posthog(hand_over, settings),
        "Export files: what was exported from PostHog, or taken from the reports' pages, still has "
        "the person. Whoever keeps such files deletes them.",
        "Backups: those from before still have the person. After restoring one, erase again "
        "everybody who was erased since (docs/privacy.md).",
        "Mailboxes and chats: alerts and reports that were sent before may quote the person.",
    ]


def _describe_posthog(hand_over: HandOver, settings: Settings) -> str:
    if hand_over.asked_at is None:
        return (
            "PostHog: it was not asked to delete the person, and `csat erase` said why. Run it "
            "again when that is mended, or delete the person there by hand, with all events."
        )
    day = hand_over.asked_at.astimezone(settings.timezone)
    return (
        f"PostHog: it was asked on {day:%Y-%m-%d} to delete the person with all events, which it "
        "does off-peak, days later. `csat tick` follows it up: nothing to do."
    )


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
