# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that says what a downstream network sees in pictures."""

from collections.abc import Hashable
from dataclasses import replace

import pmt

from .batch_block import batch_block
from .codec_loading import find_judge
from .pdus import ImagePdu


class recognizer(batch_block):
    """Image PDUs in at ``images``; the same out at ``images`` with ``recognized``, one of the classes of the network.

    A picture is first shrunk whole to the size that the network was trained on.

    Args:
        downstream: a network of the zoo, or a folder with a card and weights, trained on CIFAR-10 or MNIST.
        batch: look at so many queued pictures at once.

    Raises:
        RuntimeError: semcom_models or PyTorch is missing.
        CodecError: there is no such network, or its classes have no names here.
    """

    def __init__(self, *, downstream: str = "resnet20-cifar10", batch: int = 64) -> None:
        batch_block.__init__(self, "recognizer", inport="images", outport="images", batch=batch)
        self._judge = find_judge(downstream)

    def _parse(self, pdu: pmt.pmt_base) -> ImagePdu:
        return ImagePdu.from_pmt(pdu)

    def _kind(self, item: ImagePdu) -> Hashable:
        return ()

    def _run(self, items: list[ImagePdu]) -> list[pmt.pmt_base]:
        names = self._judge.names([item.pixels for item in items])
        return [replace(item, recognized=name).to_pmt() for item, name in zip(items, names, strict=True)]
