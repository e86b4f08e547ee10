"""Erases what lies in files, by functions that other packages hand over."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from survey.errors import CsatError
from survey.settings import Settings
from survey.store.database import Database

# Returns lines about what it did. Those that begin with `remains: ` tell of what it could not do.
Eraser = Callable[[Database, Settings], list[str]]
REMAINS = "remains: "


def erase_files(erasers: Sequence[str], database: Database, settings: Settings) -> Iterator[str]:
    """Let each eraser, given as `module:function`, remove what lies in files; yield its lines."""
    for place in erasers:
        eraser: Eraser = find_function(place)
        try:
            yield from eraser(database, settings)
        except (CsatError, OSError) as error:
            yield f"{REMAINS}{error}"


def find_function(place: str) -> Any:
    """Return the function at `module:function`; import its module."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
