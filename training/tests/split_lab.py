# SPDX-License-Identifier: GPL-3.0-or-later
"""Receiver-led training in one process, on pictures small enough for a test."""

from collections.abc import Callable
from pathlib import Path

import torch
from semcom_models.deepsc_tu import DeepScTu as Coder
from semcom_models.smallnet import SmallNet
from semcom_training.data import LabelledImages
from semcom_training.deepsc_tu import Classification, DeepScTu, SemanticDistortion
from semcom_training.jscc import Conditions
from semcom_training.loop import Schedule, fit
from semcom_training.split.air import SendsBehind, Simulated
from semcom_training.split.receiver import Plan, Receiver
from semcom_training.split.transmitter import GreetAgain, Transmitter
from semcom_training.split.wire import Message, Refusal, WireError, packed, parsed

ARGUMENTS = {"stride": 8, "channels": 3, "symbols_per_cell": 4, "overlap": 2}
SCHEDULE = Schedule(epochs=3, batch=16, learning_rate=1e-2)
STEPS = 4  # an epoch, of 64 pictures
QUESTIONS = STEPS + 1  # an epoch, with the trial; the first follows a greeting
CONDITIONS = Conditions(snr_db=(3, 10), erasure_rate=0.2)
SEED = 5


def method(conditions: Conditions = CONDITIONS) -> DeepScTu:
    torch.manual_seed(SEED)
    coder, judge = Coder(**ARGUMENTS), SmallNet(classes=2)
    return DeepScTu(coder, Classification(judge), conditions, SemanticDistortion(alpha=10), compiled=False)


def receiver(
    blobs: LabelledImages,
    folder: Path,
    figures: list[dict] | None = None,
    *,
    start: Callable[[], DeepScTu] = method,
) -> Receiver:
    plan = Plan(
        architecture="deepsc-tu", arguments=ARGUMENTS, start=start, schedule=SCHEDULE, seed=SEED, folder=folder / "rx"
    )
    told = [] if figures is None else figures
    return Receiver(
        plan,
        blobs,
        blobs,
        air=lambda made: Simulated(made.link),
        tell=lambda _, each: told.append(each),
        say=lambda _: None,
    )


def transmitter(blobs: LabelledImages, folder: Path, *, say: Callable[[str], None] = lambda _: None) -> Transmitter:
    return Transmitter(blobs, blobs, air=SendsBehind(), folder=folder / "tx", say=say)


class Wire:
    """Asks a receiver in this process, and keeps all that goes either way; ``before`` gets the number of a question."""

    def __init__(
        self, answer: Callable[[list[bytes]], list[bytes]], before: Callable[[int], None] = lambda _: None
    ) -> None:
        self.answer, self.before, self.carried = answer, before, []

    def __call__(self, message: Message, *behind: bytes, expected: type[Message]) -> tuple[Message, list[bytes]]:
        self.before(len(self.carried) // 2)
        question = packed(message, *behind)
        self.carried += [question, self.answer(question)]
        reply, rest = parsed(self.carried[-1])
        if isinstance(reply, Refusal):
            raise GreetAgain(reply.why) if reply.greet else WireError(reply.why)
        assert isinstance(reply, expected)
        return reply, rest


def joint(blobs: LabelledImages, folder: Path) -> dict[str, torch.Tensor]:
    made = method()
    fit(made, SCHEDULE, blobs, blobs, seed=SEED, run=folder / "joint")
    return made.trained.state_dict()


def check_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=1e-4, atol=1e-6)
