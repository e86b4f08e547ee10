"""The month's line of the donation export, until the month is closed."""

from datetime import tzinfo

import pandas as pd

from survey.months import Month

COLUMNS = (
    *("month", "timezone", "opens_at", "closes_at", "responses", "adjustments", "hedgehogs"),
    *("unit_amount", "currency", "amount", "charity", "status", "closed_at", "closed_by"),
    *("paid_at", "payment_reference", "ledger_hash"),
)


def draft_month(month: Month, timezone: tzinfo, responses: int) -> pd.DataFrame:
    """Return one row with `COLUMNS` for a month that is open: one hedgehog per response, no amount
    yet.

    What only closing the month can tell is None.
    """
    row = {
        "month": str(month),
        "timezone": str(timezone),
        "opens_at": month.opens_at(timezone).isoformat(),
        "closes_at": month.closes_at(timezone).isoformat(),
        "responses": responses,
        "adjustments": 0,
        "hedgehogs": responses,
        "status": "open",
    }
    return pd.DataFrame([row], columns=list(COLUMNS), dtype="object")
