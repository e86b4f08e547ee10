"""Counts: what every report derives from, and how answers became responses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from pipeline.answers import UUID, sort_by_ticket, ticket_ids
from pipeline.events import AnswerLookup, Comment
from pipeline.invitations import InvitationCounts
from pipeline.partitions import Array
from pipeline.proofs import judge_trust
from pipeline.schemas import (
    COMMENT_COUNTS,
    COMMENTS,
    COUNTS,
    DESCRIBED,
    OUTCOMES,
    QUALITY,
    RECEIVED,
    RESPONSES,
    check,
)
from pipeline.stuffing import DailyCounts
from survey.counting_rules import CountingRules
from survey.erasures import Erasures
from survey.months import Month
from survey.rules import Answer
from survey.vocabulary import TRUST_ORDER, Outcome


@dataclass(frozen=True)
class Totals:
    """The totals of a source: how many answers it received, and the counts of every month
    (`schemas.COUNTS`)."""

    received: int
    counts: pd.DataFrame


@dataclass(frozen=True)
class MonthPart:
    """What the report of a month needs of one part of the tickets.

    - `counts` (`schemas.COUNTS`) and `comment_counts` (`schemas.COMMENT_COUNTS`): of every month
      from the one asked for.
    - `commented` (`schemas.DESCRIBED`): the responses that have a comment, of the month, or of all
      these months where some of the comments were erased.
    - `quality` (`schemas.QUALITY`): what became of the month's answers.
    """

    counts: pd.DataFrame
    comment_counts: pd.DataFrame
    commented: pd.DataFrame
    quality: pd.DataFrame


@dataclass(frozen=True)
class MonthCounts:
    """What the report of a month needs: as `MonthPart`, of all tickets, with the comments
    themselves (`schemas.COMMENTS`), and with the invitations and the counts of days, which only the
    store knows."""

    counts: pd.DataFrame
    comment_counts: pd.DataFrame
    comments: pd.DataFrame
    quality: pd.DataFrame
    invitations: InvitationCounts | None = None
    daily: DailyCounts | None = None


def count_totals(decided: pd.DataFrame, timezone: tzinfo) -> Totals:
    """Return the totals of decided answers (`schemas.DECIDED`)."""
    return Totals(len(decided), count_responses(derive_responses(decided, timezone)))


@dataclass(frozen=True)
class MonthQuery:
    """What the report of a month asks for: the month, and the counts of the months since another.
    `has_erasures` says whether comments may have been erased."""

    month: Month
    since: Month
    has_erasures: bool = False


def count_month_part(decided: pd.DataFrame, query: MonthQuery, timezone: tzinfo) -> MonthPart:
    """Count a month from decided answers (`schemas.DECIDED`), and the months since another."""
    responses = derive_responses(decided, timezone)
    responses = responses[responses["answered_at"] >= query.since.opens_at(timezone)]
    commented = responses[responses["has_comment"]]
    comment_counts = count_comments(commented)
    if not query.has_erasures:
        commented = commented[commented["month"] == str(query.month)]
    return MonthPart(
        counts=count_responses(responses),
        comment_counts=comment_counts,
        commented=describe_latest(commented, decided),
        quality=count_outcomes(decided, query.month, timezone),
    )


def describe_latest(responses: pd.DataFrame, decided: pd.DataFrame) -> pd.DataFrame:
    """Return responses (`schemas.RESPONSES`) with what says more of their latest answer
    (`schemas.DESCRIBED`). `decided` are the answers that they were derived from."""
    places, wanted = (_number_places(each) for each in (decided, responses))
    is_wanted = np.isin(places, wanted)
    found = decided.loc[is_wanted, [*UUID, "person", "proof", "answered_at"]]
    latest = found.set_axis(places[is_wanted]).loc[wanted].set_axis(responses.index)
    described = responses.join(latest.rename(columns={"answered_at": "given_at"}))
    return check(described, DESCRIBED)


def _number_places(answers: pd.DataFrame) -> Array:
    """Return a number for the file and the row of each answer."""
    file, row = (answers[name].to_numpy().astype(np.int64) for name in ("file", "row"))
    return file << 32 | row


def add_totals(parts: Sequence[Totals]) -> Totals:
    """Return the totals of answers from those of parts that share no ticket."""
    counts = _sum([part.counts for part in parts], "responses")
    return Totals(sum(part.received for part in parts), frame_counts(counts))


# Parts that come from other processes have other categories.
_TEXTS = {"team": "str", "ticket_text": "str", "uuid_text": "str", "month": "str"}


def join_month_parts(
    parts: Sequence[MonthPart],
    lookup: AnswerLookup,
    month: Month,
    rules: CountingRules,
    erasures: Erasures,
) -> MonthCounts:
    """Join the parts of a month, which share no ticket, and look the comments up. Those that were
    erased are neither shown nor counted."""
    quality = pd.concat([part.quality for part in parts]).groupby("reason")["answers"].sum()
    commented = pd.concat([part.commented.astype(_TEXTS) for part in parts], ignore_index=True)
    comment_counts = frame_comment_counts(_sum([p.comment_counts for p in parts], "comments"))
    comments = pd.Series(lookup.look_up_comments(commented), commented.index, dtype="object")
    if erasures:
        commented = commented[~_are_erased(commented, comments, erasures)]
        comment_counts = count_comments(commented)
        commented = commented[commented["month"] == str(month)]
    return MonthCounts(
        counts=frame_counts(_sum([part.counts for part in parts], "responses")),
        comment_counts=comment_counts,
        comments=describe_responses(commented, comments[commented.index].to_list(), rules),
        quality=frame_quality({str(reason): int(answers) for reason, answers in quality.items()}),
    )


def _are_erased(
    commented: pd.DataFrame, comments: Iterable[Comment], erasures: Erasures
) -> pd.Series:
    """Return of which responses (`schemas.DESCRIBED`) the comments were erased."""
    answers = zip(
        ticket_ids(commented), commented["person"], commented["given_at"], comments, strict=True
    )
    are_erased = [
        erasures.hides_words(
            Answer(
                uuid="",
                ticket_id=ticket_id,
                distinct_id=person,
                rating=None,
                comment=None,
                team="",
                answered_at=given_at.to_pydatetime(),
            ),
            comment.user_id,
        )
        for ticket_id, person, given_at, comment in answers
    ]
    return pd.Series(are_erased, commented.index, dtype="bool")


def subtract_counts(counts: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """Return counts (`schemas.COUNTS`) without those of some of their tickets; rows may be 0."""
    return _sum([counts, taken.assign(responses=-taken["responses"])], "responses")


def _sum(counts: Sequence[pd.DataFrame], what: str) -> pd.DataFrame:
    """Return counts added up where all other columns are equal."""
    together = pd.concat(counts)
    keys = [name for name in together.columns if name != what]
    return together.groupby(keys)[[what]].sum().reset_index()


# What a response takes of its first answer, and what of its latest.
_OF_FIRST = ["ticket", "ticket_text", "team", "answered_at"]
_OF_LATEST = ["rating", "trust", "has_comment", "row", "file"]


def derive_responses(decided: pd.DataFrame, timezone: tzinfo) -> pd.DataFrame:
    """Derive the responses: one row per ticket, with time and team of its first answer, and the
    rest of its latest.

    Takes `schemas.DECIDED`, gives `schemas.RESPONSES`.
    """
    first = decided.loc[decided["outcome"] == Outcome.RESPONSE, [*_OF_FIRST, *_OF_LATEST]]
    edits = sort_by_ticket(decided[decided["outcome"] == Outcome.EDIT])
    last_edits = edits.drop_duplicates("ticket", keep="last")[["ticket", *_OF_LATEST]]
    is_edited = first["ticket"].isin(last_edits["ticket"])
    edited = first.loc[is_edited, _OF_FIRST].merge(last_edits, on="ticket")
    responses = pd.concat([first[~is_edited], edited], ignore_index=True)
    responses["month"] = months_of(responses["answered_at"], timezone)
    return check(responses[list(RESPONSES.columns)], RESPONSES)


def months_of(instants: pd.Series, timezone: tzinfo) -> pd.Series:
    """Return the month of each instant as a calendar in `timezone` shows it: `YYYY-MM`, categories
    in the order of time."""
    if instants.empty:
        return pd.Series(pd.Categorical([]), instants.index)
    months = [Month.of(instants.min(), timezone)]
    last = Month.of(instants.max(), timezone)
    while months[-1] < last:
        months.append(months[-1].shift(1))
    ends = pd.to_datetime([month.bounds(timezone)[1] for month in months]).as_unit("us")
    codes = ends.searchsorted(instants, side="right").astype(np.int32)
    names = pd.CategoricalDtype([str(month) for month in months])
    return pd.Series(pd.Categorical.from_codes(codes, dtype=names), instants.index)


def describe_responses(
    responses: pd.DataFrame, comments: Sequence[Comment], rules: CountingRules
) -> pd.DataFrame:
    """Return responses (`schemas.DESCRIBED`) for people to read, with these comments, by time and
    ticket.

    Gives `schemas.COMMENTS`.
    """
    described = pd.DataFrame(
        {
            "ticket_id": ticket_ids(responses),
            "team": responses["team"].astype("str"),
            "rating": responses["rating"].astype("int64"),
            "comment": pd.Series([each.text for each in comments], responses.index, dtype="str"),
            "answered_at": responses["answered_at"],
            "link_trust": judge_trust(responses, rules).map(TRUST_ORDER.__getitem__).astype("str"),
            "language": pd.Series(
                [each.language or "" for each in comments], responses.index, dtype="str"
            ),
        }
    )
    return frame_comments(described)


def frame_comments(described: pd.DataFrame) -> pd.DataFrame:
    """Return comments in their order, checked (`schemas.COMMENTS`)."""
    return check(described.sort_values(["answered_at", "ticket_id"], ignore_index=True), COMMENTS)


def count_responses(responses: pd.DataFrame) -> pd.DataFrame:
    """Return responses per month, team and rating (`schemas.COUNTS`)."""
    keys = ["month", "team", "rating"]
    return frame_counts(responses.groupby(keys, observed=True).size().reset_index(name="responses"))


def frame_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Return counts in their order and types, checked (`schemas.COUNTS`)."""
    ordered = counts.sort_values(["month", "team", "rating"], ignore_index=True)
    types = {"month": "str", "team": "str", "rating": "int64", "responses": "int64"}
    return check(ordered.astype(types)[list(types)], COUNTS)


