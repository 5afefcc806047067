"""Real small disks: a tmpfs of a stated size, which fills up and turns read-only as any disk does."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class Disk:
    """A mounted tmpfs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Take every block that is free."""
        with (self.path / "filler").open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(4096))

    def free(self) -> None:
        (self.path / "filler").unlink()

    def turn_read_only(self) -> None:
        """Also under files that are open for writing: a second mount over the first, which nobody writes through."""
        subprocess.run(["mount", "--bind", str(self.path), str(self.path)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(self.path)], check=True)

    def turn_writable(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)

    def resize(self, size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.path)], check=True)


def _mount(what: str, command: list[str]) -> None:
    """Mount it; where that is not allowed the test is left out, and fails in CI."""
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        words = f"no {what} can be mounted: {mounted.stderr.strip()}"
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)


@contextlib.contextmanager
def small_disk(path: Path, size: str) -> Iterator[Disk]:
    """Mount one at a new folder; needs root, which a container's user has."""
    path.mkdir()
    _mount("disk", ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)])
    try:
        yield Disk(path)
    finally:
        while path.is_mount():
            subprocess.run(["umount", "--lazy", str(path)], check=True)


@contextlib.contextmanager
def overlay(place: Path, lower: Path) -> Iterator[Path]:
    """A folder as a container sees one that came with its image: files of ``lower``, changes elsewhere; its folders cannot be renamed."""
    with small_disk(place, "64m"):
        above, work, seen = (place / name for name in ("above", "work", "seen"))
        for folder in (above, work, seen):
            folder.mkdir()
        options = f"lowerdir={lower},upperdir={above},workdir={work},redirect_dir=off"
        _mount("overlay", ["mount", "-t", "overlay", "overlay", "-o", options, str(seen)])
        try:
            yield seen
        finally:
            subprocess.run(["umount", "--lazy", str(seen)], check=True)
