"""Files that are read together: exports by the hour are many and small."""

from collections.abc import Sequence

import pyarrow as pa

from pipeline.sources.files import ExportFile
from pipeline.sources.source import OnProgress
from survey.counting_rules import CountingRules

_FILES_AT_ONCE = 32
_BYTES_AT_ONCE = 16 * 1024 * 1024


def group_files(files: Sequence[ExportFile]) -> list[list[ExportFile]]:
    """The files in their order, those together that are of one format and small."""
    groups: list[list[ExportFile]] = []
    size = 0
    for file in files:
        size += file.size
        last = groups[-1] if groups else []
        is_full = len(last) >= _FILES_AT_ONCE or size > _BYTES_AT_ONCE
        if not last or is_full or last[0].is_parquet != file.is_parquet:
            groups.append([file])
            size = file.size
        else:
            last.append(file)
    return groups


def reduce_group(
    files: Sequence[ExportFile],
    rules: CountingRules,
    on_progress: OnProgress,
    threads: int = 1,
) -> list[pa.Table]:
    """The answers of each of these files, reduced (`reduced.SCHEMA`); raises SourceError that
    names file and row. `on_progress` is told how many more have been read."""
    # Not before they are needed: DuckDB takes a tenth of a second to load.
    from pipeline.sources.jsonl import reduce_jsonl
    from pipeline.sources.parquet import reduce_parquet

    if files[0].is_parquet:
        return reduce_parquet(files, rules, on_progress, threads)
    return [reduce_jsonl(file, rules, on_progress) for file in files]
