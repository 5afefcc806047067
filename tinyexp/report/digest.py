"""One digest of a whole report: kept elsewhere, as in CI's log, it shows whether anything in the folder was changed."""

from __future__ import annotations

from pathlib import Path

from tinyexp.files import GIT_ATTRIBUTES, read_bounded, sha256_of_bytes
from tinyexp.report.place import contents_of
from tinyexp.runs.records import MAX_RECORD_BYTES


def report_digest(folder: Path) -> str:
    """The SHA-256 of a list of every file with its own, as ``sha256sum`` prints them, by path; empty where none can be taken.

    Without ``.gitattributes``, which may be left out where a folder is packed up. A link, a pipe, an empty folder or what is too large
    for a report has no digest, and a folder that has one of them none either.
    """
    lines = []
    try:
        for name in contents_of(folder):
            if name == GIT_ATTRIBUTES:
                continue
            if name.endswith("/") or (folder / name).is_symlink():
                return ""
            lines.append(f"{sha256_of_bytes(read_bounded(folder / name, MAX_RECORD_BYTES))}  {name}\n")
    except OSError:
        return ""
    return sha256_of_bytes("".join(lines).encode(errors="surrogateescape"))
