# SPDX-License-Identifier: GPL-3.0-or-later
"""The codec contract, on networks with random weights."""

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from semcom_models import architecture
from semcom_models.channels import unit_power
from semcom_models.codec import Codec, Csi, codec_id
from semcom_models.errors import CodecError
from semcom_models.semcc import SemCC

ENGINES = ("torch", "openvino")


def pictures(batch: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (batch, height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=ENGINES)
def codec(request: pytest.FixtureRequest, fixed_networks: SemCC) -> Codec:
    return Codec(name="small", networks=fixed_networks, engine=request.param)


@pytest.fixture(scope="module")
def any_size_codec() -> Codec:
    torch.manual_seed(7)
    return Codec(name="small", networks=SemCC(widths=(4, 4, 4), symbols_per_cell=2, coding_blocks=0), engine="torch")


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), batch=st.integers(1, 3))
def test_any_size_comes_back_in_its_size(any_size_codec: Codec, height: int, width: int, batch: int) -> None:
    images = pictures(batch, height, width)
    symbols = any_size_codec.encode(images)
    assert symbols.dtype == np.complex64
    assert symbols.shape == (batch, any_size_codec.symbols_for(height, width))
    received = any_size_codec.decode(symbols, Csi.awgn(10, symbols.shape), height=height, width=width)
    assert received.shape == images.shape
    assert received.dtype == np.uint8


def test_each_image_has_power_one(codec: Codec) -> None:
    images = np.concatenate(
        [pictures(3, 32, 32), np.zeros((1, 32, 32, 3), np.uint8), np.full((1, 32, 32, 3), 255, np.uint8)]
    )
    power = (np.abs(codec.encode(images).astype(np.complex128)) ** 2).mean(axis=1)
    np.testing.assert_allclose(power, 1, atol=1e-5)


