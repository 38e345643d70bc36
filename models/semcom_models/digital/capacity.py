# SPDX-License-Identifier: GPL-3.0-or-later
"""The bound of separate coding: image files that fit into what Shannon's capacity carries, received without error."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from semcom_models.codec import CHANNELS, Csi, checked_ratio
from semcom_models.digital.separate import HIGHEST, mid_grey
from semcom_models.digital.sources import Source, find_source
from semcom_models.errors import CodecError

AT_CAPACITY = "+capacity"


class AtCapacity:
    """A bound and no codec: nothing can be sent by it.

    Each symbol carries log2(1 + SNR) bits of the picture's file, and both ends know the SNR; under fading it is that of
    the fade, so that a picture in a deep one gets a coarse file, and none is lost but where the coarsest does not fit.

    Args:
        source: the image coder.
        free_headers: count the bytes of the pixels alone, as some papers do.
    """

    ratios: tuple[Fraction, Fraction] = Fraction(1, 1000), HIGHEST

    def __init__(self, source: Source, *, free_headers: bool = False) -> None:
        self.name = source.name + AT_CAPACITY
        self._source, self.free_headers = source, free_headers

    def symbols_for(self, height: int, width: int, *, ratio: float | None = None) -> int:
        """k for a picture; at least 1."""
        return max(round(checked_ratio(self, ratio) * CHANNELS * height * width), 1)

    def received(self, images: NDArray[np.uint8], csi: Csi) -> NDArray[np.uint8]:
        """uint8 [B, H, W, 3] and what the channel is like -> the same; mid-grey where there is no room for a file."""
        bits = np.log2(1 + 1 / csi.noise_var.astype(np.float64)).sum(axis=1)
        return np.stack([self._finest(pixels, int(of_it // 8)) for pixels, of_it in zip(images, bits, strict=True)])

    def _finest(self, pixels: NDArray[np.uint8], budget: int) -> NDArray[np.uint8]:
        height, width, _ = pixels.shape
        file = self._source.fit(pixels, budget, free_headers=self.free_headers)
        return mid_grey(height, width) if file is None else self._source.open(file, height=height, width=width)


def is_at_capacity(name: str) -> bool:
    """Whether a name is that of such a bound, here or not."""
    return name.endswith(AT_CAPACITY)


def load(name: str, *, free_headers: bool = False, source: Callable[[str], Source] = find_source) -> AtCapacity:
    """``heif+capacity``; ``source`` finds the image coder.  Raises CodecError where there is none of the name."""
    if not is_at_capacity(name):
        raise CodecError(f"{name!r} is no bound; heif{AT_CAPACITY} is one.")
    return AtCapacity(source(name.removesuffix(AT_CAPACITY)), free_headers=free_headers)
