# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a codec of semcom_models: no network, each pair of bytes is one symbol."""

import importlib.util
import threading
import unittest

import numpy as np

needs_models = unittest.skipUnless(
    importlib.util.find_spec("semcom_models") and importlib.util.find_spec("torch"),
    "semcom_models or PyTorch is not installed",
)


class StandInCodec:
    """Keeps the codec contract (apart from the power of the symbols) and writes down its batches.

    ``hold`` stops it inside a batch while it is cleared; ``entered`` says that it got there.
    """

    name = "stand-in"
    engine = "none"

    def __init__(self, *, codec_id: int = 3) -> None:
        self.id = codec_id
        self.batches: list[int] = []
        self.fail_at_height: int | None = None
        self.entered, self.hold = threading.Event(), threading.Event()
        self.hold.set()

    def symbols_for(self, height: int, width: int) -> int:
        return (height * width * 3 + 1) // 2

    def encode(self, images: np.ndarray) -> np.ndarray:
        self._enter(*images.shape[:2])
        flat = images.reshape(len(images), -1).astype(np.float32) / 128 - 1
        if flat.shape[1] % 2:
            flat = np.pad(flat, ((0, 0), (0, 1)))
        return np.ascontiguousarray(flat).view(np.complex64)

    def decode(self, symbols: np.ndarray, csi: object, *, height: int, width: int) -> np.ndarray:
        self._enter(len(symbols), height)
        if csi.noise_var.shape != symbols.shape or symbols.shape[1] != self.symbols_for(height, width):
            raise ValueError("the shapes do not fit.")
        values = np.where(csi.erased[..., np.newaxis], 0, symbols.view(np.float32).reshape(*symbols.shape, 2))
        flat = ((values + 1) * 128).round().clip(0, 255).astype(np.uint8).reshape(len(symbols), -1)
        return flat[:, : height * width * 3].reshape(-1, height, width, 3)

    def _enter(self, batch: int, height: int) -> None:
        self.batches.append(batch)
        self.entered.set()
        self.hold.wait(10)
        if height == self.fail_at_height:
            raise RuntimeError("the codec failed on purpose")
