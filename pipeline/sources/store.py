"""The project's own store as a source."""

import pandas as pd

from pipeline.counts import MonthCounts, Totals, count_month, count_responses
from pipeline.rules import FrameRules, decide, derive_responses
from pipeline.sources.source import OnProgress
from survey.months import Month
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import Source
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
    "survey_id",
    "source",
)


class StoreSource:
    """All answers that the store has; it keeps no copies."""

    description = "the survey site's database"
    is_store = True

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

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
        wanted = self._settings.survey_id
        is_other = (frame["source"] == Source.IMPORT.value) & (frame["survey_id"] != wanted)
        frame = frame.drop(columns=["survey_id", "source"])
        return frame.assign(
            is_duplicate=False, is_other_survey=is_other & (wanted is not None)
        ).astype(
            {
                **dict.fromkeys(("uuid", "ticket_id", "distinct_id", "comment"), "str"),
                **dict.fromkeys(("team", "link_trust"), "str"),
                "rating": "Int64",
                "answered_at": "datetime64[us, UTC]",
            }
        )

    def count_responses(self, rules: FrameRules, on_progress: OnProgress) -> Totals:
        """How many answers there are, and the counts of every month."""
        decided = decide(self.read_answers(on_progress), rules)
        responses = derive_responses(decided, self._settings.timezone)
        return Totals(len(decided), count_responses(responses))

    def count_month(
        self, month: Month, since: Month, rules: FrameRules, on_progress: OnProgress
    ) -> MonthCounts:
        """What the report of a month derives from."""
        decided = decide(self.read_answers(on_progress), rules)
        return count_month(decided, month, since, self._settings.timezone)
