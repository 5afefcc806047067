"""Permissions that hold for the superuser too, as whom tests often run in containers."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

_VERSION = 0x20080522
_OVERRIDES = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7)."""


class _Head(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextlib.contextmanager
def permissions_hold() -> Iterator[bool]:
    """Have this thread go by the permissions of files; gives whether it does."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield hasattr(os, "geteuid")
        return
    if sys.platform != "linux":
        yield False
        return
    libc, head, sets = ctypes.CDLL(None, use_errno=True), _Head(_VERSION, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(head), sets):
        yield False
        return
    before = sets[0].effective
    sets[0].effective = before & ~_OVERRIDES
    done = libc.capset(ctypes.byref(head), sets) == 0
    try:
        yield done
    finally:
        sets[0].effective = before
        libc.capset(ctypes.byref(head), sets)
