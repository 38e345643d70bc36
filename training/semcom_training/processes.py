# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that train together: as many as torchrun started, or one alone.

A step is made of shards, which are parts of the batch.  The processes share them out, and what a step leaves is the
same, but for rounding, however many there are.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass

import torch
import torch.distributed.nn  # before there is a group: its functions' defaults would keep that one's threads at work
from torch import Tensor, distributed, nn

from semcom_training.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class World:
    """``size`` processes, of which this one has the number ``rank``; it works on ``device``."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    def wait(self) -> None:
        """Until all processes have come so far."""
        if self.size > 1:
            distributed.barrier()

    def start_alike(self, module: nn.Module, *, epochs_done: int) -> None:
        """Give all processes the weights of the first.

        Raises:
            ConfigError: they have not done as many epochs, which means that they see different checkpoints.
        """
        if self.size == 1:
            return
        least, most = (torch.tensor(epochs_done) for _ in range(2))
        distributed.all_reduce(least, distributed.ReduceOp.MIN)
        distributed.all_reduce(most, distributed.ReduceOp.MAX)
        if least != most:
            raise ConfigError("The processes see different checkpoints; let --runs be a folder that all hosts share.")
        _as_one(
            [each for each in module.state_dict().values() if each.is_floating_point()],
            lambda flat: distributed.broadcast(flat, src=0),
        )

    def mean_over_shards(self, shards: int, backward: Callable[[int], float], module: nn.Module) -> float:
        """The mean over all ``shards`` of what ``backward`` returns, which is called here for this process's.

        It adds a shard's part of the gradients of ``module``: left are their sums over all shards.  The running
        statistics, which each shard moves from where they were before, are left at the mean.
        """
        if shards == 1:
            return backward(0)
        statistics = [each for each in module.buffers() if each.is_floating_point()]
        before = [each.clone() for each in statistics]
        moved = [torch.zeros_like(each) for each in statistics]
        mean = torch.zeros(1)
        for shard in range(self.rank, shards, self.size):
            mean += backward(shard) / shards
            for each, start, way in zip(statistics, before, moved, strict=True):
                way += (each - start) / shards
                each.copy_(start)
        if self.size > 1:
            gradients = [each.grad for each in module.parameters() if each.grad is not None]
            _as_one([mean, *gradients, *moved], distributed.all_reduce)
        for each, way in zip(statistics, moved, strict=True):
            each += way
        return mean.item()


ALONE = World()


@contextmanager
def joined() -> Iterator[World]:
    """The processes that torchrun started, or this one alone, on a GPU each where there is one.

    Inside, tensors are made on that device if nothing else is said, and of all processes the first alone prints.
    """
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if on_gpu else torch.device("cpu")
    with ExitStack() as stack:
        if on_gpu:
            torch.cuda.set_device(device)
            stack.enter_context(device)
        if "WORLD_SIZE" not in os.environ:
            yield World(device=device)
            return
        distributed.init_process_group("nccl" if on_gpu else "gloo")
        stack.callback(distributed.destroy_process_group)
        world = World(rank=distributed.get_rank(), size=distributed.get_world_size(), device=device)
        if world.rank:
            stack.enter_context(redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        yield world


def _as_one(tensors: list[Tensor], exchange: Callable[[Tensor], object]) -> None:
    """``exchange`` all tensors in one message."""
    flat = torch.cat([each.reshape(-1) for each in tensors])
    exchange(flat)
    for each, part in zip(tensors, flat.split([each.numel() for each in tensors]), strict=True):
        each.copy_(part.view(each.shape))
