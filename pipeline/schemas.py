"""What each frame holds, checked where it passes from one step to the next."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from survey.errors import CsatError
from survey.scale import RATINGS
from survey.vocabulary import (
    TRUST_ORDER,
    InvitationOutcome,
    Outcome,
    Plan,
    ReplyKind,
    Trust,
)

RECEIVED = "received"
NO_TICKET = -1
OUTCOMES: Any = pd.CategoricalDtype([outcome.value for outcome in Outcome])
MONTH_PATTERN = r"\d{4}-(0[1-9]|1[0-2])"
# The names of periods (`survey.periods`).
PERIOD_PATTERN = rf"{MONTH_PATTERN}|\d{{4}}(-Q[1-4])?|\d{{4}}-\d\d-\d\d\.\.\d{{4}}-\d\d-\d\d"


class CheckFailed(CsatError):
    """A frame that does not hold what its step promises; the message names rows."""


_INSTANT = "datetime64[us, UTC]"
_HIGHEST_TRUST = len(TRUST_ORDER) - 1
_CLAIMED = pa.Check.in_range(-_HIGHEST_TRUST, _HIGHEST_TRUST)

# One row per received answer: what the rules need of it, and where the whole answer stands.
ANSWERS = pa.DataFrameSchema(
    {
        # A uuid is a number in two halves. `uuid_text` has one that is not written as uuids are.
        "uuid_high": pa.Column("uint64"),
        "uuid_low": pa.Column("uint64"),
        "uuid_text": pa.Column("category", nullable=True),
        "answered_at": pa.Column(_INSTANT),
        # Equal where tickets are. A ticket that is no number has a number below NO_TICKET here,
        # and its text in `ticket_text`.
        "ticket": pa.Column("int64"),
        "ticket_text": pa.Column("category", nullable=True),
        "person": pa.Column("str"),
        "team": pa.Column("category"),
        # 0 for none.
        "rating": pa.Column("int8", pa.Check.in_range(0, max(RATINGS))),
        # An index of TRUST_ORDER: the higher, the more the link is trusted. Below 0 where an event
        # claims it, and nobody has judged it yet (`pipeline.proofs`).
        "trust": pa.Column("int8", _CLAIMED),
        # What the event brings as proof of it; 0 for nothing.
        "proof": pa.Column("uint64"),
        "is_other_survey": pa.Column("bool"),
        "has_comment": pa.Column("bool"),
        # The row or line in the file, counted from 1, and the file's index among those read.
        "row": pa.Column("int32"),
        "file": pa.Column("int32"),
    },
    strict=True,
    ordered=True,
    name="answers",
)

# The same rows, with the copies of events that do not count (rule 1).
DEDUPLICATED = ANSWERS.add_columns({"is_duplicate": pa.Column("bool")})
DEDUPLICATED.name = "deduplicated answers"

# The same rows, with what became of each.
DECIDED = DEDUPLICATED.add_columns({"outcome": pa.Column(OUTCOMES)})
DECIDED.name = "decided answers"

# One row per response: ticket, team and time of its first answer, the rest of its latest.
RESPONSES = pa.DataFrameSchema(
    {
        "ticket": pa.Column("int64", unique=True),
        "ticket_text": pa.Column("category", nullable=True),
        "team": pa.Column("category"),
        "answered_at": pa.Column(_INSTANT),
        "month": pa.Column("category"),
        "rating": pa.Column("int8", pa.Check.isin(RATINGS)),
        "trust": pa.Column("int8", _CLAIMED),
        "has_comment": pa.Column("bool"),
        "row": pa.Column("int32"),
        "file": pa.Column("int32"),
    },
    strict=True,
    ordered=True,
    name="responses",
)

# Responses, with what says of their latest answer whether it is trusted and may be shown.
# `given_at` is its own time.
DESCRIBED = RESPONSES.add_columns(
    {
        "uuid_high": pa.Column("uint64"),
        "uuid_low": pa.Column("uint64"),
        "uuid_text": pa.Column("category", nullable=True),
        "person": pa.Column("str"),
        "proof": pa.Column("uint64"),
        "given_at": pa.Column(_INSTANT),
    }
)
DESCRIBED.name = "described responses"

# The responses that have a comment, for people to read. `answered_at` is the first answer's time,
# `language` that of the page on which the comment was written, blank where it is not known.
COMMENTS = pa.DataFrameSchema(
    {
        "ticket_id": pa.Column("str", unique=True),
        "team": pa.Column("str", pa.Check.str_length(min_value=1)),
        "rating": pa.Column("int64", pa.Check.isin(RATINGS)),
        "comment": pa.Column("str"),
        "answered_at": pa.Column(_INSTANT),
        "link_trust": pa.Column("str", pa.Check.isin([trust.value for trust in Trust])),
        "language": pa.Column("str"),
    },
    strict=True,
    ordered=True,
    name="comments",
)

# What every report derives from. Counts of disjoint responses add up.
COUNTS = pa.DataFrameSchema(
    {
        "month": pa.Column("str", pa.Check.str_matches(f"^({PERIOD_PATTERN})$")),
        "team": pa.Column("str", pa.Check.str_length(min_value=1)),
        "rating": pa.Column("int64", pa.Check.isin(RATINGS)),
        "responses": pa.Column("int64", pa.Check.gt(0)),
    },
    strict=True,
    ordered=True,
    unique=["month", "team", "rating"],
    name="counts",
)

# How many responses have a comment.
COMMENT_COUNTS = pa.DataFrameSchema(
    {
        "month": pa.Column("str", pa.Check.str_matches(f"^({PERIOD_PATTERN})$")),
        "team": pa.Column("str", pa.Check.str_length(min_value=1)),
        "comments": pa.Column("int64", pa.Check.gt(0)),
    },
    strict=True,
    ordered=True,
    unique=["month", "team"],
    name="comment counts",
)

# What became of the answers of one month: `received` and every outcome once.
QUALITY = pa.DataFrameSchema(
    {
        "reason": pa.Column(
            "str",
            pa.Check.isin([RECEIVED, *(outcome.value for outcome in Outcome)]),
            unique=True,
        ),
        "answers": pa.Column("int64", pa.Check.ge(0)),
    },
    checks=pa.Check(
        lambda frame: frame["answers"].sum() == 2 * frame["answers"].iloc[0],
        name="received is the sum of the others",
    ),
    strict=True,
    ordered=True,
    name="quality",
)


def _last_row_is_the_sum(frame: pd.DataFrame) -> bool:
    """Return whether the last row of drivers is the sum of the others, in every column of sums."""
    sums = frame[["previous_responses", "responses", "mix_pp", "within_pp", "total_pp"]]
    return frame.empty or bool((2 * sums.iloc[-1] == sums.sum()).all())


# What each team contributed to the change of the total, in points; the row `all` is the last one.
# Percentages and points are `Decimal`, None where nothing can be said.
DRIVERS = pa.DataFrameSchema(
    {
        "month": pa.Column("str", pa.Check.str_length(min_value=1)),
        "team": pa.Column("str", pa.Check.str_length(min_value=1), unique=True),
        "previous_responses": pa.Column("int64", pa.Check.ge(0)),
        "responses": pa.Column("int64", pa.Check.ge(0)),
        "previous_csat_pct": pa.Column("object", nullable=True),
        "csat_pct": pa.Column("object", nullable=True),
        "mix_pp": pa.Column("object"),
        "within_pp": pa.Column("object"),
        "total_pp": pa.Column("object"),
    },
    checks=[
        pa.Check(
            lambda frame: frame["mix_pp"] + frame["within_pp"] == frame["total_pp"],
            name="the total is mix and within",
        ),
        pa.Check(_last_row_is_the_sum, name="the last row is the sum of the others"),
    ],
    strict=True,
    ordered=True,
    name="drivers",
)

# How far each team's CSAT varies by chance alone, period by period. Percentages are `Decimal`, None
# where nothing can be said.
LIMITS = pa.DataFrameSchema(
    {
        "month": pa.Column("str", pa.Check.str_length(min_value=1)),
        "team": pa.Column("str", pa.Check.str_length(min_value=1)),
        "centre_pct": pa.Column("object", nullable=True),
        "lower_pct": pa.Column("object", nullable=True),
        "upper_pct": pa.Column("object", nullable=True),
        "signal": pa.Column("object", pa.Check.isin(["above", "below"]), nullable=True),
    },
    strict=True,
    ordered=True,
    unique=["month", "team"],
    name="control limits",
)

_PLANS = pa.Check.isin([plan.value for plan in Plan])

# Invitations by the period in which they were sent, and how many of them have a response. The
# language is a tag, `pipeline.query.UNKNOWN_LANGUAGE` where it is not known.
INVITED = pa.DataFrameSchema(
    {
        "month": pa.Column("str", pa.Check.str_matches(f"^({PERIOD_PATTERN})$")),
        "team": pa.Column("str", pa.Check.str_length(min_value=1)),
        "plan": pa.Column("str", _PLANS),
        "language": pa.Column("str", pa.Check.str_length(min_value=1)),
        "invitations": pa.Column("int64", pa.Check.gt(0)),
        "answered": pa.Column("int64", pa.Check.ge(0)),
    },
    checks=pa.Check(
        lambda frame: frame["answered"] <= frame["invitations"],
        name="only invitations are answered",
    ),
    strict=True,
    ordered=True,
    name="invited",
)

# Tickets of one period whose customers were not asked, or not yet, and why.
NOT_ASKED = pa.DataFrameSchema(
    {
        "outcome": pa.Column(
            "str", pa.Check.isin([outcome.value for outcome in InvitationOutcome])
        ),
        "team": pa.Column("str", pa.Check.str_length(min_value=1)),
        "plan": pa.Column("str", _PLANS),
        "language": pa.Column("str", pa.Check.str_length(min_value=1)),
        "tickets": pa.Column("int64", pa.Check.gt(0)),
    },
    strict=True,
    ordered=True,
    name="not asked",
)

# Tickets that were solved in one period. Those of an unknown plan have their priority, None for
# none.
SOLVED = pa.DataFrameSchema(
    {
        "team": pa.Column("str", pa.Check.str_length(min_value=1)),
        "plan": pa.Column("str", _PLANS),
        "priority": pa.Column("object", nullable=True),
        "language": pa.Column("str", pa.Check.str_length(min_value=1)),
        "tickets": pa.Column("int64", pa.Check.gt(0)),
    },
    strict=True,
    ordered=True,
    name="solved tickets",
)

# The times in which customers waited for a reply, of one period: `replied_at` is missing where they
# still wait. Teams have their names of tables (`pipeline.metrics.row_name`). The severity is blank
# where it is not given.
WAITS = pa.DataFrameSchema(
    {
        "team": pa.Column("category"),
        "plan": pa.Column("category", pa.Check.isin([plan.value for plan in Plan])),
        "severity": pa.Column("category"),
        "kind": pa.Column("category", pa.Check.isin([kind.value for kind in ReplyKind])),
        "activated_at": pa.Column(_INSTANT),
        "replied_at": pa.Column(_INSTANT, nullable=True),
    },
    strict=True,
    ordered=True,
    name="waits for replies",
)

# The responses of one period, each with the waits for replies that came before it, a row for each.
ANSWERED_WAITS = pa.DataFrameSchema(
    {
        "ticket_id": pa.Column("str"),
        "rating": pa.Column("int64", pa.Check.isin(RATINGS)),
        "plan": pa.Column("category", pa.Check.isin([plan.value for plan in Plan])),
        "activated_at": pa.Column(_INSTANT),
        "replied_at": pa.Column(_INSTANT, nullable=True),
    },
    strict=True,
    ordered=True,
    name="waits of responses",
)


def _is_missing_together(frame: pd.DataFrame) -> bool:
    """Return whether all that needs a target is missing in the same rows."""
    return bool((frame["met"].isna() == frame["breached_open"].isna()).all())


# `targets.csv`: how long customers waited for replies, by team and plan; the row `all` is the last
# one. A plan without a target has neither replies that met it nor any that are overdue. Percentages
# and hours are `Decimal`, None where nothing can be said.
TARGETS = pa.DataFrameSchema(
    {
        "month": pa.Column("str", pa.Check.str_matches(f"^({PERIOD_PATTERN})$")),
        "team": pa.Column("str", pa.Check.str_length(min_value=1)),
        "plan": pa.Column("str", pa.Check.str_length(min_value=1)),
        "replies": pa.Column("int64", pa.Check.ge(0)),
        "met": pa.Column("object", nullable=True),
        "met_pct": pa.Column("object", nullable=True),
        "met_low": pa.Column("object", nullable=True),
        "met_high": pa.Column("object", nullable=True),
        "median_hours": pa.Column("object", nullable=True),
        "p90_hours": pa.Column("object", nullable=True),
        "breached_open": pa.Column("object", nullable=True),
    },
    checks=pa.Check(_is_missing_together, name="a plan has a target or has none"),
    strict=True,
    ordered=True,
    unique=["team", "plan"],
    name="targets",
)

# What `pipeline.words` needs of comments: rating, text, and the tag of a language or nothing.
RATED_COMMENTS = pa.DataFrameSchema(
    {
        "rating": pa.Column("int64", pa.Check.isin(RATINGS)),
        "comment": pa.Column("str"),
        "language": pa.Column(nullable=True),
    },
    name="rated comments",
)

# Words and two-word phrases that mark low ratings. `low_comments` and `other_comments` have the
# phrase; the shares, as `Decimal`, are of all comments of the language with such ratings.
WORDS = pa.DataFrameSchema(
    {
        # None where it is not known.
        "language": pa.Column("object", nullable=True),
        "phrase": pa.Column("str", pa.Check.str_length(min_value=2)),
        "low_comments": pa.Column("int64", pa.Check.gt(0)),
        "other_comments": pa.Column("int64", pa.Check.ge(0)),
        "low_share_pct": pa.Column("object"),
        "other_share_pct": pa.Column("object"),
        "z": pa.Column("float64", pa.Check.gt(0)),
    },
    strict=True,
    ordered=True,
    unique=["language", "phrase"],
    name="words",
)


def check(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return the frame, if it is as the schema says; raises CheckFailed that names column and
    rows."""
    try:
        # In place: no schema changes a value, and a copy of all answers would take their memory.
        return schema.validate(frame, lazy=True, inplace=True)
    except SchemaErrors as error:
        failures: Any = error.failure_cases
        first = failures.head(3).to_dict("records")
        found = "; ".join(
            f"{case['column']}, row {case['index']}: {case['check']} ({case['failure_case']!r})"
            for case in first
        )
        raise CheckFailed(
            f"{schema.name}: {len(failures)} values are not as they must be: {found}"
        ) from None


def frame_rows(rows: Iterable[Mapping[str, object]], schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return rows as a checked frame with the types of the schema; `object` columns keep `Decimal`
    and None as they are."""
    types = {name: column.dtype.type for name, column in schema.columns.items()}
    frame = pd.DataFrame(list(rows), columns=list(types), dtype="object")
    return check(frame.astype(types), schema)
