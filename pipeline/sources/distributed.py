"""PostHog's batch-export files, counted on Dask: past one machine's memory.

The same functions as on one machine run on parts. Each group of files is read and reduced by a
worker; answers are then brought together by their uuid, so that copies meet, and by their ticket,
so that the rules hold across files. What comes back are counts, which add up.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.counts import MonthCounts, Totals, add_month_counts, add_totals
from pipeline.parts import cores
from pipeline.reduced import SCHEMA
from pipeline.reduced_counts import find_duplicates
from pipeline.sources.export import ExportSource
from pipeline.sources.files import ExportFile, find_files
from pipeline.sources.groups import group_files, reduce_group
from pipeline.sources.keys import ticket_keys, uuid_keys
from pipeline.sources.located import Located
from pipeline.sources.located_counts import (
    count_located,
    count_located_month,
    find_shown_duplicates,
)
from pipeline.sources.source import OnProgress, SourceError
from survey.addresses import hide_secrets, show_address
from survey.counting_rules import CountingRules
from survey.months import Month

if TYPE_CHECKING:
    from distributed import Client

Result = TypeVar("Result")

# Packed bytes of files whose answers make a part: some 150,000 answers, 50 MB while they are
# decided.
_BYTES_A_PART = 16 * 1024 * 1024
_PATIENCE_SECONDS = 5
# How often workers are looked at that give nothing, and how often in a row they may all be paused.
_LOOK_SECONDS = 10.0
_LOOKS_IN_VAIN = 6
_PLAIN_TEAM = {"team": pa.string()}
# An answer as it travels: what the rules need, where it stands, and by what it is brought together.
_TRAVELLING = pa.schema(
    [
        *(pa.field(f.name, _PLAIN_TEAM.get(f.name, f.type)) for f in SCHEMA),
        *(("file", pa.int32()), ("is_duplicate", pa.bool_())),
        *(("uuid_key", pa.int64()), ("ticket_key", pa.int64())),
    ]
)


class DistributedSource(ExportSource):
    """The `survey sent` events of export files, counted by Dask's workers.

    They need this project, and the files under the same path or address. Without a scheduler's
    address there is a worker for each core of this machine.
    """

    def __init__(self, path: str, rules: CountingRules, scheduler: str | None = None) -> None:
        super().__init__(path, rules)
        self._scheduler = scheduler

    def count_responses(self, on_progress: OnProgress) -> Totals:
        """The counts of every month; raises SourceError that names file and row."""
        # The functions are sent to workers, with the rules and no other settings.
        rules = self._rules

        def find(found: Located) -> Any:
            return find_duplicates(found.answers, found.weigh)

        def count(found: Located, is_duplicate: Any) -> Totals:
            return count_located(found, rules, is_duplicate)

        return add_totals(self._map_tickets(find, count, on_progress))

    def count_month(self, month: Month, since: Month, on_progress: OnProgress) -> MonthCounts:
        """What the report of a month derives from; raises SourceError that names file and row."""
        rules = self._rules

        def find(found: Located) -> Any:
            return find_shown_duplicates(found, month, rules)

        def count(found: Located, is_duplicate: Any) -> MonthCounts:
            return count_located_month(found, is_duplicate, month, since, rules)

        return add_month_counts(self._map_tickets(find, count, on_progress))

    def _map_tickets(
        self,
        find: Callable[[Located], Any],
        count: Callable[[Located, Any], Result],
        on_progress: OnProgress,
    ) -> list[Result]:
        """What `count` makes of each part of all answers; the parts share no ticket."""
        import dask.dataframe as dd
        from dask.delayed import delayed

        files = find_files(self._path)
        rules = self._rules
        parts = 1 + sum(file.size for file in files) // _BYTES_A_PART
        groups = group_files(files)
        firsts = np.cumsum([0, *(len(group) for group in groups[:-1])]).tolist()

        def read(group: Sequence[ExportFile], first: int) -> pd.DataFrame:
            # Dask counts what has been freed and is still held, and stops at too much of it; of
            # that, Arrow's own allocator holds hundreds of megabytes.
            pa.set_memory_pool(pa.system_memory_pool())
            tables = reduce_group(group, rules, lambda _read: None)
            return _pack(Located.of(group, tables), first)

        def mark(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(is_duplicate=find(_unpack(frame, files)))

        def count_part(frame: pd.DataFrame) -> tuple[int, Result]:
            is_duplicate = frame["is_duplicate"].to_numpy(bool)
            return len(frame), count(_unpack(frame, files), is_duplicate)

        with _connected(self._scheduler) as client:
            answers = dd.from_map(read, groups, firsts, meta=_EMPTY, enforce_metadata=False)
            by_uuid = answers.shuffle("uuid_key", npartitions=parts)
            marked = by_uuid.map_partitions(mark, meta=_EMPTY, enforce_metadata=False)
            by_ticket = marked.shuffle("ticket_key", npartitions=parts)
            counted = [delayed(count_part)(part) for part in by_ticket.to_delayed()]
            done, results = 0, []
            for answers_done, result in _wait_for(client, client.compute(counted)):
                done += answers_done
                on_progress(done)
                results.append(result)
        for file in files:
            file.check_unchanged()
        return results


@contextmanager
def _connected(scheduler: str | None) -> "Iterator[Client]":
    """A client of the scheduler, or of one on this machine, with a worker per core.

    Raises SourceError for a scheduler that does not answer, or workers that die.
    """
    from distributed import Client, KilledWorker, LocalCluster

    # It warns of each shuffle that begins, and of connections that end with their process.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        try:
            address = scheduler or stack.enter_context(
                LocalCluster(n_workers=cores(), threads_per_worker=1, dashboard_address=None)
            )
            client = stack.enter_context(Client(address, timeout=_PATIENCE_SECONDS))
        except (OSError, ValueError, TimeoutError) as error:
            shown, reason = show_address(scheduler or ""), hide_secrets(str(error), scheduler or "")
            raise SourceError(f"no Dask scheduler answers at {shown}: {reason}") from None
        try:
            yield client
        except KilledWorker as error:
            raise SourceError(
                f"workers died again and again; give them more memory: {error}"
            ) from None
        except (OSError, CancelledError) as error:
            reason = hide_secrets(str(error), scheduler or "")
            raise SourceError(f"the connection to the Dask scheduler was lost: {reason}") from None


def _wait_for(client: "Client", futures: Collection[Any]) -> Iterator[Any]:
    """What the futures come to, each as soon as it is there.

    A worker that is nearly out of memory pauses, and when all of them do so at once, none ever goes
    on: raises SourceError then.
    """
    from distributed import wait

    looks_in_vain = 0
    while futures:
        try:
            done, futures = wait(futures, timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED")
        except TimeoutError:
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            are_paused = all(worker["status"] == "paused" for worker in workers)
            looks_in_vain = looks_in_vain + 1 if workers and are_paused else 0
            if looks_in_vain == _LOOKS_IN_VAIN:
                reason = "all workers are out of memory, and wait; give them more: docs/scale.md"
                raise SourceError(reason) from None
            continue
        looks_in_vain = 0
        for future in done:
            yield future.result()


def _pack(found: Located, first: int) -> pd.DataFrame:
    """Answers as they travel, each with the number of its file; `first` is that of the first."""
    columns = {
        **{name: found.answers.column(name) for name in SCHEMA.names},
        "team": found.answers.column("team").cast(pa.string()),
        "file": found.file_of + np.int32(first),
        "is_duplicate": np.zeros(len(found.file_of), bool),
        "uuid_key": uuid_keys(found.answers).view(np.int64),
        "ticket_key": ticket_keys(found.answers).view(np.int64),
    }
    frame: pd.DataFrame = pa.table(columns, schema=_TRAVELLING).to_pandas(
        types_mapper=pd.ArrowDtype
    )
    return frame


def _unpack(frame: pd.DataFrame, files: Sequence[ExportFile]) -> Located:
    """Answers that have arrived, whatever parts they come from."""
    table = pa.Table.from_pandas(frame[list(_TRAVELLING.names)], _TRAVELLING, preserve_index=False)
    team = table.column("team").combine_chunks().dictionary_encode()
    answers = table.select(SCHEMA.names).set_column(
        SCHEMA.get_field_index("team"), SCHEMA.field("team"), team
    )
    return Located(files, table.column("file").to_numpy(), answers)


_EMPTY = _TRAVELLING.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
