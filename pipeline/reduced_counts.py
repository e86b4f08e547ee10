"""From reduced answers to counts: the rules, and what a report takes of their result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.column_rules import (
    NO_TICKET,
    OUTCOMES,
    Columns,
    Decided,
    decide_columns,
    months_of_instants,
    to_microseconds,
)
from pipeline.copies import Weigh, find_copies
from pipeline.counts import frame_comment_counts, frame_counts, frame_quality
from pipeline.parts import Array
from pipeline.reduced import numbers, split_ticket
from survey.counting_rules import CountingRules
from survey.store.vocabulary import TRUST_ORDER

# What makes a difference between copies of one event, besides their time.
_DECISIVE = ("ticket", "ticket_text", "person", "team", "rating", "trust")
_DECISIVE_FLAGS = ("is_other_survey", "has_comment")


@dataclass(frozen=True)
class DecidedAnswers:
    """Reduced answers (`reduced.SCHEMA`), and what became of them."""

    answers: pa.Table
    decided: Decided
    timezone: tzinfo

    def count_responses(self, since: str = "") -> pd.DataFrame:
        """`schemas.COUNTS` of every month, or of those since one."""
        return frame_counts(self._count("responses", since, self._ratings()))

    def count_comments(self, since: str) -> pd.DataFrame:
        """`schemas.COMMENT_COUNTS` of the months since one."""
        counts = self._count("comments", since, None, self._has_comment())
        return frame_comment_counts(counts)

    def count_outcomes(self, month: str) -> pd.DataFrame:
        """`schemas.QUALITY` of one month."""
        place, months = months_of_instants(numbers(self.answers, "answered_at"), self.timezone)
        of_month = place == (months.index(month) if month in months else -1)
        found = np.bincount(self.decided.outcome[of_month], minlength=len(OUTCOMES))
        return frame_quality({o.value: int(n) for o, n in zip(OUTCOMES, found, strict=True)})

    def find_commented(self, month: str) -> tuple[Array, Array]:
        """The places of the first and of the latest answers of a month's responses that have a
        comment."""
        place, months = self._months()
        of_month = place == (months.index(month) if month in months else -1)
        chosen = of_month & self._has_comment()
        return self.decided.first[chosen], self.decided.latest[chosen]

    def _months(self) -> tuple[Array, list[str]]:
        began = numbers(self.answers, "answered_at")[self.decided.first]
        return months_of_instants(began, self.timezone)

    def _ratings(self) -> Array:
        return numbers(self.answers, "rating")[self.decided.latest]

    def _has_comment(self) -> Array:
        return numbers(self.answers, "has_comment")[self.decided.latest]

    def _count(
        self, what: str, since: str, ratings: Array | None, chosen: Array | None = None
    ) -> pd.DataFrame:
        """How many responses there are of each month, team and, if given, rating."""
        place, months = self._months()
        team, teams = team_codes(self.answers)
        of_rating = np.zeros(len(place), np.int64) if ratings is None else ratings
        shape = (max(len(months), 1), max(len(teams), 1), 6)
        cells = np.ravel_multi_index((place, team[self.decided.first], of_rating), shape)
        found = np.bincount(cells if chosen is None else cells[chosen])
        some = np.flatnonzero(found)
        month, slug, rating = np.unravel_index(some, shape)
        frame = pd.DataFrame(
            {
                "month": pd.Series([months[i] for i in month], dtype="str"),
                "team": pd.Series([teams[i] for i in slug], dtype="str"),
                "rating": rating,
                what: found[some],
            }
        )
        return frame[frame["month"] >= since]


def find_duplicates(
    answers: pa.Table, weigh: Weigh, comments_between: tuple[datetime, datetime] | None = None
) -> Array:
    """Which reduced answers are copies that do not count (rule 1 of docs/rules.md).

    `weigh` is asked about copies that differ in anything that matters; the comments themselves
    matter where an answer was given in `comments_between`.
    """
    high, low = _uuids(answers)
    at, has_comment = numbers(answers, "answered_at"), numbers(answers, "has_comment")
    columns = [answers.column(name) for name in (*_DECISIVE, *_DECISIVE_FLAGS)]
    if comments_between is not None:
        opens, closes = (to_microseconds(end) for end in comments_between)
        is_shown = has_comment & (at >= opens) & (at <= closes)
        columns.append(pa.chunked_array([np.where(is_shown, np.arange(len(at)), -1)]))
    return find_copies(high, low, at, columns, weigh)


def decide_reduced(answers: pa.Table, is_duplicate: Array, rules: CountingRules) -> DecidedAnswers:
    """Apply the other rules of docs/rules.md to reduced answers: all that there are of the
    tickets that they are for."""
    high, low = _uuids(answers)
    tickets, voids = _tickets(answers, rules.void_tickets)
    testers = pa.array(sorted(rules.test_distinct_ids), pa.string())
    decided = decide_columns(
        Columns(
            uuid_high=high,
            uuid_low=low,
            answered_at=numbers(answers, "answered_at"),
            ticket=tickets,
            person=answers.column("person"),
            rating=numbers(answers, "rating"),
            trust=numbers(answers, "trust"),
            is_duplicate=is_duplicate,
            is_other_survey=numbers(answers, "is_other_survey"),
            is_test=pc.is_in(answers.column("person"), testers).to_numpy(),
            is_void=np.isin(tickets, voids),
        ),
        rules.edit_window,
    )
    return DecidedAnswers(answers, decided, rules.timezone)


def describe_responses(
    answers: pa.Table, first: Array, latest: Array, comments: Sequence[str | None], month: str
) -> pd.DataFrame:
    """Responses of one month, given by their first and latest answers, as `schemas.RESPONSES`."""
    began, ended = answers.take(pa.array(first)), answers.take(pa.array(latest))
    words = [trust.value for trust in TRUST_ORDER]
    columns: dict[str, Any] = {
        "ticket_id": _ticket_ids(began),
        "team": began.column("team").cast(pa.string()).to_pylist(),
        "rating": ended.column("rating").to_pylist(),
        "comment": list(comments),
        "answered_at": pd.to_datetime(began.column("answered_at").to_numpy(), unit="us", utc=True),
        "link_trust": [words[rank] for rank in ended.column("trust").to_pylist()],
        "month": [month] * len(first),
    }
    texts = dict.fromkeys(("ticket_id", "team", "comment", "link_trust", "month"), "str")
    types = {**texts, "rating": "Int64", "answered_at": "datetime64[us, UTC]"}
    return pd.DataFrame(columns).astype(types)


def team_codes(answers: pa.Table) -> tuple[Array, list[str]]:
    """A number for the team of each answer, and the teams in the order of the numbers."""
    column = answers.column("team").combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no chunk at all
        return np.empty(0, np.int32), []
    return np.asarray(column.indices), column.dictionary.to_pylist()


def _uuids(answers: pa.Table) -> tuple[Array, Array]:
    """Numbers in the order of the uuids as texts."""
    high, low = numbers(answers, "uuid_high"), numbers(answers, "uuid_low")
    odd = answers.column("odd_uuid")
    if odd.null_count == len(odd):
        return high, low
    texts = [
        text or _format_uuid(int(h) << 64 | int(lo))
        for text, h, lo in zip(odd.to_pylist(), high, low, strict=True)
    ]
    ranks = pd.factorize(pd.Series(texts, dtype="str"), sort=True)[0]
    return np.zeros(len(texts), np.uint64), ranks.astype(np.uint64)


def _format_uuid(number: int) -> str:
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _tickets(answers: pa.Table, void_tickets: frozenset[str]) -> tuple[Array, Array]:
    """A number for each ticket, NO_TICKET for none, and the numbers of the void ones."""
    codes = numbers(answers, "ticket")
    texts = answers.column("ticket_text")
    words: dict[str, int] = {}
    if texts.null_count < len(texts):
        encoded = texts.combine_chunks().dictionary_encode()
        words = {text: NO_TICKET - 1 - i for i, text in enumerate(encoded.dictionary.to_pylist())}
        has_words = np.asarray(encoded.is_valid())
        of_words = NO_TICKET - 1 - encoded.indices.fill_null(0).to_numpy().astype(np.int64)
        codes = np.where(has_words, of_words, codes)
    voids = [split_ticket(ticket) for ticket in void_tickets]
    found = [words.get(text, NO_TICKET) if text is not None else n for n, text in voids]
    return codes, np.array([code for code in found if code != NO_TICKET], np.int64)


def _ticket_ids(answers: pa.Table) -> list[str]:
    texts, codes = answers.column("ticket_text").to_pylist(), answers.column("ticket").to_pylist()
    return [str(code) if text is None else text for text, code in zip(texts, codes, strict=True)]
