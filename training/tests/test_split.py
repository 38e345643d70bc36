# SPDX-License-Identifier: GPL-3.0-or-later
"""Receiver-led training in one process: what it comes to, what is on the wire, and what either side survives."""

import errno
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from semcom_models.deepsc_tu import DeepScTu as Coder
from semcom_models.smallnet import SmallNet
from semcom_training.data import LabelledImages
from semcom_training.deepsc_tu import Classification, DeepScTu, SemanticDistortion
from semcom_training.errors import ConfigError
from semcom_training.jscc import Conditions
from semcom_training.loop import Schedule, batches, fit
from semcom_training.processes import ALONE
from semcom_training.split import half as halves
from semcom_training.split import receiver as receiving
from semcom_training.split import transmitter as transmitting
from semcom_training.split.air import SendsBehind, Simulated
from semcom_training.split.half import Half, checkpoints
from semcom_training.split.receiver import Plan, Receiver
from semcom_training.split.transmitter import GreetAgain, Transmitter
from semcom_training.split.wire import (
    Batch,
    Checkpoint,
    Feedback,
    Finished,
    Hello,
    Lessons,
    Message,
    Noted,
    Refusal,
    Trial,
    Welcome,
    WireError,
    packed,
    parsed,
)

ARGUMENTS = {"stride": 8, "channels": 3, "symbols_per_cell": 4, "overlap": 2}
SCHEDULE = Schedule(epochs=3, batch=16, learning_rate=1e-2)
STEPS = 4  # an epoch, of 64 pictures
QUESTIONS = STEPS + 1  # an epoch, with the trial; the first follows a greeting
CONDITIONS = Conditions(snr_db=(3, 10), erasure_rate=0.2)
SEED = 5
SAID: list[str] = []


class Cut(Exception):
    """A side dies."""


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
        say=SAID.append,
    )


def transmitter(blobs: LabelledImages, folder: Path) -> Transmitter:
    return Transmitter(blobs, blobs, air=SendsBehind(), folder=folder / "tx", say=SAID.append)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before greeting again, and nothing was said."""
    monkeypatch.setattr(transmitting, "PAUSE_S", 0)
    SAID.clear()


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


def test_it_comes_to_what_joint_training_comes_to(blobs: LabelledImages, tmp_path: Path) -> None:
    figures: list[dict] = []
    leader = receiver(blobs, tmp_path, figures)
    steps = list(transmitter(blobs, tmp_path).run(Wire(leader.answer)))
    check_equal(joint(blobs, tmp_path), leader.trained.trained.state_dict())
    check_equal(
        leader.trained.trained.encoder.state_dict(), safetensors.torch.load_file(tmp_path / "tx/encoder.safetensors")
    )
    assert leader.trained.trained.training  # as in the joint loop
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
    for own, joint in zip(figures, expected, strict=True):
        assert own["loss"] == pytest.approx(joint["loss"], rel=1e-4)
        assert own["psnr_db"] == pytest.approx(joint["psnr_db"], abs=0.1)  # over other noise
        assert own["accuracy"] == pytest.approx(joint["accuracy"], abs=0.1)
    assert json.loads(wire.carried[1][0])["snr_db"] == 6
    assert all(each.snr_db == pytest.approx(6, abs=0.5) for each in steps)
    trials = [parts for parts in wire.carried if isinstance(parsed(parts)[0], Trial)]
    assert len(trials) == SCHEDULE.epochs


def test_strangers_that_hold_all_files_delay_a_training_and_do_not_end_it(
    blobs: LabelledImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a greeting and at the end of an epoch, as if the first tries met connections that hold them."""
    held = iter(range(3))

    def listed(folder: Path) -> list[Checkpoint]:
        if next(held, None) is not None:
            raise OSError(errno.EMFILE, "Too many open files")
        return checkpoints(folder)

    monkeypatch.setattr(halves, "PATIENCE_S", 1)
    monkeypatch.setattr(receiving, "checkpoints", listed)
    monkeypatch.setattr(halves, "checkpoints", listed)
    leader = receiver(blobs, tmp_path)
    steps = transmitter(blobs, tmp_path).run(Wire(leader.answer))
    next(steps)
    assert SAID[0].startswith("Greeting the receiver again: Strangers hold all the files")
    held = iter(range(1))
    list(steps)
    check_equal(joint(blobs, tmp_path), leader.trained.trained.state_dict())


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


