"""A cluster without Ray: orders are carried out in this process, and lost, cancelled or spoilt on the way as a test wants it."""

from pathlib import Path

from small_runs import small_plan

from tinyexp.launch.drive import train
from tinyexp.launch.job import Job
from tinyexp.launch.progress import PlainProgress
from tinyexp.launch.ray.executor import RayExecutor
from tinyexp.launch.ray.node import carry_out
from tinyexp.launch.ray.order import Order, Word
from tinyexp.launch.ray.seam import Lost, Need


class StandIn:
    """Carries out orders in threads of this process, ``most`` at once; ``meddle`` may replace what is heard."""

    def __init__(self, meddle=lambda order, word, archive: None, most=2):
        self._meddle, self._most = meddle, most
        self.orders, self.states, self.stopped, self.closed, self.forgotten = [], [], set(), False, 0
        self.out, self.said = 0, []

    def start(self, order, state, need):
        read = Order.model_validate_json(order.model_dump_json())
        self.orders.append(read)
        self.states.append(state)
        self.out += 1
        stopped = self.stopped
        self.said.append(carry_out(read.model_dump_json(), state, lambda: read.number in stopped))
        return read, self.said[-1]

    def heard(self, streams, wait_s):
        for handle, (order, said) in streams.items():
            word, archive = next(said)
            read = Word.model_validate_json(word)
            meddled = self._meddle(order, read, archive)
            if isinstance(meddled, Lost):
                said.close()
            if isinstance(meddled, Lost) or (read.kind == "ended" and not meddled):
                self.out -= 1
            return [(handle, meddled or (word, archive))]
        return []

    def stop(self, number):
        self.stopped.add(number)

    def forget(self, stream):
        self.forgotten += 1
        self.out -= 1
        stream[1].close()

    def room(self, need):
        return self._most

    def close(self):
        self.closed = True
        for said in self.said:  # whose trainings would go on else
            said.close()


def jobs_in(runs, count=1, names=("tiny-design1",), **options):
    return [
        Job(small_plan(runs, name, seed), Path("data"), **options) for seed in range(count) for name in names
    ]


def executor(runs, cluster, said=None, **options):
    told = said if said is not None else []
    return RayExecutor(cluster, runs, lambda job: Need(), say=told.append, **options)


def launch(chosen, cluster, said=None, **options):
    runs = chosen[0].plan.folder.path.parents[2]
    outcomes, code = train(chosen, executor(runs, cluster, said, **options), PlainProgress(1))
    assert cluster.closed
    assert not list(runs.glob(".ray*"))  # nothing is left of the mark
    return outcomes, code
