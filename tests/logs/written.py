"""Binary logs written by hand, byte by byte, for what no real log here has: event files and .wandb files."""

from __future__ import annotations

import json
import struct
import zlib
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tinyexp.logs.wire import crc32c, masked

_SECONDS = count(1_700_000_000)


def varint(value: int) -> bytes:
    """A number of a protobuf message."""
    value &= (1 << 64) - 1
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def field(number: int, value: float | str | bytes, *, single: bool = False) -> bytes:
    """A field: text and bytes with their length, a float as double or single, anything else as varint."""
    if isinstance(value, float):
        packed = struct.pack("<f" if single else "<d", value)
        return varint(number << 3 | (5 if single else 1)) + packed
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def scalar(tag: str, value: float) -> bytes:
    """A value of a summary as torch writes it."""
    return field(1, tag) + field(2, float(value), single=True)


def tensor(tag: str, content: bytes, plugin: str = "scalars") -> bytes:
    """A value of a summary as TensorFlow 2 writes it; ``content`` is the fields of the tensor."""
    metadata = field(9, field(1, field(1, plugin))) if plugin else b""
    return field(1, tag) + field(8, content) + metadata


def event(step: int, *values: bytes, wall: float = 1.0, more: bytes = b"") -> bytes:
    """An event; a step of 0 is left out, as protobuf does."""
    summary = field(5, b"".join(field(1, value) for value in values)) if values else b""
    return field(1, float(wall)) + (field(2, step) if step else b"") + summary + more


def start(step: int, wall: float) -> bytes:
    """The event of a session's start, as purge_step writes it."""
    return event(step, wall=wall, more=field(7, field(1, 1)))


def hparams(settings: dict[str, Any]) -> bytes:
    """The values of a summary that add_hparams writes before the metrics."""

    def told(name: str, value: bytes) -> bytes:
        plugin = field(1, "hparams") + field(2, value)
        return field(1, name) + field(9, field(1, plugin))

    def kept(value: Any) -> bytes:
        if isinstance(value, bool):
            return field(4, int(value))
        return field(3, value) if isinstance(value, str) else field(2, float(value))

    entries = b"".join(field(1, field(1, key) + field(2, kept(value))) for key, value in settings.items())
    return event(
        0,
        told("_hparams_/experiment", field(2, b"")),
        told("_hparams_/session_start_info", field(3, entries)),
    )


def framed(records: list[bytes]) -> bytes:
    """Records in TFRecord frames."""

    def checksum(data: bytes) -> bytes:
        found = masked(crc32c(data, np.array([0]), np.array([len(data)])))
        return struct.pack("<I", int(found[0]))

    return b"".join(
        (size := struct.pack("<Q", len(one))) + checksum(size) + one + checksum(one) for one in records
    )


def write_events(folder: Path, *events: bytes, stamp: int | None = None, wall: float = 1.0) -> Path:
    """An event file with its version first; its name has a second of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{next(_SECONDS) if stamp is None else stamp}.host.1.0"
    path.write_bytes(framed([event(0, wall=wall, more=field(3, "brain.Event:2")), *events]))
    return path


def wandb_history(step: int, values: dict[str, Any]) -> bytes:
    """A record of what was logged at a step."""
    items = b"".join(field(1, field(1, key) + field(16, json.dumps(value))) for key, value in values.items())
    return field(2, items + field(2, field(1, step)))


def wandb_run(config: dict[str, Any], project: str = "p", name: str = "name", started: int = 0) -> bytes:
    """A run record."""
    items = b"".join(field(1, field(1, key) + field(16, json.dumps(value))) for key, value in config.items())
    return field(
        17,
        field(1, "id") + field(3, project) + field(4, items) + field(8, name) + field(17, field(1, started)),
    )


def wandb_exit(code: int = 0) -> bytes:
    """An exit record."""
    return field(18, field(1, code) if code else b"")


def wandb_framed(records: list[bytes]) -> bytes:
    """A .wandb file: frames in blocks of 32 KiB."""
    found = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        at, begun = 0, False
        while True:
            left = 32_768 - len(found) % 32_768
            if left < 7:
                found += bytes(left)
                continue
            part = record[at : at + left - 7]
            whole = at + len(part) == len(record)
            kind = (4 if whole else 3) if begun else (1 if whole else 2)
            found += struct.pack("<IHB", zlib.crc32(part, zlib.crc32(bytes([kind]))), len(part), kind) + part
            at, begun = at + len(part), True
            if whole:
                break
    return bytes(found)


def write_wandb(folder: Path, *records: bytes, id: str = "id") -> Path:  # noqa: A002 - as W&B calls it
    """A run's folder with its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"run-{id}.wandb"
    path.write_bytes(wandb_framed(list(records)))
    return path
