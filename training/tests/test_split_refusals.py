# SPDX-License-Identifier: GPL-3.0-or-later
"""Receiver-led training in one process: what either side refuses, and goes on after."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from semcom_training.data import LabelledImages
from semcom_training.errors import ConfigError
from semcom_training.split import half as halves
from semcom_training.split import receiver as receiving
from semcom_training.split.half import checkpoints
from semcom_training.split.wire import (
    Batch,
    Checkpoint,
    Finished,
    Hello,
    Lessons,
    Noted,
    Refusal,
    Trial,
    Welcome,
    WireError,
    packed,
    parsed,
)
from split_lab import (
    ARGUMENTS,
    SCHEDULE,
    STEPS,
    Wire,
    check_equal,
    joint,
    method,
    receiver,
    transmitter,
)

pytestmark = pytest.mark.usefixtures("greeting_at_once")


def test_strangers_that_hold_all_files_delay_a_training_and_do_not_end_it(
    blobs: LabelledImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a greeting and at the end of an epoch, as if the first tries met connections that hold them."""
    held = iter(range(3))

    def listed(folder: Path) -> list[Checkpoint]:
        if next(held, None) is not None:
            raise OSError(errno.EMFILE, "Too many open files")
        return checkpoints(folder)

    monkeypatch.setattr(receiving, "checkpoints", listed)
    monkeypatch.setattr(halves, "checkpoints", listed)
    leader, said = receiver(blobs, tmp_path), []
    steps = transmitter(blobs, tmp_path, say=said.append).run(Wire(leader.answer))
    next(steps)
    assert said[0].startswith("Greeting the receiver again: Strangers hold all the files")
    held = iter(range(1))
    list(steps)
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
