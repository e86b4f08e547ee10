"""Permissions hold for root, too: otherwise a test as root sees nothing refused."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

# From linux/capability.h: to read and write whatever a file's mode says, and to look into any
# folder.
_OVERRIDES = 1 << 1 | 1 << 2
_VERSION = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


@contextmanager
def restrained() -> Iterator[None]:
    """This thread, and those that it starts, may read and write only what modes allow."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(_VERSION, 0), (_Sets * 2)()
    _check(libc.capget(ctypes.byref(header), sets))
    effective = sets[0].effective
    sets[0].effective &= ~_OVERRIDES
    _check(libc.capset(ctypes.byref(header), sets))
    try:
        yield
    finally:
        sets[0].effective = effective
        _check(libc.capset(ctypes.byref(header), sets))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "capabilities cannot be changed")