@pytest.mark.parametrize(
    ("hello", "why"),
    [
        ({"protocol": 9}, "speaks version 9, this receiver 1"),
        ({"pixels_sha256": "0" * 64}, "other pictures than this receiver"),
        ({"by_radio": True}, "go by radio on one side"),
    ],
)
def test_who_does_not_fit_is_told_why(blobs: LabelledImages, tmp_path: Path, hello: dict, why: str) -> None:
    own = {"pixels_sha256": blobs.digest(labels=False), "by_radio": False, "checkpoints": ()}
    with pytest.raises(WireError, match=why):
        Wire(receiver(blobs, tmp_path).answer)(Hello(**own | hello), expected=Welcome)


LESSONS = Lessons.of(SCHEDULE).model_dump()
BAD = st.one_of(
    st.lists(st.binary(max_size=200), max_size=5),
    st.builds(
        lambda message, behind: packed(message, *behind),
        st.one_of(
            st.builds(Batch, session=st.sampled_from(["", "own"]), step=st.integers(0, 20)),
            st.builds(Trial, session=st.sampled_from(["", "own"]), step=st.integers(0, 20)),
            st.builds(Finished, session=st.sampled_from(["", "own"]), step=st.integers(0, 20)),
            st.builds(Noted, step=st.integers(0, 20)),
            st.builds(
                Hello,
                protocol=st.just(9),
                pixels_sha256=st.just("0" * 64),
                by_radio=st.booleans(),
                checkpoints=st.just(()),
            ),
        ),
        st.lists(st.binary(max_size=64), max_size=2),
    ),
)


def test_a_hello_with_a_number_of_600_digits_is_refused(blobs: LabelledImages, tmp_path: Path) -> None:
    hello = Hello(pixels_sha256=blobs.digest(labels=False), by_radio=False, checkpoints=()).model_dump_json()
    answer = receiver(blobs, tmp_path).answer([hello.replace('"protocol":1', f'"protocol":1{"0" * 600}').encode()])
    assert isinstance(parsed(answer)[0], Refusal)


def test_rubbish_is_refused_and_the_training_goes_on(blobs: LabelledImages, tmp_path: Path) -> None:
    leader = receiver(blobs, tmp_path)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(BAD, min_size=1, max_size=5))
    def fuzzed(messages: list[list[bytes]]) -> None:
        for parts in messages:
            own = [part.replace(b'"own"', f'"{session}"'.encode()) for part in parts]
            answer = leader.answer(own)
            try:
                asked = parsed(own)[0]
            except WireError:
                asked = None
            if isinstance(asked, Batch) and (asked.session, asked.step) == (session, 1):
                assert answer == wire.carried[-1]  # asked again, whatever is behind it
            else:
                assert isinstance(parsed(answer)[0], Refusal)

    session = ""

    def between(number: int) -> None:
        nonlocal session
        if number == 3:
            session = json.loads(wire.carried[1][0])["session"]
            fuzzed()

    wire = Wire(leader.answer, between)
    list(transmitter(blobs, tmp_path).run(wire))
    check_equal(joint(blobs, tmp_path), leader.trained.trained.state_dict())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"architecture": "../../etc"}, "not known here"),
        ({"arguments": {"stride": 8}}, "cannot be built"),
        ({"arguments": {"stride": 4000, "channels": 3, "symbols_per_cell": 4000}}, "more than 33554432"),
        ({"arguments": ARGUMENTS | {"symbols_per_cell": 0}}, "cannot be built"),
        ({"step": 4}, "go on from where this transmitter cannot"),
        ({"lessons": LESSONS | {"batch": 65}}, "wants batches of 65; there are 64 pictures"),
        ({"lessons": LESSONS | {"label": 3}}, "no JSON with the fields"),
        ({"snr_db": float("nan")}, "no JSON with the fields"),
    ],
)
def test_a_transmitter_does_not_do_what_cannot_be(
    blobs: LabelledImages, tmp_path: Path, changed: dict, why: str
) -> None:
    leader = receiver(blobs, tmp_path)

    def tampered(parts: list[bytes]) -> list[bytes]:
        header, *behind = leader.answer(parts)
        return [json.dumps(json.loads(header) | changed).encode(), *behind]

    with pytest.raises(WireError, match=why):
        next(transmitter(blobs, tmp_path).run(Wire(tampered)))


