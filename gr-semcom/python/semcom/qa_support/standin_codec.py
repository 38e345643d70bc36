# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a codec of semcom_models: no network, each pair of bytes is one symbol."""

import importlib.util
import math
import threading
import unittest
from fractions import Fraction

import numpy as np

needs_models = unittest.skipUnless(
    importlib.util.find_spec("semcom_models") and importlib.util.find_spec("torch"),
    "semcom_models or PyTorch is not installed",
)


class StandInCodec:
    """Keeps the codec contract (apart from the power of the symbols) and writes down its batches.

    It sends at k/n from ``lowest`` to 1/2, which is its usual ratio.  ``hold`` stops it inside a batch while it is
    cleared; ``entered`` says that it got there.
    """

    name = "stand-in"
    engine = "none"

    def __init__(self, *, codec_id: int = 3, lowest: Fraction = Fraction(1, 2)) -> None:
        self.id = codec_id
        self.ratios = lowest, Fraction(1, 2)
        self.batches: list[int] = []
        self.snrs_db: list[float] = []
        self.fail_at_height: int | None = None
        self.entered, self.hold = threading.Event(), threading.Event()
        self.hold.set()

    def symbols_for(self, height: int, width: int, *, ratio: float | None = None) -> int:
        lowest, highest = self.ratios
        if ratio is not None and not lowest <= ratio <= highest:
            raise ValueError(f"stand-in sends at k/n {lowest} to {highest}, not at {ratio:g}.")
        return math.ceil(height * width * 3 * (highest if ratio is None else ratio))

    def encode(self, images: np.ndarray, *, ratio: float | None = None, snr_db: float = 10.0) -> np.ndarray:
        self._enter(*images.shape[:2])
        self.snrs_db.append(snr_db)
        flat = images.reshape(len(images), -1).astype(np.float32) / 128 - 1
        if flat.shape[1] % 2:
            flat = np.pad(flat, ((0, 0), (0, 1)))
        return np.ascontiguousarray(flat).view(np.complex64)[:, : self.symbols_for(*images.shape[1:3], ratio=ratio)]

    def decode(self, symbols: np.ndarray, csi: object, *, height: int, width: int) -> np.ndarray:
        self._enter(len(symbols), height)
        fewest, most = (self.symbols_for(height, width, ratio=ratio) for ratio in self.ratios)
        if csi.noise_var.shape != symbols.shape or not fewest <= symbols.shape[1] <= most:
            raise ValueError("the shapes do not fit.")
        placed = np.zeros((len(symbols), most), np.complex64)
        placed[:, : symbols.shape[1]] = np.where(csi.erased, 0, symbols)
        flat = ((placed.view(np.float32) + 1) * 128).round().clip(0, 255).astype(np.uint8)
        return flat[:, : height * width * 3].reshape(-1, height, width, 3)

    def _enter(self, batch: int, height: int) -> None:
        self.batches.append(batch)
        self.entered.set()
        self.hold.wait(10)
        if height == self.fail_at_height:
            raise RuntimeError("the codec failed on purpose")
