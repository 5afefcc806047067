"""A command in a process that is not the first of its run, as torchrun and srun start it: it trains along, and says nothing."""

from __future__ import annotations

import signal
from types import FrameType

from tinyexp import stopping
from tinyexp.config.load import load_profile
from tinyexp.errors import InterruptedRunError, TinyexpError
from tinyexp.launch.prepare import planned
from tinyexp.launch.session import Request, studies_of
from tinyexp.launch.wanted import designs, wanted
from tinyexp.runs.plan import RunPlan
from tinyexp.trainers.base import Listener, trainer_of


def followed(request: Request) -> int | None:
    """Train along with the process that carries the request out; gives the exit code, or None where this is that process.

    Whatever is wrong is rank 0's to say, with the same code: it reads the same files.
    """
    names, _ = studies_of(request)
    experiments = designs(names, request.profile, request.overrides)
    if not any(trainer_of(one.trainer).rank(one) for one in experiments.values()):
        return None
    try:
        seeds = request.seeds or range(load_profile(request.profile).seeds)
        plans = planned(wanted(experiments, [], seeds, None), request.runs, request.data_folder)
    except TinyexpError as error:
        return error.exit_code
    return _trained_along(request, request.shard.of(plans) if request.shard else plans)


def _trained_along(request: Request, plans: list[RunPlan]) -> int:
    """Its runs in their order, as rank 0 has them one after the other."""
    stop, codes = _Stop(), [0]
    for plan in plans:
        experiment = plan.experiment
        if not trainer_of(experiment.trainer).rank(experiment) or (plan.is_finished() and not request.fresh):
            continue
        try:
            trainer_of(experiment.trainer).train(
                plan,
                request.data_folder,
                Listener(stop_code=lambda: stop.code),
                fresh=request.fresh,
                accept_environment=request.accept_environment,
            )
        except InterruptedRunError as error:
            return stop.exit_code(error.exit_code)
        except TinyexpError as error:
            codes.append(error.exit_code)
    return 1 if set(codes) - {0, 2} else max(codes)


class _Stop:
    """A signal as SIGTERM asks all processes of the run to stop; a terminal sends SIGINT to all, so there it is rank 0 that stops them."""

    def __init__(self) -> None:
        before = stopping.code_so_far()
        self.code, self._interrupted = (
            before if before == stopping.ASKED else 0,
            before == stopping.INTERRUPTED,
        )
        stopping.hear(self._take)

    def exit_code(self, agreed: int) -> int:
        """That of rank 0's command, which has its worker stop by SIGTERM whatever it heard itself."""
        return stopping.INTERRUPTED if self._interrupted else agreed

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self._interrupted = True
        else:
            self.code = stopping.code_of(number)
