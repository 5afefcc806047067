"""Where the processes of one run meet: a store over TCP, in which each says that it is there, and rank 0 what all go by."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Any

import torch
import torch.distributed as dist

from tinyexp.config.section import PositiveInt, Section
from tinyexp.errors import InterruptedRunError, TinyexpError, UserError
from tinyexp.trainers.vision.training.ranks import LostRankError, ManyRanks
from tinyexp.trainers.vision.training.world import World

PrefixStore: Any = getattr(dist, "PrefixStore", None)
TCPStore: Any = getattr(dist, "TCPStore", None)
"""None where torch was built without them: a run of one process needs none."""
_POLL_S = 0.05
_FOR_EVER_S = 1e7
_TRY_S = 5.0
_ENDED, _SETUP = "ended", "setup"


class Setup(Section):
    """What rank 0 found out for all processes."""

    device: str
    channels_last: bool
    threads: PositiveInt


class Meeting:
    """One process's side of the store.

    Parameters
    ----------
    key
        Of the run: processes that a launcher started may train several, one after the other.
    patience
        Seconds that one process waits for another; 0 to wait for ever.
    stop_code
        Asked while it waits: 0 to go on, else the exit code to leave with.
    """

    def __init__(self, world: World, key: str, patience: float, stop_code: Callable[[], int]) -> None:
        self.world, self._patience, self._stop_code = world, patience or _FOR_EVER_S, stop_code
        self._deadline = time.monotonic() + self._patience
        if not dist.is_available():
            raise UserError(
                "the installed torch was built without torch.distributed. Use --set execution.devices=1."
            )
        store = self._connected()
        store.set_timeout(timedelta(seconds=self._patience))
        self.port = store.port
        """Where it is open: the one that the system gave, where any free one was asked for."""
        self._store = PrefixStore(f"{key}/{world.attempt}", store)

    def _connected(self) -> Any:
        world, serves = self.world, self.world.serves and self.world.rank == 0
        while True:
            try:
                # A port that a launcher gave serves all runs of its processes; a free one is this run's.
                return (_given if world.port else _opened)(world.address, world.port, serves)
            except RuntimeError as error:
                if serves or time.monotonic() > self._deadline:
                    raise TinyexpError(
                        f"rank {world.rank} cannot {'open' if serves else 'reach'} {world.address}:{world.port}, where the run's"
                        f" processes meet ({_first_line(error)}). Set MASTER_ADDR and MASTER_PORT, or start it again."
                    ) from error
            self._require_wanted("")

    def _require_wanted(self, late: str) -> None:
        """Raise where nobody waits any longer; ``late`` says what is too late."""
        if code := self._stop_code():
            raise InterruptedRunError("stopped before the run's processes had met; nothing is lost.", code)
        if late and time.monotonic() > self._deadline:
            raise TinyexpError(
                f"{late} after {self._patience:g} s (execution.timeout_seconds). Start the run again."
            )

    def lead(self, setup: Setup, absent: Callable[[], str]) -> ManyRanks:
        """Rank 0: wait for all others, tell them the setup, and join the group.

        Parameters
        ----------
        absent
            Why another process will never come, as a sentence; empty while it may.
        """
        others = [_here(rank) for rank in range(1, self.world.size)]
        while not self._store.check(others):
            if words := absent() or self.fault():
                raise TinyexpError(words)
            self._require_wanted(f"of {self.world.size} processes not all were there")
            time.sleep(_POLL_S)
        self._store.set(_SETUP, setup.model_dump_json())
        return self._join(setup.device)

    def follow(self) -> tuple[ManyRanks, Setup]:
        """Another rank: wait for the setup, and join the group; raises TinyexpError where rank 0 ended before."""
        try:
            self._store.set(_here(self.world.rank), "")
            while not self._store.check([_SETUP]):
                self.require_led()
                self._require_wanted("rank 0 had not begun")
                time.sleep(_POLL_S)
            setup = Setup.model_validate_json(self._store.get(_SETUP))
        except RuntimeError as error:
            raise LostRankError(error) from error
        return self._join(setup.device), setup

    def _join(self, device: str) -> ManyRanks:
        try:
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo",
                store=PrefixStore("group", self._store),
                rank=self.world.rank,
                world_size=self.world.size,
                timeout=timedelta(seconds=self._patience),
            )
        except RuntimeError as error:
            raise LostRankError(error) from error
        return ManyRanks()

    def end(self, exit_code: int) -> None:
        """Rank 0: say that the run ended here, and how."""
        with contextlib.suppress(RuntimeError):
            self._store.set(_ENDED, str(exit_code))

    def require_led(self) -> None:
        """Another rank: raise TinyexpError with rank 0's exit code where it ended."""
        with contextlib.suppress(RuntimeError):  # it is gone, and says nothing
            if self._store.check([_ENDED]):
                error = TinyexpError("rank 0 ended the run, and said why.")
                error.exit_code = int(self._store.get(_ENDED))
                raise error

    def complain(self, message: str) -> None:
        """Another rank: say what it ends of, for rank 0 to tell."""
        with contextlib.suppress(RuntimeError):
            self._store.set("fault", f"rank {self.world.rank}: {message}")

    def fault(self) -> str:
        """What another rank said that it ends of."""
        with contextlib.suppress(RuntimeError):
            if self._store.check(["fault"]):
                return str(self._store.get("fault").decode())
        return ""


def leave_group() -> None:
    """Close the connections to the other processes, so that none waits for this one."""
    if not (dist.is_available() and dist.is_initialized()):
        return
    with contextlib.suppress(RuntimeError):
        dist.destroy_process_group()


def shared_checkpoint(ranks: ManyRanks, checkpoint: dict[str, Any] | None) -> dict[str, Any] | None:
    """Rank 0's checkpoint on every process, whose machine need not have the run's folder."""
    content = b""
    if ranks.rank == 0 and checkpoint is not None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        content = buffer.getvalue()
    content = ranks.from_first(content)
    if ranks.rank == 0 or not content:
        return checkpoint
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state


def _here(rank: int) -> str:
    return f"here/{rank}"


def _opened(address: str, port: int, serves: bool) -> Any:  # noqa: FBT001 - a key of the cache
    # Short, as no signal is heard meanwhile.
    timeout = timedelta(seconds=_TRY_S)
    return TCPStore(address, port, is_master=serves, timeout=timeout, wait_for_workers=False)


_given = lru_cache(maxsize=1)(_opened)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
