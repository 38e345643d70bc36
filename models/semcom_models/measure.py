# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures by the project's conventions, on pictures as numpy arrays."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from semcom_models.channels import Awgn, Rayleigh
from semcom_models.codec import Csi, ImageCodec
from semcom_models.digital.capacity import AtCapacity
from semcom_models.errors import CodecError
from semcom_models.radio import RadioParameters
from semcom_models.radio_channel import FadingCarriers

PIXELS = 250 * 32 * 32  # of a batch
SSIM_WINDOW = 7
LPIPS_SIDE = 32  # a smaller picture has nothing left for AlexNet's last layers
CHANNELS: dict[str, nn.Module] = {
    "awgn": Awgn(),
    "rayleigh": Rayleigh(coherence="block"),
    "rayleigh_fast": Rayleigh(coherence="fast"),
    "multipath": FadingCarriers(RadioParameters(samp_rate=1e6, profile="tdl_b", delay_spread_s=1e-6)),
}
"""What pictures can be sent over; under fading the SNR is the mean over the fades, and the receiver knows them.
Multipath is TDL-B of 3GPP TR 38.901 on the carriers of the default air interface, and stands still for a picture."""


def psnr_db(images: NDArray[np.uint8], received: NDArray[np.uint8]) -> NDArray[np.float64]:
    """PSNR of each image of uint8 [N, H, W, C], peak 255, in dB: [N].  Average these, not the squared errors."""
    error = (images.astype(np.float64) - received) ** 2
    with np.errstate(divide="ignore"):
        return 20 * np.log10(255) - 10 * np.log10(error.mean(axis=(1, 2, 3)))


def ssim(images: NDArray[np.uint8], received: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Structural similarity of each image of uint8 [N, H, W, C]: [N], NaN where a side is below 3 pixels.

    The window is 7x7, or the largest odd one that fits.
    """
    window = min(SSIM_WINDOW, *(side - 1 + side % 2 for side in images.shape[1:3]))
    if window < 3:
        return np.full(len(images), np.nan)
    pairs = zip(images, received, strict=True)
    return np.array([structural_similarity(sent, seen, channel_axis=2, win_size=window) for sent, seen in pairs])


@torch.inference_mode()
def lpips(images: NDArray[np.uint8], received: NDArray[np.uint8]) -> NDArray[np.float64]:
    """LPIPS 0.1 by AlexNet of each image of uint8 [N, H, W, 3], 0 for equal ones: [N].

    NaN where a side is below 32 pixels, and where the package lpips, which is none of ours, or its weights are missing.
    """
    network = _lpips_network() if min(images.shape[1:3]) >= LPIPS_SIDE else None
    if network is None:
        return np.full(len(images), np.nan)
    pairs = zip(*(_batches(each) for each in (images, received)), strict=True)
    distances = [network(*(_centred(each) for each in pair)) for pair in pairs]
    return torch.cat(distances).flatten().double().numpy()


@cache
def _lpips_network() -> nn.Module | None:
    try:
        from lpips import LPIPS

        return LPIPS(net="alex", verbose=False).eval()
    except (ImportError, OSError, RuntimeError):  # not installed, nothing to download from, another torchvision's
        return None


def _centred(images: NDArray[np.uint8]) -> Tensor:
    """uint8 [N, H, W, 3] -> [N, 3, H, W] in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def _batches(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    _, height, width, _ = images.shape
    size = max(1, PIXELS // (height * width))
    return (images[start : start + size] for start in range(0, len(images), size))


@torch.inference_mode()
def over_channel(
    codec: ImageCodec | AtCapacity,
    images: NDArray[np.uint8],
    *,
    channel: str = "awgn",
    snr_db: float,
    ratio: float | None = None,
    seed: int,
) -> NDArray[np.uint8]:
    """uint8 [N, H, W, 3] through encoder, one of ``CHANNELS`` at ``snr_db`` (Es/N0) from ``seed``, decoder: the same.

    The encoder expects that SNR.  A bound takes from the channel its noise variances alone.

    Raises:
        CodecError: no such channel, a ratio k/n that the codec has not, or no pictures.
    """
    if channel not in CHANNELS:
        raise CodecError(f"There is no channel {channel!r}; there are {', '.join(CHANNELS)}.")
    generator = torch.Generator().manual_seed(seed)
    _, height, width, _ = images.shape

    def over(symbols: Tensor) -> tuple[Tensor, Csi]:
        seen, noise_var = CHANNELS[channel](symbols, torch.full((len(symbols),), snr_db), generator)
        return seen, Csi(noise_var.contiguous().numpy())

    received = []
    for batch in _batches(images):
        if isinstance(codec, AtCapacity):
            k = codec.symbols_for(height, width, ratio=ratio)
            received.append(codec.received(batch, over(torch.ones(len(batch), k, dtype=torch.complex64))[1]))
        else:
            seen, csi = over(torch.from_numpy(codec.encode(batch, ratio=ratio, snr_db=snr_db)))
            received.append(codec.decode(seen.numpy(), csi, height=height, width=width))
    return np.concatenate(received)
