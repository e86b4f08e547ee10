"""The check of `csat donations verify` that asks PostHog: has it an answer that the store lacks?"""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

from pipeline.commands.reconcile import reconcile_month
from pipeline.donations.checks.difference import LedgerDiffers
from pipeline.donations.ledger import Ledger
from pipeline.donations.verifying import Check
from pipeline.reconcile import Difference, Reason
from pipeline.sources.posthog_client import PostHogClient
from survey.event_values import read_ticket
from survey.months import Month
from survey.settings import Settings
from survey.store.database import Database
from survey.store.ledger import read_entries
from survey.store.responses import find_responses
from survey.store.voids import void_among

# PostHog keeps events for a year on its free plan, and nobody can ask it for how long.
MONTHS_ASKED = 12
_TICKETS_AT_ONCE = 500


def compare_posthog(database: Database, settings: Settings, as_of: datetime) -> Check:
    """Compare the last closed months with what PostHog has of them, as `csat reconcile` does. Raise
    LedgerDiffers for an answer that only PostHog has, whose ticket has no response here: a hedgehog
    may be lost. Other differences that are not explained are warnings. Raise QueryError.
    """
    if settings.posthog_project_id is None or settings.posthog_personal_key is None:
        return Check(
            "posthog",
            "Not asked: CSAT_POSTHOG_PROJECT_ID and CSAT_POSTHOG_PERSONAL_KEY are not both set.",
            {"months": 0},
        )
    with database.reading() as connection:
        months = list(Ledger(read_entries(connection)).closed)[-MONTHS_ASKED:]
    api = PostHogClient(
        settings.posthog_app_address,
        settings.require_posthog_project_id(),
        settings.require_posthog_personal_key(),
    )
    in_both, erased = 0, 0
    warnings = []
    with closing(api):
        for month in months:
            result = reconcile_month(month, settings, database, api, as_of)
            in_both += result.in_both
            erased += sum(each.reason is Reason.ERASED for each in result.differences)
            _require_responses(database, month, result.unexplained)
            if result.unexplained:
                warnings.append(
                    f"{month}: {len(result.unexplained)} differences to PostHog are not explained, "
                    f"and change no hedgehog; `csat reconcile --month {month}` lists them"
                )
    return Check(
        "posthog",
        f"{in_both:,} answers of the last {len(months)} closed months are at PostHog, which has "
        "none that is missing here."
        + (f" {erased:,} were of persons who are erased, and went from there." if erased else ""),
        {"months": len(months), "answers": in_both, "erased": erased},
        tuple(warnings),
    )


def _require_responses(database: Database, month: Month, unexplained: Sequence[Difference]) -> None:
    """Check that answers of which only PostHog knows belong to tickets that have a response here,
    or are void."""
    tickets = [
        ticket_id
        for each in unexplained
        if each.reason is Reason.UNKNOWN and (ticket_id := read_ticket(each.ticket_id))
    ]
    with database.reading() as connection:
        for begin in range(0, len(tickets), _TICKETS_AT_ONCE):
            some = tickets[begin : begin + _TICKETS_AT_ONCE]
            known = find_responses(connection, some).keys() | void_among(connection, some)
            for ticket_id in some:
                if ticket_id not in known:
                    raise LedgerDiffers(
                        f"PostHog has an answer to ticket {ticket_id} of {month}, and the store "
                        "has none: a hedgehog may be lost. `csat import posthog` brings such "
                        "answers in. If somebody else sent it, `csat responses void --force "
                        f"--ticket {ticket_id} --reason …` keeps it out."
                    )
