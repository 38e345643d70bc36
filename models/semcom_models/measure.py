# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures by the project's conventions, on pictures as numpy arrays."""

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import nn

from semcom_models.channels import Awgn, Rayleigh
from semcom_models.codec import Codec, Csi
from semcom_models.errors import CodecError

BATCH = 250
SSIM_WINDOW = 7
CHANNELS: dict[str, nn.Module] = {
    "awgn": Awgn(),
    "rayleigh": Rayleigh(coherence="block"),
    "rayleigh_fast": Rayleigh(coherence="fast"),
}
"""What pictures can be sent over; under fading the SNR is the mean over the fades, and the receiver knows them."""


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
def over_channel(
    codec: Codec,
    images: NDArray[np.uint8],
    *,
    channel: str = "awgn",
    snr_db: float,
    ratio: float | None = None,
    seed: int,
) -> NDArray[np.uint8]:
    """uint8 [N, H, W, 3] through encoder, one of ``CHANNELS`` at ``snr_db`` (Es/N0) from ``seed``, decoder: the same.

    The encoder expects that SNR.

    Raises:
        CodecError: no such channel, a ratio k/n that the codec has not, or no pictures.
    """
    if channel not in CHANNELS:
        raise CodecError(f"There is no channel {channel!r}; there are {', '.join(CHANNELS)}.")
    generator = torch.Generator().manual_seed(seed)
    _, height, width, _ = images.shape
    received = []
    for start in range(0, len(images), BATCH):
        symbols = torch.from_numpy(codec.encode(images[start : start + BATCH], ratio=ratio, snr_db=snr_db))
        seen, noise_var = CHANNELS[channel](symbols, torch.full((len(symbols),), snr_db), generator)
        csi = Csi(noise_var.contiguous().numpy())
        received.append(codec.decode(seen.numpy(), csi, height=height, width=width))
    return np.concatenate(received)
