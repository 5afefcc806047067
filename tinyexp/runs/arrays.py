"""Arrays out of numpy's archive format, for files that anybody may have made.

``numpy.load`` believes what an array's head says: it takes the memory that a shape asks for before it looks whether
the bytes are there, and raises whatever its parser runs into. Here nothing is unpickled, nothing is
unpacked beyond a bound, and an array has exactly the bytes that follow its head.
"""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KINDS = "biufU"
"""Numbers and text of fixed width: what has no object in it."""
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_arrays(
    content: bytes, names: Sequence[str], limit: int, optional: Sequence[str] = ()
) -> dict[str, NDArray[Any]]:
    """The arrays of an archive that has these, perhaps some of the optional ones, and no others; read-only.

    Parameters
    ----------
    limit
        Bytes that each array may have at most, unpacked.

    Raises
    ------
    ValueError
        It is no such archive; the message says why.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            there = archive.namelist()
            wanted = [*names, *(name for name in optional if f"{name}.npy" in there)]
            if sorted(there) != sorted(f"{name}.npy" for name in wanted):
                raise ValueError(f"it does not hold {', '.join(names)} and nothing else")
            return {name: _array(archive, archive.getinfo(f"{name}.npy"), limit) for name in wanted}
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError) as error:
        raise ValueError(f"it is no whole archive: {error}") from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> NDArray[Any]:
    if member.compress_type not in _PACKINGS:
        raise ValueError(f"{member.filename} is packed in another way than numpy packs")
    with archive.open(member) as packed:
        content = packed.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{member.filename} unpacks to more than {limit:,} bytes")
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise ValueError(f"{member.filename} has no head of an array ({type(error).__name__})") from error
    if (
        version != (1, 0)
        or kind.kind not in _KINDS
        or len(content) - file.tell() != math.prod(shape) * kind.itemsize
    ):
        raise ValueError(f"{member.filename} is not the array that its head says")
    return np.frombuffer(content, kind, offset=file.tell()).reshape(shape)
