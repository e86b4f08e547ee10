"""From a source's events into the store."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.events import RawEvent
from pipeline.sources.base import EventSource, OnProgress
from survey.counting_rules import CountingRules
from survey.event_values import PropertyKeys, canonical_json, read_answer
from survey.settings import CsatError
from survey.store.copies import ImportedAnswer
from survey.store.database import Database
from survey.store.imports import AnswerImport
from survey.vocabulary import COUNTED, Outcome


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
    keys = PropertyKeys.of(rules)
    answers = [
        read_answer(each.uuid, each.distinct_id, each.timestamp, each.properties, keys)
        for each in events
    ]
    return [
        ImportedAnswer(**vars(answer), said=canonical_json(event.properties))
        for event, answer in zip(events, answers, strict=True)
    ]
