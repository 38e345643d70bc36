# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes between transmitter and receiver: JSON of known fields, and numbers of an agreed length behind it.

There is no field for a label, a loss or a task.  Nothing that arrives is unpickled or executed.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from semcom_models.architecture import Architecture
from torch import Tensor

from semcom_training.loop import Schedule

PROTOCOL = 1
LARGEST_HEADER = 8192
LARGEST = 64 << 20
"""Bytes of a part of a message."""
MOST_PARTS, LONGEST_REFUSAL = 3, 500
HELD_OUT = 1000
"""Pictures of a trial, if so many fit."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Token = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Step = Annotated[int, Field(ge=0, lt=2**53)]
Arguments = dict[str, Annotated[int, Field(ge=0, lt=2**16)]]
"""Of an architecture: what a receiver can tell a transmitter."""


class WireError(Exception):
    """A message that is none, in a sentence."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Checkpoint(_Message):
    """A half that was kept after so many steps of a training, which has this id on both sides."""

    training: Token
    step: Step


class Lessons(_Message):
    """A :class:`semcom_training.loop.Schedule` of one shard."""

    epochs: Annotated[int, Field(ge=1, lt=2**31)]
    batch: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    warmup: Annotated[float, Field(gt=0, lt=1)]
    halved_every: Annotated[int, Field(ge=1)] | None

    @classmethod
    def of(cls, schedule: Schedule) -> "Lessons":
        return cls(**{name: getattr(schedule, name) for name in cls.model_fields})

    def schedule(self) -> Schedule:
        return Schedule(**self.model_dump())


class Hello(_Message):
    """The transmitter's first: which pictures it has, how its channel inputs go, and from where it could go on."""

    kind: Literal["hello"] = "hello"
    protocol: Annotated[int, Field(ge=0, lt=2**16)] = PROTOCOL
    pixels_sha256: Sha256
    by_radio: bool
    checkpoints: Annotated[tuple[Checkpoint, ...], Field(max_length=8)]


class Welcome(_Message):
    """The answer: what to train, and from where on; behind it, at step 0, the encoder's weights."""

    kind: Literal["welcome"] = "welcome"
    session: Token
    training: Token
    architecture: Annotated[str, Field(max_length=64)]
    arguments: Arguments
    snr_db: float
    """To encode for."""
    lessons: Lessons
    seed: Annotated[int, Field(ge=0, lt=2**49)]
    step: Step


class Batch(_Message):
    """The channel inputs of one step, behind it, unless they go by radio."""

    kind: Literal["batch"] = "batch"
    session: str
    step: Step


class Feedback(_Message):
    """Behind it dL/dY and Y, and nothing else."""

    kind: Literal["feedback"] = "feedback"
    step: Step


class Trial(_Message):
    """Channel inputs of held-out pictures after an epoch, for the receiver to see how far it is."""

    kind: Literal["trial"] = "trial"
    session: str
    step: Step


class Finished(_Message):
    """Behind it the weights of the encoder, as a safetensors file."""

    kind: Literal["finished"] = "finished"
    session: str
    step: Step


class Noted(_Message):
    """The answer to a trial, and to the end."""

    kind: Literal["noted"] = "noted"
    step: Step


class Refusal(_Message):
    """Why there is no other answer; ``greet`` asks for a new Hello."""

    kind: Literal["refusal"] = "refusal"
    why: Annotated[str, Field(max_length=LONGEST_REFUSAL)]
    greet: bool = False


Message = Hello | Welcome | Batch | Feedback | Trial | Finished | Noted | Refusal
_ANY = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


def packed(message: Message, *behind: bytes) -> list[bytes]:
    """The parts of a message.

    Raises:
        WireError: one is larger than what the other side takes.
    """
    if any(len(part) > LARGEST for part in behind):
        raise WireError(f"{max(map(len, behind))} bytes are more than {LARGEST}: lower the batch, or code with less.")
    return [message.model_dump_json().encode(), *behind]


def parsed(parts: Sequence[bytes]) -> tuple[Message, list[bytes]]:
    """A message, and what is behind it.

    Raises:
        WireError: it is none.
    """
    if not 1 <= len(parts) <= MOST_PARTS or len(parts[0]) > LARGEST_HEADER or max(map(len, parts)) > LARGEST:
        raise WireError("A message has too many parts, or too large ones.")
    try:
        return _ANY.validate_json(parts[0]), list(parts[1:])
    except (ValidationError, ValueError) as error:
        raise WireError("A message is no JSON with the fields of one.") from error


def trial_size(coder: Architecture, size: Sequence[int]) -> int:
    """How many pictures of ``size`` pixels a trial has at most."""
    return min(HELD_OUT, pictures_in_a_message(coder, size))


def pictures_in_a_message(coder: Architecture, size: Sequence[int]) -> int:
    """How many pictures of ``size`` pixels have channel inputs that fit into a part."""
    cells = math.prod(-(-length // coder.stride) for length in size)
    return LARGEST // (8 * cells * coder.symbols_per_cell)


def as_bytes(values: Tensor) -> bytes:
    """float32, little-endian."""
    return values.detach().to(torch.float32).contiguous().numpy().astype("<f4").tobytes()


def as_floats(behind: Sequence[bytes], shape: Sequence[int], *, count: int = 1) -> list[Tensor]:
    """``count`` tensors of this shape.

    Raises:
        WireError: there are more or fewer, of another length, or with NaN or infinite values.
    """
    length = 4 * int(np.prod(shape))
    if [len(part) for part in behind] != [length] * count:
        raise WireError(f"{count} times {length} bytes belong behind this message.")
    values = [torch.from_numpy(np.frombuffer(part, "<f4").astype(np.float32)).view(*shape) for part in behind]
    if not all(each.isfinite().all() for each in values):
        raise WireError("There are NaN or infinite values behind a message.")
    return values
