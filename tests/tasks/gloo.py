"""A process of a group that learns from its share of a batch."""

from multiprocessing.queues import Queue
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from crossemo.tasks.values import Values


def batch() -> tuple[Tensor, Tensor]:
    """Return ten clips: inputs `(10, 3)` and targets `(10, 2)`."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(10, 3, generator=generator)
    return inputs, torch.rand(10, 2, generator=generator) * 2 - 1


def learn(model: nn.Module, rank: int, world: int, loss: str) -> list[float]:
    """Return the loss of this process's share and the gradients of the model."""
    inputs, targets = (one[rank::world] for one in batch())
    task = Values(loss=loss)  # type: ignore[arg-type]
    value = task.loss(model(inputs), targets, torch.ones(2))
    value.backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return [float(value.detach()), *torch.cat(gradients).tolist()]


def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def learn_in_a_group(
    rank: int, world: int, folder: Path, results: "Queue[dict[str, list[float]]]"
) -> None:
    meeting = f"file://{folder / 'meeting'}"
    distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=world
    )
    shared = {loss: DistributedDataParallel(linear()) for loss in ("ccc", "mse")}
    results.put({n: learn(model, rank, world, n) for n, model in shared.items()})
    distributed.barrier()
    distributed.destroy_process_group()
