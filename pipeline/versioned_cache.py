"""Values that are kept as long as what they were made from has the same version."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class VersionedCache(Generic[Value]):
    """Values by key, each made anew when its version changes. Those made longest ago are dropped.

    Several threads may use it: at worst two make the same value.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[Hashable, Value]] = OrderedDict()

    def get(self, key: Hashable, version: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of a key in this version; make it if it is not there."""
        kept = self._kept.get(key)
        if kept is None or kept[0] != version:
            kept = (version, make())
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return kept[1]
