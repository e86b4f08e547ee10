"""PostHog's batch-export files, counted on Dask: past one machine's memory.

The same functions as on one machine run on parts. Each group of files is read by a worker; answers
are then brought together by their uuid, so that copies meet, and by their ticket, so that the rules
hold across files. What comes back are counts, which add up.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.aggregate import count_part, count_part_of_month
from pipeline.answers import SCHEMA, frame_answers, number_texts, ticket_keys, uuid_keys
from pipeline.counts import (
    MonthCounts,
    MonthPart,
    MonthQuery,
    Totals,
    add_totals,
    join_month_parts,
)
from pipeline.deduplicate import mark_duplicates, shown_between
from pipeline.partitions import count_cores
from pipeline.rules import depends_on_secrets
from pipeline.sources.base import OnProgress, SourceError
from pipeline.sources.export import ExportSource
from pipeline.sources.export_files import ExportFile, find_files
from pipeline.sources.export_reading import ExportLookup, group_files, read_group
from survey.addresses import hide_secrets, show_address
from survey.counting_rules import CountingRules
from survey.erasures import NOTHING_ERASED, Erasures
from survey.months import Month

if TYPE_CHECKING:
    from distributed import Client

Result = TypeVar("Result")

# Packed bytes of files whose answers make a part: some 150,000 answers, 50 MB while they are
# decided.
_BYTES_A_PART = 16 * 1024 * 1024
_CONNECT_SECONDS = 5
# How often workers are checked that give nothing, and how many checks in a row may find all paused.
_CHECK_SECONDS = 10.0
_MOST_CHECKS_PAUSED = 6


class DaskSource(ExportSource):
    """The `survey sent` events of export files, counted by Dask's workers.

    They need this project, and the files under the same path or address. Without a scheduler's
    address there is a worker for each core of this machine.
    """

    def __init__(
        self,
        path: str,
        rules: CountingRules,
        scheduler: str | None = None,
        erasures: Erasures = NOTHING_ERASED,
    ) -> None:
        super().__init__(path, rules, erasures=erasures)
        self._scheduler = scheduler

    def count_months(self, on_progress: OnProgress) -> Totals:
        """Return the counts of every month; raises SourceError that names file and row."""
        files = find_files(self._path)
        return add_totals(self._map_tickets(files, None, count_part, on_progress))

    def count_month(self, month: Month, since: Month, on_progress: OnProgress) -> MonthCounts:
        """Count what the report of a month needs; raises SourceError that names file and row."""
        rules, erasures = self._rules, self._erasures
        query = MonthQuery(month, since, has_erasures=bool(erasures))

        def count(part: pd.DataFrame, rules: CountingRules) -> MonthPart:
            return count_part_of_month(part, query, rules)

        files = find_files(self._path)
        parts = self._map_tickets(files, shown_between(month, rules), count, on_progress)
        return join_month_parts(parts, ExportLookup(files, rules), month, rules, erasures)

    def _map_tickets(
        self,
        files: Sequence[ExportFile],
        shown: tuple[datetime, datetime] | None,
        count: Callable[[pd.DataFrame, CountingRules], Result],
        on_progress: OnProgress,
    ) -> list[Result]:
        """Call `count` with each part of all answers, and the rules; the parts share no ticket.

        No secret leaves this process. The answers that only secrets decide come back from the
        workers, and are a part that is counted here.
        """
        import dask.dataframe as dd
        from dask.delayed import delayed

        # The functions are sent to workers, with these rules and no other settings.
        rules, has_secrets = self._rules.without_secrets(), bool(self._rules.secrets)
        lookup = ExportLookup(files, rules)
        parts = 1 + sum(file.size for file in files) // _BYTES_A_PART
        groups = group_files(files)
        firsts = np.cumsum([0, *(len(group) for group in groups[:-1])]).tolist()

        def read(group: Sequence[ExportFile], first: int) -> pd.DataFrame:
            # Dask counts what has been freed and is still held, and stops at too much of it; of
            # that, Arrow's own allocator holds hundreds of megabytes.
            pa.set_memory_pool(pa.system_memory_pool())
            answers = frame_answers(read_group(group, rules, lambda _read: None))
            return _pack(answers.assign(file=answers["file"] + np.int32(first)))

        def mark(frame: pd.DataFrame) -> pd.DataFrame:
            return _pack(mark_duplicates(_unpack(frame), lookup, shown))

        def count_packed(frame: pd.DataFrame) -> tuple[int, Result, pd.DataFrame | None]:
            answers = _unpack(frame)
            if not has_secrets:
                return len(frame), count(answers, rules), None
            is_open = depends_on_secrets(answers, rules).to_numpy()
            closed = answers[~is_open].reset_index(drop=True)
            return len(frame), count(closed, rules), frame[is_open]

        with _connected(self._scheduler) as client:
            answers = dd.from_map(read, groups, firsts, meta=_PACKED, enforce_metadata=False)
            by_uuid = answers.shuffle("uuid_key", npartitions=parts)
            marked = by_uuid.map_partitions(mark, meta=_MARKED, enforce_metadata=False)
            by_ticket = marked.shuffle("ticket_key", npartitions=parts)
            counted = [delayed(count_packed)(part) for part in by_ticket.to_delayed()]
            done, results, undecided = 0, [], []
            for answers_done, result, rest in _wait_for(client, client.compute(counted)):
                done += answers_done
                on_progress(done)
                results.append(result)
                if rest is not None:
                    undecided.append(rest)
        if undecided:
            results.append(count(_unpack(pd.concat(undecided)), self._rules))
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
                LocalCluster(n_workers=count_cores(), threads_per_worker=1, dashboard_address=None)
            )
            client = stack.enter_context(Client(address, timeout=_CONNECT_SECONDS))
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
    """Yield the results of the futures, each as soon as it is there.

    A worker that is nearly out of memory pauses, and when all of them do so at once, none ever goes
    on: raises SourceError then.
    """
    from distributed import wait

    checks_paused = 0
    while futures:
        try:
            done, futures = wait(futures, timeout=_CHECK_SECONDS, return_when="FIRST_COMPLETED")
        except TimeoutError:
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            are_paused = all(worker["status"] == "paused" for worker in workers)
            checks_paused = checks_paused + 1 if workers and are_paused else 0
            if checks_paused == _MOST_CHECKS_PAUSED:
                reason = "all workers are out of memory, and wait; give them more: docs/scale.md"
                raise SourceError(reason) from None
            continue
        checks_paused = 0
        for future in done:
            yield future.result()


def _pack(answers: pd.DataFrame) -> pd.DataFrame:
    """Return answers as they travel: with the numbers by which they are brought together, and
    without categories, which each worker would number in another order."""
    texts = answers.astype(dict.fromkeys(("team", "uuid_text", "ticket_text"), "str"))
    return texts.assign(
        uuid_key=uuid_keys(answers).view(np.int64),
        ticket_key=ticket_keys(answers).view(np.int64),
    )


def _unpack(frame: pd.DataFrame) -> pd.DataFrame:
    """Return answers that have arrived, whatever parts they come from."""
    answers = frame.drop(columns=["uuid_key", "ticket_key"]).reset_index(drop=True)
    return number_texts(answers)


_PACKED = _pack(frame_answers([SCHEMA.empty_table()]))
_MARKED = _pack(frame_answers([SCHEMA.empty_table()]).assign(is_duplicate=False))
