"""From a source's events into the store."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.clean import RawEvent, read_events
from pipeline.sources.source import EventSource, OnProgress
from survey.counting_rules import CountingRules
from survey.event_values import canonical_json, read_survey_id
from survey.settings import CsatError
from survey.store.copies import ImportedAnswer
from survey.store.database import Database
from survey.store.imports import AnswerImport
from survey.store.vocabulary import COUNTED, Outcome, Trust


class SumsDiffer(CsatError):
    """What became of the answers does not add up to those received."""


@dataclass(frozen=True)
class Summary:
    """What became of the answers of an import: `received` is `known` and all `outcomes`."""

    received: int
    known: int
    outcomes: dict[Outcome, int]

    @property
    def new(self) -> int:
        """How many count, and did not before: responses and edits."""
        return sum(self.outcomes[outcome] for outcome in COUNTED)

    @property
    def reasons(self) -> dict[Outcome, int]:
        """How many do not count, by reason."""
        return {each: n for each, n in self.outcomes.items() if each not in COUNTED}


def import_events(
    source: EventSource, rules: CountingRules, database: Database, on_progress: OnProgress
) -> Summary:
    """Store all events of a source as answers, batch after batch.

    Broken off, it goes on where it was when it is run again. Raises SourceError, and StoreError.
    """
    run = AnswerImport(database, rules)
    for events in source.read_events():
        run.add(read_imported(events, rules))
        on_progress(run.received)
    outcomes = {outcome: run.outcomes[outcome] for outcome in Outcome}
    if run.received != run.known + sum(outcomes.values()):
        raise SumsDiffer(
            f"{run.received} answers were received, but {run.known} known ones and "
            f"{sum(outcomes.values())} others are on record; please report this"
        )
    return Summary(run.received, run.known, outcomes)


def read_imported(events: Sequence[RawEvent], rules: CountingRules) -> list[ImportedAnswer]:
    """Events as the store takes them, in their order."""
    said = [canonical_json(event.properties) for event in events]
    answers = read_events(events, rules)
    columns = answers[["ticket_id", "distinct_id", "rating", "comment", "team", "link_trust"]]
    columns = columns.astype("object").where(columns.notna(), None)
    cells = zip(*(columns[name].tolist() for name in columns), strict=True)
    return [
        ImportedAnswer(
            uuid=event.uuid,
            ticket_id=ticket_id,
            distinct_id=distinct_id,
            rating=rating,
            comment=comment,
            team=team,
            answered_at=event.timestamp,
            trust=Trust(link_trust),
            survey_id=read_survey_id(event.properties),
            said=text,
        )
        for event, text, (ticket_id, distinct_id, rating, comment, team, link_trust) in zip(
            events, said, cells, strict=True
        )
    ]
