# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a config trains, beside the plain loop, and where the time of a step goes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from statistics import median

import torch
from torch import nn
from torch.profiler import ProfilerActivity

from semcom_training.config import Config
from semcom_training.data import FolderImages, LabelledImages
from semcom_training.errors import ConfigError
from semcom_training.loop import Method, Schedule, batches, step
from semcom_training.processes import World
from semcom_training.train import build

PARTS = ("data", "augmentation", "encoder", "channel", "decoder", "downstream network", "backward", "optimiser")
SECONDS = 60.0
WARM_UP = 3
PROFILED = 10


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Of one stage: images a second, ours and those of the plain loop, medians over the steps; and the time in
    milliseconds that a step of ours spends in each part, on a GPU in launching it."""

    stage: str
    ours: float
    plain: float
    parts: dict[str, float]


def profile(config: Config, *, world: World, seconds: float = SECONDS) -> Iterator[Profile]:
    """Times steps of each stage, and leaves nothing behind.

    The plain loop is float32, NCHW instead of channels_last, and not compiled.  The two take turns, step by step, for
    ``seconds``, so that a machine that slows down slows them alike.

    Raises:
        ConfigError: there are several processes; and as :func:`semcom_training.train.build`.
    """
    if world.size > 1:
        raise ConfigError("--profile times one process; leave torchrun out.")
    train, held_out = config.data.load("train"), config.data.load("held_out")
    side = held_out.images.shape[-1]
    _, _, ours = build(config, side=side)
    _, _, plain = build(config.model_copy(update={"compiled": False}), side=side)
    for one, other in zip(ours, plain, strict=True):
        calls = [_steps(each, one.schedule, train, world) for each in (one.method(), in_nchw(other.method()))]
        images_s = [one.schedule.batch / median(times) for times in _in_turns(calls, seconds)]
        yield Profile(stage=one.name, ours=images_s[0], plain=images_s[1], parts=_parts(calls[0]))


def in_nchw(method: Method) -> Method:
    """The same method with all convolutions in PyTorch's default layout."""
    for module in {each for each in vars(method).values() if isinstance(each, nn.Module)}:
        module.to(memory_format=torch.contiguous_format)
        for convolution in module.modules():
            if isinstance(convolution, nn.Conv2d):
                convolution.register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(),))
    return method


def _steps(
    method: Method, schedule: Schedule, train: LabelledImages | FolderImages, world: World
) -> Callable[[], float]:
    """What takes a step of training with each call, at the learning rate that a cycle begins with."""
    optimizer = method.optimizer(learning_rate=schedule.learning_rate / 25)
    epoch = cycle(batches(len(train), schedule, seed=0, epoch=0, world=world))
    method.trained.train()
    return lambda: step(method, optimizer, train, next(epoch), world)


def _in_turns(steps: list[Callable[[], float]], seconds: float) -> list[list[float]]:
    """The duration of each call of each of these, in seconds, without the first few."""
    times: list[list[float]] = [[] for _ in steps]
    end = None
    while end is None or time.perf_counter() < end:
        for call, of_call in zip(steps, times, strict=True):
            started = time.perf_counter()
            call()
            of_call.append(time.perf_counter() - started)
        if len(times[0]) == WARM_UP:
            end = time.perf_counter() + seconds
    return [of_call[WARM_UP:] for of_call in times]


def _parts(call: Callable[[], float]) -> dict[str, float]:
    """Milliseconds a step in each of the parts, and in the rest."""
    with torch.profiler.profile(activities=[ProfilerActivity.CPU]) as profiler:
        started = time.perf_counter()
        for _ in range(PROFILED):
            call()
        whole_ms = 1e3 * (time.perf_counter() - started)
    spent = {each.key: each.cpu_time_total / 1e3 for each in profiler.key_averages() if each.key in PARTS}
    parts = {name: spent[name] / PROFILED for name in PARTS if name in spent}
    return parts | {"the rest": whole_ms / PROFILED - sum(parts.values())}
