"""What the processes of one run say to each other. A run of one process says nothing, and has the bits that it always had.

Plain torch.distributed, and not Fabric's DDPStrategy: torch's DDP lays its buckets anew after the first step, so that the
first step after a resume would add the processes' gradients in another order than an untouched run; and NCCL chooses its
algorithm by the machines. Here the processes only ever *send* numbers: each adds up its own part of the gradients in the
order of ranks, and sends the sum to all. That costs the traffic of a ring, and no backend, topology or resume can
change a bit. It does not run beside the backward pass, as DDP's buckets do.

Batch normalization takes each process's own slice, as in DDP; its running statistics are those of rank 0.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tinyexp.errors import TinyexpError
from tinyexp.failpoints import failpoint


class LostRankError(TinyexpError):
    """Another process of the run ended, hangs, or cannot be reached."""

    def __init__(self, error: RuntimeError) -> None:
        """``error`` is what torch says of it."""
        said = str(error).partition("\n")[0][:200]
        super().__init__(
            f"another process of the run was lost ({said}); the same command goes on from the last commit."
        )


@contextlib.contextmanager
def _talking() -> Iterator[None]:
    """torch has no type of its own for a peer that is gone."""
    try:
        yield
    except RuntimeError as error:
        raise LostRankError(error) from error


class Ranks:
    """The only process of a run: it agrees with itself."""

    rank, size = 0, 1

    @property
    def key(self) -> tuple[int, ...]:
        """What tells this process's draws of dropout from the others'."""
        return ()

    def agreed(self, stop: int, *, commit: bool = False) -> tuple[int, bool]:
        """Whether all stop, with which exit code, and whether all commit: where one of them asks for it."""
        return stop, commit

    def weighted(self, loss: Tensor, own: int, whole: int) -> Tensor:
        """What the mean loss of ``own`` images adds to the mean over the ``whole`` batch."""
        del own, whole
        return loss

    def sum_gradients(self, model: nn.Module) -> None:
        """Every parameter's gradient becomes the sum over the processes: that of the whole batch's mean loss."""

    def sums(self, loss: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
        """Over the processes: the summed loss of a step's images, float64, and the right answers, int64."""
        return loss, correct

    def align(self, model: nn.Module) -> None:
        """Give all processes rank 0's running statistics.

        Raises
        ------
        TinyexpError
            Their weights are not equal to the bit.
        """

    def in_order(self, columns: Sequence[Tensor], places: Sequence[int], count: int) -> list[Tensor]:
        """Columns of an evaluation over all ``count`` images, of which these processes have each their own ``places``."""
        del places, count
        return list(columns)


class ManyRanks(Ranks):
    """One of several processes; all are in the default group, which speaks gloo between processors, NCCL between GPUs."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    @property
    def key(self) -> tuple[int, ...]:
        """The rank."""
        return (self.rank,)

    def agreed(self, stop: int, *, commit: bool = False) -> tuple[int, bool]:
        """The largest exit code, and whether anybody wants to commit.

        Asked at every step: one message of two numbers.
        """
        asked = torch.tensor([stop, int(commit)])  # on the processor, so that no GPU is waited for
        with _talking():
            dist.all_reduce(asked, dist.ReduceOp.MAX)
        code, due = asked.tolist()
        return int(code), bool(due)

    def weighted(self, loss: Tensor, own: int, whole: int) -> Tensor:
        """Slices may be unequal by an image."""
        return loss * (own / whole)

    def sum_gradients(self, model: nn.Module) -> None:
        """Each process adds up one part of all gradients, in the order of ranks."""
        failpoint(f"rank {self.rank} gradients")
        gradients = [one.grad for one in model.parameters() if one.grad is not None]
        flat = torch.cat([one.reshape(-1) for one in gradients])
        sent = nn.functional.pad(flat, (0, -len(flat) % self.size))
        received = torch.empty_like(sent)
        with _talking():
            dist.all_to_all_single(received, sent)
        parts = received.view(self.size, -1)
        own = parts[0].clone()
        for part in parts[1:]:
            own += part
        failpoint(f"rank {self.rank} summed")
        with _talking():
            dist.all_gather(list(sent.view(self.size, -1).unbind()), own)
        sizes = [one.numel() for one in gradients]
        for gradient, summed in zip(gradients, torch.split(sent[: len(flat)], sizes), strict=True):
            gradient.copy_(summed.view(gradient.shape))

    def sums(self, loss: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
        """In the order of ranks; on the device, so that no step waits for it."""
        own = torch.stack([loss.double(), correct.double()])
        parts = self._gathered(own)
        whole = parts[0]
        for part in parts[1:]:
            whole = whole + part
        return whole[0], whole[1].long()

    def align(self, model: nn.Module) -> None:
        """Machines that compute otherwise would drift apart; that is noticed before the next commit."""
        with _talking():
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)
        digest = hashlib.sha256()
        for value in model.parameters():
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        own = torch.tensor([int.from_bytes(digest.digest()[:7], "big")])
        parts = self._gathered(own)
        apart = [rank for rank, part in enumerate(parts) if part.item() != parts[0].item()]
        if apart:
            raise TinyexpError(
                f"the weights of rank {apart[0]} are not those of rank 0: their machines compute different bits. Use"
                " machines of one type; the run stands at its last commit."
            )

    def in_order(self, columns: Sequence[Tensor], places: Sequence[int], count: int) -> list[Tensor]:
        """Each row comes from one process, and the others add zeros, which changes no number."""
        table = torch.zeros(count, len(columns), dtype=torch.float64)
        table[torch.as_tensor(places, dtype=torch.int64)] = torch.stack(
            [one.cpu().double() for one in columns], dim=1
        )
        with _talking():
            dist.all_reduce(table)
        return [values.to(column.dtype) for values, column in zip(table.unbind(dim=1), columns, strict=True)]

    def from_first(self, content: bytes) -> bytes:
        """Rank 0's bytes, which may be none."""
        length = torch.tensor([len(content)])
        with _talking():
            dist.broadcast(length, 0)
        sent = torch.empty(int(length), dtype=torch.uint8)
        if self.rank == 0 and content:
            sent = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        with _talking():
            dist.broadcast(sent, 0)
        return sent.numpy().tobytes()

    def _gathered(self, own: Tensor) -> list[Tensor]:
        """Everybody's, in the order of ranks."""
        parts = [torch.empty_like(own) for _ in range(self.size)]
        with _talking():
            dist.all_gather(parts, own)
        return parts