def test_an_image_does_not_depend_on_its_batch(codec: Codec) -> None:
    images = pictures(5, 32, 32)
    together = codec.encode(images)
    alone = np.concatenate([codec.encode(images[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_ratio_is_k_over_n(codec: Codec) -> None:
    assert codec.ratios == (Fraction(1, 12), Fraction(1, 12))
    assert codec.symbols_for(32, 32) / (3 * 32 * 32) == 1 / 12


def test_engines_agree(networks: SemCC) -> None:
    codecs = [Codec(name="small", networks=networks, engine=engine) for engine in ENGINES]
    images = pictures(2, 37, 50)
    symbols = [each.encode(images) for each in codecs]
    np.testing.assert_allclose(symbols[0], symbols[1], atol=1e-4)
    csi = Csi.awgn(5, symbols[0].shape)
    csi.noise_var[:, ::9] = np.inf
    sent = np.where(csi.erased, 0, symbols[0])
    received = [each.decode(sent, csi, height=37, width=50).astype(int) for each in codecs]
    assert np.abs(received[0] - received[1]).max() <= 1


def test_an_erased_symbol_is_not_seen(codec: Codec) -> None:
    symbols = codec.encode(pictures(1, 32, 32))
    csi = Csi.awgn(10, symbols.shape)
    csi.noise_var[:, :40] = np.inf
    other = symbols.copy()
    other[:, :40] = 3 + 4j
    np.testing.assert_array_equal(
        codec.decode(symbols, csi, height=32, width=32), codec.decode(other, csi, height=32, width=32)
    )


def test_the_decoder_is_told_the_noise(codec: Codec) -> None:
    symbols = codec.encode(pictures(1, 32, 32))
    decoded = [codec.decode(symbols, Csi.awgn(snr_db, symbols.shape), height=32, width=32) for snr_db in (0, 20)]
    assert (decoded[0] != decoded[1]).any()


@pytest.mark.parametrize(
    "images",
    [
        pictures(1, 8, 8).astype(np.float32),
        pictures(1, 8, 8)[0],
        np.zeros((1, 0, 8, 3), np.uint8),
        np.zeros((0, 8, 8, 3), np.uint8),
        np.zeros((1, 8, 8, 4), np.uint8),
    ],
)
def test_encode_refuses_what_is_no_picture(any_size_codec: Codec, images: np.ndarray) -> None:
    with pytest.raises(CodecError, match="encode takes uint8 pictures"):
        any_size_codec.encode(images)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda symbols, noise_var: (symbols[:, :-1], noise_var[:, :-1]), "needs"),
        (lambda symbols, noise_var: (symbols, noise_var[:, :-1]), "came with noise variances"),
        (lambda symbols, noise_var: (symbols * np.nan, noise_var), "NaN or infinite"),
        (lambda symbols, noise_var: (symbols, noise_var * 0), "above 0"),
        (lambda symbols, noise_var: (symbols, noise_var * np.nan), "above 0"),
    ],
)
def test_decode_refuses_bad_symbols(any_size_codec: Codec, spoil: object, message: str) -> None:
    symbols = any_size_codec.encode(pictures(1, 8, 8))
    symbols, noise_var = spoil(symbols, Csi.awgn(10, symbols.shape).noise_var)
    with pytest.raises(CodecError, match=message):
        any_size_codec.decode(symbols, Csi(noise_var), height=8, width=8)


@pytest.mark.parametrize(("height", "width"), [(0, 8), (8, 0), (-8, -8)])
def test_decode_refuses_sizes_that_no_picture_has(any_size_codec: Codec, height: int, width: int) -> None:
    symbols = np.zeros((1, 8), np.complex64)
    with pytest.raises(CodecError, match="no pictures of"):
        any_size_codec.decode(symbols, Csi.awgn(10, symbols.shape), height=height, width=width)


def test_an_unknown_engine_is_refused(networks: SemCC) -> None:
    with pytest.raises(CodecError, match="auto, torch or openvino"):
        Codec(name="small", networks=networks, engine="abacus")


def test_ids_fit_the_header_and_stay() -> None:
    assert codec_id("deepjscc", "") == 2321
    assert codec_id("deepjscc", "ab") != codec_id("deepjscc", "ac") != codec_id("semcc", "ac")
    assert all(0 <= codec_id(name, "f" * 64) < 1 << 16 for name in ("", "x" * 1000))


OWN = '''
import torch
from semcom_models.architecture import register

@register("raw")
class Own(torch.nn.Module):
    """Sends 6x6 pixels as 54 symbols."""

    stride = 6
    symbols_per_cell = fewest_symbols_per_cell = 54

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Raw(), Unraw()

class Raw(torch.nn.Module):
    def forward(self, images, snr_db):
        return torch.nn.functional.pixel_unshuffle(images, 6)

class Unraw(torch.nn.Module):
    def forward(self, symbols, trust):
        return 3 * torch.nn.functional.pixel_shuffle(symbols, 6)
'''


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a user whose module my_codec registers an architecture."""
    (tmp_path / "my_codec.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SEMCOM_CODECS", "my_codec")
    monkeypatch.setattr(architecture, "_registered", dict(architecture._registered))
    yield
    sys.modules.pop("my_codec", None)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_codec_of_ones_own_needs_a_module_alone(own_module: None, engine: str) -> None:
    own = Codec(name="raw", networks=architecture.architectures()["raw"](), engine=engine)
    images = np.concatenate([pictures(1, 6, 12), np.zeros((1, 6, 12, 3), np.uint8)])
    symbols = own.encode(images)
    planes = torch.nn.functional.pixel_unshuffle(torch.from_numpy(images / 255.0).permute(0, 3, 1, 2), 6)
    pairs = planes.unflatten(1, (2, -1)).permute(0, 2, 3, 4, 1)
    expected = unit_power(pairs, torch.ones(pairs.shape[:-1])).flatten(1)
    np.testing.assert_allclose(symbols.view(np.float32), expected.numpy(), atol=1e-5)
    received = own.decode(symbols, Csi.awgn(60, symbols.shape), height=6, width=12)
    assert received.max() == 255  # what the decoder puts above white is white
    assert not received[1].any()


def test_a_module_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOM_CODECS", "no_such_module")
    with pytest.raises(CodecError, match="'no_such_module', which cannot be imported"):
        architecture.architectures()


def test_a_name_is_registered_once() -> None:
    assert "semcc" in architecture.architectures()
    with pytest.raises(ValueError, match="registered already"):
        architecture.register("semcc")(SemCC)
