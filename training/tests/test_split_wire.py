# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes between transmitter and receiver, apart from either: sizes, numbers, and coders that can be asked for."""

from types import SimpleNamespace

import pytest
import torch
from semcom_models.deepsc_tu import DeepScTu as Coder
from semcom_training.split import transmitter as transmitting
from semcom_training.split.wire import (
    HELD_OUT,
    LARGEST,
    Lessons,
    Trial,
    Welcome,
    WireError,
    as_bytes,
    as_floats,
    packed,
    parsed,
    trial_size,
)
from split_lab import ARGUMENTS, SCHEDULE


def test_a_transmitter_builds_each_kind_of_coder_that_is_asked_for() -> None:
    for architecture, arguments in (
        ("deepsc-tu", ARGUMENTS),
        ("deepsc-tu-deep", {"side": 24, "inner": 10, "width": 8}),
        ("vae", {"stride": 8, "channels": 3, "symbols_per_cell": 4, "hidden": 20}),
    ):
        asked = Welcome(
            session="0" * 32,
            training="0" * 32,
            architecture=architecture,
            arguments=arguments,
            snr_db=3,
            lessons=Lessons.of(SCHEDULE),
            seed=1,
            step=0,
        )
        coder = transmitting._coder(asked, size=(48, 48))
        assert sum(each.numel() for each in coder.parameters()) > 100


def test_a_trial_has_as_many_pictures_as_fit() -> None:
    coder = SimpleNamespace(stride=256, symbols_per_cell=30_000)
    assert trial_size(coder, (256, 256)) == LARGEST // (8 * 30_000) < HELD_OUT
    assert trial_size(coder, (512, 300)) == LARGEST // (8 * 4 * 30_000)
    assert trial_size(Coder(**ARGUMENTS), (32, 32)) == HELD_OUT
    with pytest.raises(WireError, match=f"more than {LARGEST}"):
        packed(Trial(session="s", step=1), bytes(LARGEST + 1))


@pytest.mark.parametrize("behind", [[], [b"\0" * 12], [b"\0" * 16, b""], [b"\0\0\xc0\x7f" * 4]])
def test_numbers_have_a_length_and_are_finite(behind: list[bytes]) -> None:
    with pytest.raises(WireError):
        as_floats(behind, (2, 2))
    values = torch.randn(2, 2)
    assert torch.equal(as_floats([as_bytes(values)], (2, 2))[0], values)


@pytest.mark.parametrize("parts", [[], [b"{}"], [b"{}"] * 4, [b"[" * 8000], [b'{"kind": "hello", "label": 3}']])
def test_what_is_no_message_is_told(parts: list[bytes]) -> None:
    with pytest.raises(WireError):
        parsed(parts)
