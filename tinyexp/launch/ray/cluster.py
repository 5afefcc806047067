"""The one file that calls Ray. Imported where ``--on ray`` is asked for, and on the nodes."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

import ray
from ray import exceptions
from ray._private import (
    services,
)  # what `ray.init` asks for "auto"; nothing public says which address that is

from tinyexp import stopping
from tinyexp.errors import TinyexpError, UserError
from tinyexp.launch.executor import Handle
from tinyexp.launch.ray.node import carry_out
from tinyexp.launch.ray.order import Order, Spoken
from tinyexp.launch.ray.seam import Failed, Heard, Lost, Need, Stream

_FETCH_S = 0.2
"""What was said is here a moment after it is announced; of a node that has just died it never comes, which Ray needs time to notice."""
_ANSWER_S = 10.0
_ROOM_S = 5.0
"""Nodes come and go; how much room there is is asked this often."""
_MANY = 1_000_000


class Stops:
    """The numbers of the orders that are to commit and leave: one actor, which all tasks ask."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()

    def stop(self, number: int) -> None:
        self._numbers.add(number)

    def is_stopped(self, number: int) -> bool:
        return number in self._numbers


def carried_out(text: str, state: bytes, number: int, stops: Any) -> Iterator[Spoken]:
    """The task."""
    yield from carry_out(text, state, _asker(number, stops))


def _asker(number: int, stops: Any) -> Callable[[], bool]:
    """Asks the actor without waiting for it: the answer is that of the question before.

    A task that waits for anything, if only for no time, lends its processors to the next one, and never gets them back: two runs
    would be trained where there is room for one. Hence a future, which Ray fills by itself.
    """
    asked: list[Future[bool]] = []

    def stop_asked() -> bool:
        if not asked:
            asked.append(stops.is_stopped.remote(number).future())
        if not asked[0].done():
            return False
        try:
            return asked.pop().result()
        # The actor is gone with its node; the launcher can still take the order back.
        except exceptions.RayError:
            return False

    return stop_asked


class RayCluster:
    """A cluster that is running; see :class:`tinyexp.launch.ray.seam.Cluster`."""

    def __init__(self, address: str) -> None:
        """Raises UserError where there is none."""
        _connect(address)
        self._stops = ray.remote(Stops).options(num_cpus=0).remote()
        self._task = ray.remote(carried_out)
        self._pending: dict[Handle, Any] = {}
        self._room_known: dict[Need, int] = {}
        self._room_due = 0.0

    def start(self, order: Order, state: bytes, need: Need) -> Stream:
        """See :class:`tinyexp.launch.ray.seam.Cluster`."""
        options = {
            "num_returns": "streaming",
            "max_retries": 0,  # only here is it known what a run goes on from
            "num_cpus": need.cpus,
            "num_gpus": need.gpus,
            "name": f"tinyexp {order.task.record.experiment.name} {order.task.record.seed}",
            "_generator_backpressure_num_objects": 2,  # archives wait on the node until they are fetched
        }
        self._pending.pop(order.number, None)
        with _reachable():
            return self._task.options(**options).remote(
                order.model_dump_json(), state, order.number, self._stops
            )

    def heard(self, streams: Mapping[Handle, Stream], wait_s: float) -> list[tuple[Handle, Heard]]:
        """See :class:`tinyexp.launch.ray.seam.Cluster`."""
        handles = {self._pending.get(handle, stream): handle for handle, stream in streams.items()}
        with _reachable():
            found, _ = ray.wait([*handles], num_returns=1, timeout=wait_s)
            if found:  # and all others that are ready too
                found, _ = ray.wait([*handles], num_returns=len(handles), timeout=0)
        said = [(handles[one], self._said(handles[one], one)) for one in found]
        return [(handle, heard) for handle, heard in said if heard is not None]

    def stop(self, number: int) -> None:
        """See :class:`tinyexp.launch.ray.seam.Cluster`."""
        self._stops.stop.remote(number)

    def forget(self, stream: Stream) -> None:
        """See :class:`tinyexp.launch.ray.seam.Cluster`."""
        with contextlib.suppress(exceptions.RayError, ValueError, TypeError):
            ray.cancel(stream)

    def room(self, need: Need) -> int:
        """See :class:`tinyexp.launch.ray.seam.Cluster`."""
        if time.monotonic() >= self._room_due:
            self._room_known.clear()
            self._room_due = time.monotonic() + _ROOM_S
        if need not in self._room_known:
            with _reachable():
                nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            self._room_known[need] = sum(_fitting(node, need) for node in nodes)
        return self._room_known[need]

    def close(self) -> None:
        """See :class:`tinyexp.launch.ray.seam.Cluster`. Ray ends the tasks and the actor of a launcher that leaves."""
        try:
            with contextlib.suppress(exceptions.RayError, ConnectionError):
                ray.kill(self._stops)
        finally:
            ray.shutdown()

    def _said(self, handle: Handle, waited_for: Any) -> Heard | None:
        if not isinstance(waited_for, ray.ObjectRef):  # the stream has something, which is fetched next
            try:
                self._pending[handle] = next(waited_for)
            except StopIteration:
                return Lost("it ended without a word")
        fetched = self._pending.pop(handle)
        try:
            said: Spoken = ray.get(fetched, timeout=_FETCH_S)
        except exceptions.GetTimeoutError:
            self._pending[handle] = fetched
            return None
        except exceptions.RayTaskError as error:
            return Failed(_failure(error))
        except exceptions.RayError as error:
            return Lost(_first_line(error))
        return said


def _fitting(resources: Mapping[str, float], need: Need) -> int:
    """How many such orders a node of these resources can carry out at once."""
    wanted = {"CPU": need.cpus, "GPU": need.gpus}
    counts = [int(resources.get(name, 0) / amount + 1e-9) for name, amount in wanted.items() if amount]
    return min(counts, default=_MANY)


def _connect(address: str) -> None:
    """Raise UserError where no cluster answers at the address; none is ever started."""
    try:
        _require_answer(address if address != "auto" else services.canonicalize_bootstrap_address(address))
        with _own_signal_handlers():
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = (
            "no Ray cluster is running here" if address == "auto" else f"no Ray cluster answers at {address}"
        )
        raise UserError(
            f"--on ray: {where} ({_first_line(error)}). Start one with `ray start --head`, or name one with --ray-address HOST:PORT "
            "or $RAY_ADDRESS."
        ) from error


def _require_answer(address: str) -> None:
    """Raise OSError or ValueError where nobody listens, of which Ray takes minutes to be sure."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()


@contextlib.contextmanager
def _reachable() -> Iterator[None]:
    """Raise TinyexpError where the cluster itself is gone."""
    try:
        yield
    except (exceptions.RayError, ConnectionError) as error:
        raise TinyexpError(
            f"--on ray: the cluster does not answer any more ({_first_line(error)}). What came back is kept: once it is up "
            "again, the same command goes on."
        ) from error


@contextlib.contextmanager
def _own_signal_handlers() -> Iterator[None]:
    """Ray's handlers would end the process where a run is to commit first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in stopping.asked_by()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _failure(error: exceptions.RayTaskError) -> str:
    """What went wrong on a node before or beside training."""
    cause = error.cause if error.cause is not None else error
    said = f"{type(cause).__name__}: {_first_line(cause)}"
    return f"its node could not carry it out ({said}). Install the same tinyexp on all nodes of the cluster."


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
