# SPDX-License-Identifier: GPL-3.0-or-later
"""One codec for every ratio and SNR, on networks with random weights."""

import copy
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from semcom_models.adaptive import SNR_RANGE_DB, Adaptive, _known
from semcom_models.codec import Codec, Csi
from semcom_models.errors import CodecError
from semcom_models.layers import Modulation, modulate
from semcom_models.order import sending_order


def pictures(batch: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (batch, height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=["torch", "openvino"])
def codec(request: pytest.FixtureRequest, adaptive_networks: Adaptive) -> Codec:
    return Codec(name="small", networks=adaptive_networks, engine=request.param)


@settings(max_examples=50, deadline=None)
@given(planes=st.integers(1, 5), height=st.integers(1, 40), width=st.integers(1, 40))
def test_each_symbol_is_sent_once_and_planes_keep_their_order(planes: int, height: int, width: int) -> None:
    order = sending_order(planes, height, width)
    assert sorted(order) == list(range(planes * height * width))
    assert (np.diff(order // (height * width)) >= 0).all()


@pytest.mark.parametrize("start", range(0, 256 - 31, 7))
def test_any_part_of_a_plane_covers_the_picture(start: int) -> None:
    """Of 16x16 cells any 32 in a row leave none farther than three cells from one of theirs."""
    y, x = np.divmod(sending_order(1, 16, 16)[start : start + 32], 16)
    cells = np.arange(16)
    distance = np.maximum(abs(cells[:, None, None] - y), abs(cells[:, None] - x))
    assert distance.min(-1).max() <= 3


def test_the_first_symbols_are_a_codeword_of_their_own(codec: Codec) -> None:
    """The same symbols, but for the power, which is 1 over what is sent."""
    images = pictures(3, 24, 40)
    whole = codec.encode(images, ratio=1 / 12)
    for ratio in (1 / 48, 0.03, 1 / 24):
        part = codec.encode(images, ratio=ratio)
        assert part.shape[1] == codec.symbols_for(24, 40, ratio=ratio) == round(ratio * 3 * 24 * 40)
        np.testing.assert_allclose((np.abs(part) ** 2).mean(1), 1, atol=1e-5)
        turned = part / whole[:, : part.shape[1]]
        np.testing.assert_allclose(turned, np.broadcast_to(turned[:, :1], turned.shape), rtol=1e-2)


def test_what_was_not_sent_is_as_what_never_arrived(codec: Codec) -> None:
    symbols = codec.encode(pictures(2, 16, 16), ratio=1 / 24)
    csi = Csi.awgn(10, symbols.shape)
    padding = [(0, 0), (0, symbols.shape[1])]
    erased = Csi(np.pad(csi.noise_var, padding, constant_values=np.inf))
    np.testing.assert_array_equal(
        codec.decode(symbols, csi, height=16, width=16),
        codec.decode(np.pad(symbols, padding), erased, height=16, width=16),
    )


def test_engines_agree(adaptive_networks: Adaptive) -> None:
    codecs = [Codec(name="small", networks=adaptive_networks, engine=engine) for engine in ("torch", "openvino")]
    images = pictures(2, 37, 50)
    symbols = [each.encode(images, ratio=1 / 20, snr_db=3) for each in codecs]
    np.testing.assert_allclose(symbols[0], symbols[1], atol=1e-3)
    csi = Csi.awgn(5, symbols[0].shape)
    csi.noise_var[:, ::9] = np.inf
    received = [each.decode(symbols[0], csi, height=37, width=50).astype(int) for each in codecs]
    assert np.abs(received[0] - received[1]).max() <= 1


def test_the_encoder_is_told_the_snr(codec: Codec) -> None:
    images = pictures(1, 16, 16)
    at = {snr_db: codec.encode(images, snr_db=snr_db) for snr_db in (0, 10, SNR_RANGE_DB[1], 99)}
    assert not np.allclose(at[0], at[10], atol=1e-3)
    np.testing.assert_array_equal(at[99], at[SNR_RANGE_DB[1]])
    with pytest.raises(CodecError, match="must be finite"):
        codec.encode(images, snr_db=float("nan"))


def test_nothing_arrived_is_a_picture_still(codec: Codec) -> None:
    csi = Csi(np.full((1, 16), np.inf, np.float32))
    assert codec.decode(np.zeros((1, 16), np.complex64), csi, height=16, width=16).shape == (1, 16, 16, 3)


def test_ratios_of_a_codec(codec: Codec) -> None:
    assert codec.ratios == (Fraction(1, 48), Fraction(4, 48))
    assert codec.symbols_for(32, 32) == 4 * 64  # 1/6 is beyond what this one has
    assert codec.symbols_for(32, 32, ratio=0.0208) == 64
    assert codec.symbols_for(5, 5, ratio=1 / 48) == 4  # padded to 8x8
    for ratio in (1 / 49, 1 / 11, 0, -1, float("nan")):
        with pytest.raises(CodecError, match="small sends at k/n 1/48 to 1/12, not at"):
            codec.symbols_for(32, 32, ratio=ratio)
    with pytest.raises(CodecError, match="needs .B, 64 to 256. symbols for 32x32, not .1, 63."):
        codec.decode(np.zeros((1, 63), np.complex64), Csi.awgn(5, (1, 63)), height=32, width=32)


def test_the_decoder_knows_how_much_arrived_and_how_noisy() -> None:
    """Half of the symbols at 20 dB on average, 15 and 25 alike; the lost ones do not count."""
    snr_db = torch.tensor([15.0, 25.0, 15.0, 25.0])
    trust = torch.zeros(1, 2, 2, 2)
    trust.view(-1)[::2] = 1 / (1 + 10 ** (-snr_db / 10))
    torch.testing.assert_close(_known(trust), torch.tensor([[20 / 10 - 1, math.log2(0.5) / 2 + 1]]))
    assert torch.isfinite(_known(torch.zeros(1, 2, 2, 2))).all()


def test_the_linear_paths_are_beside_the_networks(adaptive_networks: Adaptive) -> None:
    """Without the last convolution of either network they are what is left; values beyond [0, 1] are held back."""
    networks = copy.deepcopy(adaptive_networks)
    for last in (networks.encoder.channel_coding[-1], networks.decoder.image_coding):
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
    torch.nn.init.zeros_(networks.decoder.linear.weight)
    images = torch.rand(2, 3, 16, 16)
    symbols = networks.encoder(images, torch.full((2,), 10.0))
    torch.testing.assert_close(symbols, networks.encoder.linear(images - 0.5))
    for level, shown in ((0.5, 0.5), (2.0, 1.01), (-1.0, -0.01)):
        torch.nn.init.constant_(networks.decoder.linear.bias, level)
        pixels = networks.decoder(symbols, torch.ones(2, 4, 4, 4))
        torch.testing.assert_close(pixels, torch.full((2, 3, 16, 16), shown))


def test_a_backbone_adds_nothing_at_first_and_training_leaves_it_alone(adaptive_networks: Adaptive) -> None:
    torch.manual_seed(0)
    arguments = {"widths": [8, 8, 16], "symbols_per_cell": 4, "coding_blocks": 1}
    seeing = Adaptive(**arguments, backbone="resnet20")
    left_out = seeing.load_state_dict(adaptive_networks.state_dict(), strict=False)
    assert not left_out.unexpected_keys
    assert all(key.startswith("encoder.backbone.") for key in left_out.missing_keys)
    images, snr_db = torch.rand(2, 3, 16, 24), torch.full((2,), 10.0)
    torch.testing.assert_close(seeing.eval().encoder(images, snr_db), adaptive_networks.encoder(images, snr_db))

    before = copy.deepcopy(seeing.encoder.backbone.network.state_dict())
    seeing.train()
    optimizer = torch.optim.SGD([each for each in seeing.parameters() if each.requires_grad], 1.0)
    seeing.encoder(images, snr_db).square().sum().backward()
    optimizer.step()
    torch.testing.assert_close(seeing.encoder.backbone.network.state_dict(), before)
    assert seeing.encoder.backbone.bridge.weight.abs().min() > 0
    with pytest.raises(ValueError, match="no backbone is called 'resnet21'; there are resnet20"):
        Adaptive(**arguments, backbone="resnet21")


def test_modulation_starts_as_the_identity_and_is_of_each_image() -> None:
    modulation = Modulation(known=2, widths=(3, 5))
    x = torch.randn(4, 5, 2, 2)
    torch.testing.assert_close(modulate(x, modulation(torch.randn(4, 2))[1]), x)
    torch.nn.init.normal_(modulation.net[-1].weight)
    known = torch.randn(4, 2)
    known[3] = known[0]
    by = modulation(known)
    assert [gain.shape for gain, _ in by] == [(4, 3, 1, 1), (4, 5, 1, 1)]
    gain, shift = by[1]
    torch.testing.assert_close(modulate(x, by[1]), (1 + gain) * x + shift)
    assert torch.equal(gain[0], gain[3])
    assert not torch.equal(gain[0], gain[1])
