# SPDX-License-Identifier: GPL-3.0-or-later
"""The coders of DeepSC-TU and their baseline, with random weights."""

import numpy as np
import pytest
import torch
from semcom_models.architecture import Receiver, Transmitter
from semcom_models.codec import Codec, Csi
from semcom_models.deepsc_tu import Coder, DeepScTu, DeepScTuDeep, Vae
from semcom_models.layers import CellConv2d, CellConvTranspose2d

CODERS = {
    "fully connected": lambda: DeepScTu(stride=28, channels=1, symbols_per_cell=39),
    "convolutions": lambda: DeepScTu(stride=8, channels=3, symbols_per_cell=10, overlap=4),
    "five layers": lambda: DeepScTuDeep(side=32, inner=10, width=6),
    "vae": lambda: Vae(stride=28, channels=1, symbols_per_cell=39, hidden=50),
}


@pytest.fixture(params=CODERS)
def coder(request: pytest.FixtureRequest) -> Coder:
    torch.manual_seed(0)
    return CODERS[request.param]()


@pytest.mark.parametrize("engine", ["torch", "openvino"])
@pytest.mark.parametrize("size", [(28, 28), (70, 40)])
def test_pictures_of_any_size_go_through(coder: Coder, engine: str, size: tuple[int, int]) -> None:
    codec = Codec(name="coder", networks=coder, engine=engine)
    images = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    symbols = codec.encode(images)
    cells = np.prod([-(-length // coder.stride) for length in size])
    assert symbols.shape == (3, cells * coder.symbols_per_cell)
    np.testing.assert_allclose((np.abs(symbols) ** 2).mean(1), 1, atol=1e-5)
    seen = codec.decode(symbols, Csi.awgn(10, symbols.shape), height=size[0], width=size[1])
    assert seen.shape == images.shape and seen.std() > 0
    assert (coder.channels == 3) or (seen == seen[..., :1]).all()


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), [(4, 4, 0, (8, 12)), (7, 3, 2, (9, 18))])
def test_layers_of_cells_are_the_same_in_training(
    kernel: int, stride: int, padding: int, size: tuple[int, int]
) -> None:
    images = torch.randn(2, 3, *size)
    there, back = CellConv2d(3, 5, kernel, stride, padding), CellConvTranspose2d(5, 3, kernel, stride, padding)
    values = there.eval()(images)
    torch.testing.assert_close(there.train()(images), values)
    torch.testing.assert_close(back.train()(values), back.eval()(values))


@pytest.mark.parametrize(("name", "expected"), [("fully connected", 0.0995), ("convolutions", 0.1042), ("vae", 0.0995)])
def test_the_compression_rate_is_real_uses_a_value(name: str, expected: float) -> None:
    assert CODERS[name]().compression_rate == pytest.approx(expected, abs=1e-4)


def test_five_kernels_take_the_side_down_evenly() -> None:
    coder = DeepScTuDeep(side=513, inner=162, width=4)
    layers = [layer for layer in coder.encoder.modules() if isinstance(layer, torch.nn.Conv2d)]
    kernels = [layer.kernel_size[0] for layer in layers]
    assert 513 - sum(kernel - 1 for kernel in kernels) == 162 and max(kernels) - min(kernels) <= 1
    assert coder.compression_rate == pytest.approx(0.1, abs=1e-3)
    for wrong in (11, 29, 0):
        with pytest.raises(ValueError, match="it must be even and from 2 to 27"):
            DeepScTuDeep(side=32, inner=wrong, width=4)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"channels": 2}, "channels is 2; it must be 1 or 3"),
        ({"stride": 0, "overlap": 1}, "stride is 0; it must be 1 or more"),
        ({"symbols_per_cell": 0}, "symbols_per_cell is 0; it must be 1 or more"),
    ],
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_what_no_coder_can_be_is_told(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        DeepScTu(**{"stride": 8, "channels": 3, "symbols_per_cell": 10} | wrong)


@pytest.mark.parametrize("name", ["fully connected", "convolutions", "five layers"])
def test_there_is_no_activation_function(name: str) -> None:
    """Up to the power of the symbols, and where no pixel ends at 0 or 1, what comes out is affine in what goes in."""
    torch.manual_seed(0)
    coder = CODERS[name]()
    side = coder.stride * 2
    one, other = 0.5 + 0.1 * torch.randn(2, 1, 3, side, side)
    between = (one + other) / 2
    snr_db = torch.zeros(1)
    coded = [coder.encoder(images, snr_db) for images in (one, other, between)]
    torch.testing.assert_close(coded[2], (coded[0] + coded[1]) / 2, atol=1e-5, rtol=1e-4)
    network = coder.decoder.network
    decoded = [network(symbols) for symbols in coded]
    torch.testing.assert_close(decoded[2], (decoded[0] + decoded[1]) / 2, atol=1e-5, rtol=1e-4)


def test_a_vae_sends_a_sample_in_training_and_else_the_mean() -> None:
    encoder, images = CODERS["vae"]().encoder, torch.rand(2, 3, 28, 28)
    snr_db = torch.zeros(2)
    assert not torch.equal(encoder(images, snr_db), encoder(images, snr_db))
    mean, _ = encoder.posterior(images)
    torch.testing.assert_close(encoder.eval()(images, snr_db), mean)


def test_gradients_bring_back_what_is_beyond_a_pixels_range() -> None:
    coder = DeepScTu(stride=4, channels=3, symbols_per_cell=4)
    with torch.no_grad():
        coder.decoder.network.bias.fill_(3)
    images, sent = torch.rand(2, 3, 4, 4), torch.ones(2, 4, 1, 1)
    seen = Receiver(coder.decoder)(Transmitter(coder.encoder)(images, torch.zeros(2), sent), torch.ones(2, 4, 1, 1))
    assert (seen == 1).all()
    seen.sub(images).square().sum().backward()
    assert (coder.decoder.network.bias.grad > 0).all()
