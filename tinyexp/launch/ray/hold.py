"""Holding a run's folder here while another machine trains it: a lock belongs to a thread, and waiting for it takes one."""

from __future__ import annotations

import threading

from tinyexp.errors import TinyexpError
from tinyexp.runs.folder import RunFolder
from tinyexp.trainers.owned import owned


class Holding:
    """Takes a run's folder, by itself, and keeps it until it is told to let go."""

    def __init__(self, folder: RunFolder) -> None:
        self.refused: TinyexpError | None = None
        """Why the folder could not be had."""
        self._folder, self._held, self._enough = folder, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, name="tinyexp holding", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether it has the folder now."""
        return self._held.is_set() and not self._enough.is_set()

    def release(self) -> None:
        """Let go; once this returns nothing is held. One that still waits lets go as soon as it has the folder."""
        self._enough.set()
        if self._held.is_set():
            self._thread.join()

    def _hold(self) -> None:
        try:
            with owned(self._folder):
                self._held.set()
                self._enough.wait()
        except TinyexpError as error:
            self.refused = error
