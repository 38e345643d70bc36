# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that makes observed pictures like those that an encoder was trained on."""

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
import pmt

from .batch_block import batch_block
from .codec_loading import find_adapter
from .pdus import ImagePdu


class adapter(batch_block):
    """Image PDUs in at ``images``, adapted ones out at ``images``, of the size of those of the library.

    Args:
        generator: a generator of the zoo, such as "usps-to-mnist", or a folder with its card and weights; "" lets
            pictures through as they are.
        batch: adapt up to so many queued pictures at once.

    Raises:
        RuntimeError: semcom_models or PyTorch is missing.
        CodecError: there is no such generator.
    """

    def __init__(self, generator: str, *, batch: int = 64) -> None:
        batch_block.__init__(self, "adapter", inport="images", outport="images", batch=batch)
        self._adapter = find_adapter(generator) if generator else None

    def _parse(self, pdu: pmt.pmt_base) -> ImagePdu:
        return ImagePdu.from_pmt(pdu)

    def _kind(self, item: ImagePdu) -> Hashable:
        return item.pixels.shape

    def _run(self, items: list[ImagePdu]) -> list[pmt.pmt_base]:
        if self._adapter is None:
            return [item.to_pmt() for item in items]
        made = self._adapter.adapted(np.stack([item.pixels for item in items]))
        return [replace(item, pixels=pixels).to_pmt() for item, pixels in zip(items, made, strict=True)]