def count_comments(commented: pd.DataFrame) -> pd.DataFrame:
    """Return responses with a comment per month and team (`schemas.COMMENT_COUNTS`)."""
    keys = ["month", "team"]
    sizes = commented.groupby(keys, observed=True).size()
    return frame_comment_counts(sizes.reset_index(name="comments"))


def frame_comment_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Return counts of comments in their order and types, checked (`schemas.COMMENT_COUNTS`)."""
    ordered = counts.sort_values(["month", "team"], ignore_index=True)
    types = {"month": "str", "team": "str", "comments": "int64"}
    return check(ordered.astype(types)[list(types)], COMMENT_COUNTS)


def count_outcomes(decided: pd.DataFrame, month: Month, timezone: tzinfo) -> pd.DataFrame:
    """`reason, answers` for the answers of one month, each in the month of its own time.

    Rows: `received`, then every outcome, also those that did not occur; `received` is the sum
    of the others.
    """
    opens_at, closes_at = month.bounds(timezone)
    is_of_month = decided["answered_at"].between(opens_at, closes_at, inclusive="left")
    return frame_quality(decided.loc[is_of_month, "outcome"].value_counts().to_dict())


def frame_quality(by_outcome: Mapping[Any, int]) -> pd.DataFrame:
    """Return how many answers had each outcome, as `schemas.QUALITY`."""
    reasons = list(OUTCOMES.categories)
    answers = [int(by_outcome.get(reason, 0)) for reason in reasons]
    quality = pd.DataFrame({"reason": [RECEIVED, *reasons], "answers": [sum(answers), *answers]})
    return check(quality.astype({"reason": "str", "answers": "int64"}), QUALITY)
