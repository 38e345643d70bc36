# SPDX-License-Identifier: GPL-3.0-or-later
"""Data adaptation of Zhang et al. at run time: ahead of an encoder that was trained on pictures of another kind."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from semcom_models import zoo
from semcom_models.generator import resized

BATCH = 250  # pictures at once


class Adapter:
    """Makes pictures like those of a library.

    Args:
        name_or_folder: a generator of the zoo, or a folder.

    Raises:
        CodecError: there is none, or its files are damaged.
    """

    def __init__(self, name_or_folder: str | Path) -> None:
        folder = zoo.find(name_or_folder)
        self.name = zoo.read_card(folder).name
        self._generator = zoo.load_generator(folder)
        self.side = self._generator.side

    @torch.inference_mode()
    def adapted(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 [B, H, W, 3] of any size -> uint8 [B, side, side, 3], the size of the library's."""
        images = resized(torch.from_numpy(pictures).permute(0, 3, 1, 2), self.side)
        made = torch.cat([self._generator(part.float() / 255) for part in images.split(BATCH)])
        return (made * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
