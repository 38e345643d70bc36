# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures by the project's conventions, on pictures as numpy arrays."""

import numpy as np
from numpy.typing import NDArray

from semcom_models.codec import Codec, Csi

BATCH = 250


def psnr_db(images: NDArray[np.uint8], received: NDArray[np.uint8]) -> NDArray[np.float64]:
    """PSNR of each image of uint8 [N, H, W, C], peak 255, in dB: [N].  Average these, not the squared errors."""
    error = (images.astype(np.float64) - received) ** 2
    with np.errstate(divide="ignore"):
        return 20 * np.log10(255) - 10 * np.log10(error.mean(axis=(1, 2, 3)))


def over_awgn(codec: Codec, images: NDArray[np.uint8], *, snr_db: float, seed: int) -> NDArray[np.uint8]:
    """uint8 [N, H, W, 3] through encoder, AWGN at ``snr_db`` (Es/N0) from ``seed``, decoder: the same shape.

    The encoder expects that SNR, and sends at the codec's usual bandwidth ratio.
    """
    rng = np.random.default_rng(seed)
    _, height, width, _ = images.shape
    received = []
    for start in range(0, len(images), BATCH):
        symbols = codec.encode(images[start : start + BATCH], snr_db=snr_db)
        csi = Csi.awgn(snr_db, symbols.shape)
        noise = rng.standard_normal((*symbols.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
        received.append(codec.decode(symbols + noise * np.sqrt(csi.noise_var / 2), csi, height=height, width=width))
    return np.concatenate(received)
