"""The processes of one run from the first to the last: started or met, told how it goes on, and left by none alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tinyexp.errors import DivergedError, InterruptedRunError, TinyexpError
from tinyexp.runs.plan import RunPlan
from tinyexp.trainers.vision.settings import VisionSettings
from tinyexp.trainers.vision.training.device import require_devices
from tinyexp.trainers.vision.training.meeting import Meeting, Setup, leave_group, shared_checkpoint
from tinyexp.trainers.vision.training.others import Others, own_world
from tinyexp.trainers.vision.training.ranks import LostRankError, Ranks
from tinyexp.trainers.vision.training.world import World

Checkpoint = dict[str, Any] | None
Meet = Callable[[Setup, Checkpoint], Ranks]
"""Rank 0, once it knows how the run goes on, has all others begin there, and goes on with them."""


@contextlib.contextmanager
def led(
    plan: RunPlan,
    spec: VisionSettings,
    data_folder: Path,
    world: World | None,
    stop_code: Callable[[], int],
) -> Iterator[Meet]:
    """Rank 0 of a run, with all others there or under way.

    Parameters
    ----------
    world
        Of a run whose processes a launcher started; None to start the others here, if there are any.

    Raises
    ------
    TinyexpError
        Another process was lost. Whatever ends the body, no other process is left waiting.
    """
    if spec.world_size == 1:
        yield lambda _setup, _checkpoint: Ranks()
        return
    if world is None:
        require_devices(spec)
    meeting = meeting_of(plan, spec, own := world or own_world(spec.world_size), stop_code)
    # They load torch while this process looks at checkpoint and environment.
    others = Others(plan, data_folder, own, meeting.port) if world is None else None

    agreed = met = False

    def meet(setup: Setup, checkpoint: Checkpoint) -> Ranks:
        nonlocal met
        ranks, met = meeting.lead(setup, others.lost if others else lambda: ""), True
        shared_checkpoint(ranks, checkpoint)
        return ranks

    try:
        yield meet
        agreed = True
    except (DivergedError, InterruptedRunError) as error:
        agreed = met  # from then on all of them know
        meeting.end(error.exit_code)
        raise
    except LostRankError as error:
        words = meeting.fault() or (others.lost_soon() if others else "")
        raise TinyexpError(words or error.reason) from error
    except TinyexpError as error:
        meeting.end(error.exit_code)
        raise
    except BaseException:
        meeting.end(1)
        raise
    finally:
        leave_group()
        if others:
            others.end(at_once=not agreed)


@contextlib.contextmanager
def following(meeting: Meeting) -> Iterator[None]:
    """Another rank of a run: what ends it is said to rank 0, and what ends rank 0 ends it with that exit code."""
    try:
        yield
    except (DivergedError, InterruptedRunError):
        raise
    except LostRankError:
        meeting.require_led()
        raise
    except Exception as error:
        meeting.complain(
            str(error) if isinstance(error, TinyexpError) else f"{type(error).__name__}: {error}"
        )
        raise
    finally:
        leave_group()


def meeting_of(plan: RunPlan, spec: VisionSettings, world: World, stop_code: Callable[[], int]) -> Meeting:
    """The meeting of a run's processes."""
    return Meeting(world, plan.record.identity, spec.execution.timeout_seconds, stop_code)
