"""The project's own store as a source."""

import pandas as pd

from pipeline.sources.source import OnProgress
from survey.store.database import Database
from survey.store.responses import all_answers

_COLUMNS = (
    "uuid",
    "ticket_id",
    "distinct_id",
    "rating",
    "comment",
    "team",
    "answered_at",
    "link_trust",
)


class StoreSource:
    """All answers that the store has; it keeps no copies, and only answers to our survey."""

    description = "the survey site's database"
    is_store = True

    def __init__(self, database: Database) -> None:
        self._database = database

    def read_answers(self, on_progress: OnProgress) -> pd.DataFrame:
        """Every stored answer (`schemas.ANSWERS`), in the order of receipt."""
        rows = []
        with self._database.reading() as connection:
            for row in all_answers(connection):
                rows.append(row)
                if len(rows) % 10_000 == 0:
                    on_progress(len(rows))
        on_progress(len(rows))
        frame = pd.DataFrame(rows, columns=list(_COLUMNS))
        return frame.assign(is_duplicate=False, is_other_survey=False).astype(
            {
                **dict.fromkeys(("uuid", "ticket_id", "distinct_id", "comment"), "str"),
                **dict.fromkeys(("team", "link_trust"), "str"),
                "rating": "Int64",
                "answered_at": "datetime64[us, UTC]",
            }
        )
