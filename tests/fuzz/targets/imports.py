"""Lines of an export file, imported into a store: the sums tie, the frames agree, and the same
lines again change nothing."""

from collections import Counter

from pipeline.deduplicate import mark_duplicates
from pipeline.events import EventList
from pipeline.importing import AnswerImport, read_imported
from pipeline.rules import decide
from pipeline.sources.base import SourceError
from pipeline.sources.jsonl import read_jsonl
from survey.rederive import apply_rules
from survey.vocabulary import Outcome
from tests.fuzz.files import as_file
from tests.fuzz.store import new_store
from tests.fuzz.targets import events

RULES = events.RULES
_LINE = (
    b'{"uuid":"%s","event":"survey sent","distinct_id":"%s","timestamp":"2026-10-%d 12:00",'
    b'"properties":{"$survey_id":"ours","ticketId":"%s","$survey_response_R":"%s",'
    b'"link_trust":"%s","$survey_response_1":"x"}}\n'
)
SEEDS = (
    *events.SEEDS,
    _LINE % (b"a", b"jane", 1, b"42", b"5", b"unverified")
    + _LINE % (b"a", b"jane", 2, b"42", b"4", b"unverified")
    + _LINE % (b"b", b"joe", 3, b"42.0", b"1", b"unverified")
    + _LINE % (b"c", b"jane", 9, b"42", b"2", b"unverified"),
    _LINE % (b"a", b"joe", 1, b"42", b"1", b"unverified")
    + _LINE % (b"b", b"jane", 2, b"42", b"5", b"signed")
    + _LINE % (b"c", b"jane", 2, b" ", b"6", b"known"),
)


def check(data: bytes) -> None:
    """Raise for lines of which the store and the frames make different things."""
    try:
        read = [event for _, event in read_jsonl(as_file("lines.jsonl", data))][:50]
    except SourceError:
        return
    answers = read_imported(read, RULES)
    with new_store() as database:
        apply_rules(database, RULES)
        first = AnswerImport(database, RULES)
        first.add(answers)
        assert first.received == first.known + first.outcomes.total()
        again = AnswerImport(database, RULES)
        again.add(answers)
        assert (again.known, again.outcomes.total()) == (len(answers), 0)
    source = EventList(read, RULES)
    decided = decide(mark_duplicates(source.frame(), source), RULES)
    outcomes = Counter(map(str, decided["outcome"]))
    # What the store knows already is a copy to the frames.
    stored = Counter({str(each): n for each, n in first.outcomes.items() if n})
    stored[Outcome.DUPLICATE.value] += first.known
    assert +stored == +outcomes, (stored, outcomes)
