# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo says of a picture: how like the sent one it is, and what the downstream network sees in both."""

import math
from dataclasses import dataclass

import numpy as np
from link import Delivery
from numpy.typing import NDArray
from semcom_models import judge
from semcom_models.codec import ImageCodec
from semcom_models.measure import psnr_db, ssim


@dataclass(frozen=True)
class Row:
    """One picture at one SNR.

    ``ratio`` is k/n as sent: a picture's k is a whole number, and of the padded picture where the codec pads it.
    ``snr_est_db``, ``class_received`` and ``ms`` are None where it was lost, ``ratio_air`` where it never got on air,
    ``ssim`` where a side has less than three pixels.
    """

    image: str
    codec: str
    ratio: float
    ratio_air: float | None
    snr_db: float
    snr_est_db: float | None
    psnr_db: float
    ssim: float | None
    class_sent: str
    class_received: str | None
    ms: float | None


class RowMaker:
    """Makes the rows; ``downstream`` is the network, of the zoo, that sees."""

    def __init__(self, downstream: str) -> None:
        self._downstream = judge.Judge(downstream)

    def row(self, delivery: Delivery, *, codec: ImageCodec, name: str, ratio: float | None, snr_db: float) -> Row:
        """``name`` is what the codec is to be called, ``ratio`` the one asked for, ``snr_db`` that of the channel."""
        sent, seen = delivery.sent, delivery.seen
        lost = delivery.received is None
        similarity = ssim(sent[np.newaxis], seen[np.newaxis]).item()
        return Row(
            image=delivery.name,
            codec=name,
            ratio=codec.symbols_for(*sent.shape[:2], ratio=ratio) / sent.size,
            ratio_air=None if delivery.samples is None else delivery.samples / sent.size,
            snr_db=snr_db,
            snr_est_db=None if lost else delivery.reception.snr_db,
            psnr_db=psnr_db(sent[np.newaxis], seen[np.newaxis]).item(),
            ssim=None if math.isnan(similarity) else similarity,
            class_sent=self._name(sent),
            class_received=None if lost else self._name(seen),
            ms=delivery.ms,
        )

    def _name(self, picture: NDArray[np.uint8]) -> str:
        return self._downstream.names([picture])[0]