def test_weights_that_are_not_of_the_encoder_are_refused(blobs: LabelledImages, tmp_path: Path) -> None:
    leader = receiver(blobs, tmp_path)
    weights = method().trained.encoder.state_dict()
    nan, half = (
        {name: change(each) for name, each in weights.items()} for change in (lambda x: x / 0, torch.Tensor.half)
    )
    for raw in (b"", b"\0" * 100, *map(safetensors.torch.save, ({"other": torch.zeros(3)}, nan, half))):
        with pytest.raises(WireError, match="not of the encoder"):
            next(transmitter(blobs, tmp_path).run(Wire(lambda parts, raw=raw: [leader.answer(parts)[0], raw])))


def test_channel_inputs_of_another_power_are_refused(blobs: LabelledImages, tmp_path: Path) -> None:
    """And so are those that are no numbers; the step is taken with the right ones."""
    leader = receiver(blobs, tmp_path)
    refused = []

    def tampered(parts: list[bytes]) -> list[bytes]:
        header, *behind = parts
        if behind and isinstance(parsed(parts)[0], Batch):
            values = np.frombuffer(behind[0], "<f4")
            for wrong in (values * 1.01, values * np.nan):
                refused.append(parsed(leader.answer([header, wrong.astype("<f4").tobytes()]))[0].why)
        return leader.answer(parts)

    list(transmitter(blobs, tmp_path).run(Wire(tampered)))
    assert set(refused) == {
        "Channel inputs have another power than 1 a picture.",
        "There are NaN or infinite values behind a message.",
    }
    check_equal(joint(blobs, tmp_path), leader.trained.trained.state_dict())


def test_a_second_transmitter_waits_until_the_first_is_silent(
    blobs: LabelledImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = receiver(blobs, tmp_path)
    hello = packed(Hello(pixels_sha256=blobs.digest(labels=False), by_radio=False, checkpoints=()))
    assert isinstance(parsed(leader.answer(hello, b"one"))[0], Welcome)
    refused, _ = parsed(leader.answer(hello, b"another"))
    assert (refused.why, refused.greet) == ("Another transmitter is training with this receiver.", True)
    assert isinstance(parsed(leader.answer(hello, b"one"))[0], Welcome)
    wire = Wire(lambda parts: leader.answer(parts, b"one"))
    next(transmitter(blobs, tmp_path).run(wire))
    heard = leader._session.heard
    leader.answer(wire.carried[-2], b"one")
    assert leader._session.heard > heard  # by a batch as well
    monkeypatch.setattr(receiving, "ACTIVE_S", 0)
    assert isinstance(parsed(leader.answer(hello, b"another"))[0], Welcome)


def test_halves_of_another_training_are_not_gone_on_from(blobs: LabelledImages, tmp_path: Path) -> None:
    """Nor do they take the place of those of this one."""
    list(transmitter(blobs, tmp_path).run(Wire(receiver(blobs, tmp_path).answer)))
    (old,) = {each.training for each in checkpoints(tmp_path / "tx")}
    wire = Wire(receiver(blobs, tmp_path / "other").answer)
    steps = transmitter(blobs, tmp_path).run(wire)
    for _ in range(STEPS + 1):
        next(steps)
    welcome = json.loads(wire.carried[1][0])
    assert welcome["step"] == 0 and welcome["training"] != old
    assert [(each.training, each.step) for each in checkpoints(tmp_path / "tx")] == [(welcome["training"], STEPS)]


def test_a_damaged_half_is_named(blobs: LabelledImages, tmp_path: Path) -> None:
    leader = receiver(blobs, tmp_path)
    list(transmitter(blobs, tmp_path).run(Wire(leader.answer)))
    (last,) = (tmp_path / "tx").glob(f"*-{STEPS * SCHEDULE.epochs}.pt")
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(ConfigError, match=f"{last.name} is damaged"):
        next(transmitter(blobs, tmp_path).run(Wire(leader.answer)))
