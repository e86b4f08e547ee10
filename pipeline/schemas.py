"""What each frame holds, checked where it passes from one step to the next."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from survey.scale import RATINGS
from survey.settings import CsatError
from survey.store.vocabulary import Outcome, Trust

RECEIVED = "received"
MONTH_PATTERN = r"\d{4}-(0[1-9]|1[0-2])"


class CheckFailed(CsatError):
    """A frame that does not hold what its step promises; the message names rows."""


_INSTANT = "datetime64[us, UTC]"

# One row per received answer, cleaned: what it says, not yet what becomes of it.
ANSWERS = pa.DataFrameSchema(
    {
        "uuid": pa.Column("str", nullable=False),
        "ticket_id": pa.Column("str", nullable=True),
        "distinct_id": pa.Column("str", nullable=False),
        "rating": pa.Column("Int64", pa.Check.isin(RATINGS), nullable=True),
        "comment": pa.Column("str", nullable=True),
        "team": pa.Column("str", pa.Check.str_length(min_value=1)),
        "answered_at": pa.Column(_INSTANT, nullable=False),
        "link_trust": pa.Column("str", pa.Check.isin([trust.value for trust in Trust])),
        "is_duplicate": pa.Column("bool"),
        "is_other_survey": pa.Column("bool"),
    },
    strict=True,
    ordered=True,
    name="answers",
)

# The same rows with what became of each.
DECIDED = ANSWERS.add_columns(
    {"outcome": pa.Column("str", pa.Check.isin([outcome.value for outcome in Outcome]))}
)
DECIDED.name = "decided answers"

# One row per response. `answered_at` is its first answer's time, `month` that time's month.
RESPONSES = pa.DataFrameSchema(
    {
        "ticket_id": pa.Column("str", nullable=False, unique=True),
        "team": pa.Column("str", pa.Check.str_length(min_value=1)),
        "rating": pa.Column("Int64", pa.Check.isin(RATINGS), nullable=False),
        "comment": pa.Column("str", nullable=True),
        "answered_at": pa.Column(_INSTANT, nullable=False),
        "link_trust": pa.Column("str", pa.Check.isin([trust.value for trust in Trust])),
        "month": pa.Column("str", pa.Check.str_matches(f"^{MONTH_PATTERN}$")),
    },
    strict=True,
    ordered=True,
    name="responses",
)

# What every report derives from. Counts of disjoint responses add up.
COUNTS = pa.DataFrameSchema(
    {
        "month": pa.Column("str", pa.Check.str_matches(f"^{MONTH_PATTERN}$")),
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
        "month": pa.Column("str", pa.Check.str_matches(f"^{MONTH_PATTERN}$")),
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


def check(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The frame, if it is as the schema says; raises CheckFailed that names column and rows."""
    try:
        return schema.validate(frame, lazy=True)
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
