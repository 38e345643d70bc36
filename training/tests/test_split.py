# SPDX-License-Identifier: GPL-3.0-or-later
"""Receiver-led training in one process: what it comes to, what is on the wire, and that either side may die."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch
from semcom_training.data import LabelledImages
from semcom_training.deepsc_tu import DeepScTu
from semcom_training.jscc import Conditions
from semcom_training.loop import batches, fit
from semcom_training.processes import ALONE
from semcom_training.split.half import Half
from semcom_training.split.wire import (
    Batch,
    Feedback,
    Finished,
    Hello,
    Message,
    Noted,
    Trial,
    Welcome,
    packed,
    parsed,
)
from split_lab import QUESTIONS, SCHEDULE, SEED, STEPS, Wire, check_equal, joint, method, receiver, transmitter

pytestmark = pytest.mark.usefixtures("greeting_at_once")


class Cut(Exception):
    """A side dies."""


def test_it_comes_to_what_joint_training_comes_to(blobs: LabelledImages, tmp_path: Path) -> None:
    figures: list[dict] = []
    leader = receiver(blobs, tmp_path, figures)
    steps = list(transmitter(blobs, tmp_path).run(Wire(leader.answer)))
    check_equal(joint(blobs, tmp_path), leader.trained.trained.state_dict())
    check_equal(
        leader.trained.trained.encoder.state_dict(), safetensors.torch.load_file(tmp_path / "tx/encoder.safetensors")
    )
    assert [each.step for each in steps] == list(range(1, STEPS * SCHEDULE.epochs + 1))
    assert len(figures) == SCHEDULE.epochs and all({"accuracy", "psnr_db", "loss"} == each.keys() for each in figures)


def test_either_side_sees_how_far_it_is(blobs: LabelledImages, tmp_path: Path) -> None:
    """The receiver as the joint loop would; the transmitter sees the SNR."""
    start, figures, expected = partial(method, Conditions(snr_db=(6, 6), erasure_rate=0)), [], []
    wire = Wire(receiver(blobs, tmp_path, figures, start=start).answer)
    steps = list(transmitter(blobs, tmp_path).run(wire))
    log = SimpleNamespace(
        begin=lambda step: None,
        step=lambda step, **figures: None,
        epoch=lambda epoch, figures, step: expected.append(figures),
        close=lambda: None,
    )
    fit(start(), SCHEDULE, blobs, blobs, seed=SEED, run=tmp_path / "joint", log=log)
    for own, other in zip(figures, expected, strict=True):
        assert own["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert own["psnr_db"] == pytest.approx(other["psnr_db"], abs=0.1)  # over other noise
        assert own["accuracy"] == pytest.approx(other["accuracy"], abs=0.1)
    assert json.loads(wire.carried[1][0])["snr_db"] == 6
    assert all(each.snr_db == pytest.approx(6, abs=0.5) for each in steps)
    trials = [parts for parts in wire.carried if isinstance(parsed(parts)[0], Trial)]
    assert len(trials) == SCHEDULE.epochs


def test_a_decoder_learns_in_training_mode_and_is_tried_in_the_other(blobs: LabelledImages, tmp_path: Path) -> None:
    modes: list[bool] = []

    def pretrained() -> DeepScTu:
        made = method()
        made.trained.eval().decoder.register_forward_hook(lambda decoder, *_: modes.append(decoder.training))
        return made

    list(transmitter(blobs, tmp_path).run(Wire(receiver(blobs, tmp_path, start=pretrained).answer)))
    assert modes == [*[True] * STEPS, False] * SCHEDULE.epochs


def test_the_gradients_of_the_encoder_are_those_of_joint_training(
    blobs: LabelledImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    update = Half.update

    def kept(self: Half, of: torch.Tensor, gradient: torch.Tensor | None = None) -> None:
        update(self, of, gradient)
        if gradient is not None:
            seen.append({name: each.grad.clone() for name, each in self.network.named_parameters()})

    monkeypatch.setattr(Half, "update", kept)
    next(transmitter(blobs, tmp_path).run(Wire(receiver(blobs, tmp_path).answer)))
    made = method()
    [(indices, generator)] = next(batches(len(blobs), SCHEDULE, seed=SEED, epoch=0, world=ALONE))
    made.loss(blobs.images[indices], blobs.labels[indices], generator).backward()
    gradients = {name: each.grad for name, each in made.trained.encoder.named_parameters()}
    assert max(each.abs().max() for each in gradients.values()) > 0
    check_equal(gradients, seen[0])


def test_nothing_of_the_task_is_on_the_wire(blobs: LabelledImages, tmp_path: Path) -> None:
    """Of each message all is accounted for: fields, channel inputs, gradients, outputs, and the encoder's weights."""
    wire, leader = Wire(receiver(blobs, tmp_path).answer), method().trained
    list(transmitter(blobs, tmp_path).run(wire))
    symbols = 2 * leader.symbols_per_cell * (16 // leader.stride) ** 2 * 4  # bytes of a picture
    encoder = len(safetensors.torch.save(leader.encoder.state_dict()))
    behind = {
        Hello: [],
        Welcome: [encoder],
        Batch: [symbols * SCHEDULE.batch],
        Feedback: [symbols * SCHEDULE.batch] * 2,
        Trial: [symbols * len(blobs)],
        Noted: [],
        Finished: [encoder],
    }
    seen = set()
    for parts in wire.carried:
        message, rest = parsed(parts)
        assert [len(each) for each in rest] == behind[type(message)]
        seen |= set(fields(json.loads(parts[0]))) - {"kind"}
        assert not [word for word in (b"label", b"loss", b"accuracy", b"class", b"task", b"alpha") if word in parts[0]]
    assert seen == {
        *("protocol", "pixels_sha256", "by_radio", "checkpoints", "session", "training", "architecture", "snr_db"),
        *("arguments", "stride", "channels", "symbols_per_cell", "overlap", "seed", "step"),
        *("lessons", "epochs", "batch", "learning_rate", "warmup", "halved_every"),
    }


def fields(content: dict) -> Iterator[str]:
    """The names of all, those inside included."""
    for name, value in content.items():
        yield name
        yield from fields(value) if isinstance(value, dict) else ()


def test_labels_make_no_difference_to_what_the_transmitter_says(blobs: LabelledImages, tmp_path: Path) -> None:
    other = LabelledImages(blobs.images, 1 - blobs.labels)
    first = [Wire(receiver(blobs, tmp_path / str(i)).answer) for i in range(2)]
    for i, (wire, seen) in enumerate(zip(first, (blobs, other), strict=True)):
        next(transmitter(seen, tmp_path / str(i)).run(wire))
    drawn = [[json.loads(wire.carried[1][0])[name].encode() for name in ("session", "training")] for wire in first]
    one, two = (
        [[part.replace(ids[0], b"").replace(ids[1], b"") for part in parts] for parts in wire.carried]
        for ids, wire in zip(drawn, first, strict=True)
    )
    assert one == two


@pytest.mark.parametrize("question", [1, 4, 5, 6, 9, 10, 16])
def test_a_transmitter_that_dies_goes_on_from_its_last_epoch(
    blobs: LabelledImages, tmp_path: Path, question: int
) -> None:
    leader = receiver(blobs, tmp_path)

    def dies(number: int) -> None:
        if number == question:
            raise Cut

    with pytest.raises(Cut):
        list(transmitter(blobs, tmp_path).run(Wire(leader.answer, dies)))
    wire = Wire(leader.answer)
    steps = list(transmitter(blobs, tmp_path).run(wire))
    done = question // QUESTIONS
    assert json.loads(wire.carried[1][0])["step"] == STEPS * done
    assert len(steps) == STEPS * (SCHEDULE.epochs - done)
    check_equal(joint(blobs, tmp_path), leader.trained.trained.state_dict())


@pytest.mark.parametrize("question", [1, 4, 5, 6, 9, 10, 16])
@pytest.mark.parametrize("answered", [True, False])
def test_a_receiver_that_dies_goes_on_from_the_last_epoch_of_both(
    blobs: LabelledImages, tmp_path: Path, question: int, answered: bool
) -> None:
    """Before a question reaches it, or before its answer gets out."""
    leaders = [receiver(blobs, tmp_path)]

    def anew() -> None:
        if len(leaders) == 1:
            leaders.append(receiver(blobs, tmp_path))

    def dies(number: int) -> None:
        if number == question:
            if answered:
                leaders[0].answer(wire.asked)
            anew()

    class Remembering(Wire):
        def __call__(self, message: Message, *behind: bytes, expected: type[Message]) -> tuple[Message, list[bytes]]:
            self.asked = packed(message, *behind)
            return super().__call__(message, *behind, expected=expected)

    wire = Remembering(lambda parts: leaders[-1].answer(parts), dies)
    list(transmitter(blobs, tmp_path).run(wire))
    greeted = [json.loads(parts[0])["step"] for parts in wire.carried if b'"welcome"' in parts[0]]
    assert greeted == [0, STEPS * (question // QUESTIONS)]
    check_equal(joint(blobs, tmp_path), leaders[1].trained.trained.state_dict())


def test_a_question_asked_twice_is_answered_once(blobs: LabelledImages, tmp_path: Path) -> None:
    leader = receiver(blobs, tmp_path)

    def twice(parts: list[bytes]) -> list[bytes]:
        first = leader.answer(parts)
        return first if isinstance(parsed(parts)[0], Hello) else leader.answer(parts)

    list(transmitter(blobs, tmp_path).run(Wire(twice)))
    check_equal(joint(blobs, tmp_path), leader.trained.trained.state_dict())
