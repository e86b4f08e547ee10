"""What was counted the last time, so that one month more costs a month and not ten years.

Counts of different tickets add up. What a new file changes is in the tickets that it has answers
for, and in the events that it has copies of; of all that was counted before, only those are decided
again. To find them, the tickets and uuids of all answers are kept as sorted numbers. Two that share
a number by chance are both decided again, which changes nothing: so hashes serve.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.answers import frame_answers, ticket_keys, uuid_keys
from pipeline.counts import Totals, add_totals, frame_counts, subtract_counts
from pipeline.partitions import Array
from pipeline.sources.cache import PartialCache, code_version, digest
from pipeline.sources.export_files import ExportFile
from pipeline.sources.export_reading import FileAnswers
from survey.counting_rules import CountingRules, Derived

_ABOUT = b"about"
_COUNTS = ("month", "team", "rating", "responses")
_INDEX = ("tickets", "of_ticket", "uuids", "of_uuid")
# With more answers that are new or connected with these, to count all of them is as quick.
_MOST_NEW = 0.2


@dataclass(frozen=True)
class _Index:
    """All answers by ticket and by uuid, numbered one file behind the other.

    `tickets` and `uuids` are sorted keys; `of_ticket` and `of_uuid` the answers that have them.
    """

    tickets: Array
    of_ticket: Array
    uuids: Array
    of_uuid: Array

    @classmethod
    def of(cls, answers: pd.DataFrame) -> "_Index":
        return cls(*_sort(ticket_keys(answers)), *_sort(uuid_keys(answers)))

    def find(self, answers: pd.DataFrame) -> Array:
        """Return all answers to the same tickets, and all copies of the same events, as these
        answers."""
        return np.union1d(
            _find(self.tickets, self.of_ticket, ticket_keys(answers)),
            _find(self.uuids, self.of_uuid, uuid_keys(answers)),
        )


class Known:
    """The counts of the last run, compared with the files that there are now: `new_files` are the
    files that it did not know."""

    def __init__(
        self,
        cache: PartialCache,
        files: Sequence[ExportFile],
        new_files: Sequence[ExportFile],
        about: dict[str, Sequence[object]],
        totals: Totals,
        index: _Index,
    ) -> None:
        self.new_files = new_files
        self._cache = cache
        self._files = files
        self._names = about["partials"]
        self._ends = np.array(about["ends"], np.int64)
        self._totals = totals
        self._index = index

    def connect(self, new: FileAnswers) -> FileAnswers | None:
        """Return what is to be decided again together with new answers: answers to the same
        tickets, copies of the same events, and what these are connected with in turn.

        None where it is too much to be worth it, or no longer kept.
        """
        most = _MOST_NEW * self._totals.received
        found, answers = np.empty(0, np.int64), frame_answers(list(new.tables))
        if len(answers) > most:
            return None
        connected, reached = FileAnswers([], []), self._index.find(answers)
        while len(reached) > len(found):
            found = reached
            gathered = self._gather(found) if len(found) <= most else None
            if gathered is None:
                return None
            connected = gathered
            reached = np.union1d(found, self._index.find(frame_answers(list(connected.tables))))
        return connected

    def add(self, before: Totals, after: Totals) -> Totals:
        """Return the totals, when what came to `before` now comes to `after`."""
        kept = subtract_counts(self._totals.counts, before.counts)
        rest = Totals(
            self._totals.received - before.received, frame_counts(kept[kept["responses"] != 0])
        )
        return add_totals([rest, after])

    def _gather(self, numbers: Array) -> FileAnswers | None:
        """Return some of the answers that are known, in the order of their numbers; None where one
        of them is no longer kept."""
        file_of = np.searchsorted(self._ends, numbers, side="right")
        files, tables = [], []
        for file in np.unique(file_of).tolist():
            kept = self._cache.load(str(self._names[file]))
            if kept is None:
                return None
            begin = self._ends[file] - kept.num_rows
            tables.append(kept.take(pa.array(numbers[file_of == file] - begin)))
            files.append(self._files[file])
        return FileAnswers(files, tables)


class History:
    """The counts that `path` had in the last run by these rules."""

    def __init__(self, cache: PartialCache, path: str, rules: CountingRules) -> None:
        self._cache = cache
        self._rules = rules
        depends = [code_version(), rules.fingerprint(Derived.COUNTS)]
        # After what was counted, then after all that decides over the counts.
        self._name = f"counted{digest(path)[:17]}-{digest(depends)[:40]}"

    def load(self, files: Sequence[ExportFile]) -> Known | None:
        """Return what is known of these files; None where nothing is known, or a file is gone or
        has changed."""
        table = self._cache.load(self._name)
        if table is None:
            return None
        about = json.loads(table.schema.metadata[_ABOUT])
        file_of = {self._cache.name(file, self._rules): file for file in files}
        if not file_of.keys() >= set(about["partials"]):
            return None
        known = [file_of.pop(name) for name in about["partials"]]
        counts = frame_counts(pd.DataFrame(about["counts"], columns=list(_COUNTS)))
        index = _Index(*(np.asarray(table.column(name)) for name in _INDEX))
        totals = Totals(about["received"], counts)
        return Known(self._cache, known, list(file_of.values()), about, totals, index)

    def save(self, files: Sequence[ExportFile], answers: pd.DataFrame, totals: Totals) -> None:
        """Keep the counts of these files, if all of the files are kept."""
        if not all(self._cache.may_keep(file) for file in files):
            return
        lengths = np.bincount(answers["file"], minlength=len(files))
        about = {
            "partials": [self._cache.name(file, self._rules) for file in files],
            "ends": np.cumsum(lengths).tolist(),
            "received": totals.received,
            "counts": totals.counts[list(_COUNTS)].to_numpy().tolist(),
        }
        index = _Index.of(answers)
        table = pa.table({name: getattr(index, name) for name in _INDEX})
        kept = table.replace_schema_metadata({_ABOUT: json.dumps(about).encode()})
        self._cache.save_table(self._name, kept)


def _sort(keys: Array) -> tuple[Array, Array]:
    """Return the keys in their order, and where each stood."""
    order = np.argsort(keys).astype(np.int32 if len(keys) < 2**31 else np.int64)
    return keys[order], order


def _find(keys: Array, rows: Array, wanted: Array) -> Array:
    """Return the rows that have one of the wanted keys."""
    wanted = np.unique(wanted)
    begins, ends = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
    lengths = ends - begins
    shifts = np.repeat(begins - np.cumsum(lengths) + lengths, lengths)
    return np.asarray(rows[shifts + np.arange(lengths.sum())], np.int64)
