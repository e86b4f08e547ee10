"""Files for targets that read some."""

from pipeline.sources.export_files import ExportFile
from tests.fuzz.store import folder


def as_file(name: str, data: bytes) -> ExportFile:
    """Return an export file with this content."""
    path = folder() / name
    path.write_bytes(data)
    return ExportFile(str(path), len(data), "")
