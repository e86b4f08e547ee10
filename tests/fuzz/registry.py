"""The targets of `make fuzz`, by name. A target is a module with SEEDS, from which inputs are made,
and `check`, which raises for an input that is not treated as it should be."""

from importlib import import_module
from types import ModuleType

TARGETS = (
    "links",
    "forms",
    "events",
    "columns",
    "imports",
    "webhooks",
    "requests",
    "site",
    "payloads",
    "settings",
    "addresses",
)


def load_target(name: str) -> ModuleType:
    """Return the module of a target."""
    return import_module(f"tests.fuzz.targets.{name}")
