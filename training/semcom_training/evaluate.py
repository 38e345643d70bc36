# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures on the test images: what ``semcom eval`` prints, and what stands in cards, tables and plots."""

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from semcom_models import measure, zoo
from semcom_models.codec import Codec
from semcom_models.errors import CodecError
from torch import nn

from semcom_training.classifier import accuracy
from semcom_training.data import DataError, LabelledImages, cifar10, data_dir

Z95 = 1.959964
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One operating point.

    ``codec``, ``ratio``, ``snr_db`` and ``channel`` are None for the originals, and so are ``psnr_db`` and its
    interval.  ``accuracy`` is in percent; ``recognition_ratio`` is that over the accuracy on the originals, None where
    that is 0.  ``psnr_db`` is the mean over the images of the PSNR in dB, ``ssim`` that of the structural similarity.
    Intervals are of 95 % confidence over the images: Wilson's for the accuracy.
    """

    codec: str | None
    ratio: float | None
    snr_db: float | None
    channel: str | None
    downstream: str
    images: int
    seed: int
    accuracy: float
    accuracy_ci95: Interval
    psnr_db: float | None
    psnr_ci95: Interval | None
    ssim: float
    recognition_ratio: float | None


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The product of lists; no ratios means the usual one of each codec."""

    codecs: Sequence[str]
    ratios: Sequence[Fraction]
    snrs_db: Sequence[float]
    channels: Sequence[str]

    def __len__(self) -> int:
        return len(self.codecs) * max(len(self.ratios), 1) * len(self.snrs_db) * len(self.channels)


class Evaluation:
    """The first ``images`` test images and a downstream network, to measure codecs with.

    Args:
        downstream: a network of the zoo, a folder, or ``package.module:name`` of a callable without arguments that
            makes a module from [B, 3, H, W] in [0, 1] to class logits.

    Raises:
        CodecError: there is no such network.
        DataError: there are not so many images.
    """

    def __init__(self, *, downstream: str, images: int, seed: int) -> None:
        self.downstream, self.seed = downstream, seed
        self._classifier = load_downstream(downstream)
        self._test = test_images(images)
        self._sent = self._test.images.permute(0, 2, 3, 1).contiguous().numpy()
        self._accuracy_of_originals = self._accuracy(self._sent)

    def originals(self) -> Row:
        """What the downstream network makes of the pictures as they are."""
        return self._row(self._sent, codec=None, ratio=None, snr_db=None, channel=None)

    def rows(self, grid: Grid) -> Iterator[Row]:
        """One row a point of the grid.

        Raises:
            CodecError: a codec or a channel that is not there, or a ratio that a codec has not.
        """
        _, height, width, _ = self._sent.shape
        for name in grid.codecs:
            codec = zoo.load_codec(name)
            for ratio in grid.ratios or [None]:
                k = codec.symbols_for(height, width, ratio=ratio and float(ratio))
                for channel in grid.channels:
                    for snr_db in grid.snrs_db:
                        point = {"ratio": k / self._sent[0].size, "snr_db": snr_db, "channel": channel}
                        yield self._row(self._through(codec, **point), codec=name, **point)

    def _through(self, codec: Codec, *, ratio: float, snr_db: float, channel: str) -> NDArray[np.uint8]:
        return measure.over_channel(codec, self._sent, channel=channel, snr_db=snr_db, ratio=ratio, seed=self.seed)

    def _row(
        self,
        received: NDArray[np.uint8],
        *,
        codec: str | None,
        ratio: float | None,
        snr_db: float | None,
        channel: str | None,
    ) -> Row:
        share, count, originals = self._accuracy(received), len(received), self._accuracy_of_originals
        psnr_db = None if codec is None else measure.psnr_db(self._sent, received)
        return Row(
            codec=codec,
            ratio=None if ratio is None else round(ratio, 6),
            snr_db=snr_db,
            channel=channel,
            downstream=self.downstream,
            images=count,
            seed=self.seed,
            accuracy=round(100 * share, 2),
            accuracy_ci95=_rounded(100 * bound for bound in wilson(share, count)),
            psnr_db=None if psnr_db is None else round(psnr_db.mean().item(), 2),
            psnr_ci95=None if psnr_db is None else _rounded(around_mean(psnr_db)),
            ssim=round(measure.ssim(self._sent, received).mean().item(), 4),
            recognition_ratio=round(share / originals, 4) if originals else None,
        )

    def _accuracy(self, pictures: NDArray[np.uint8]) -> float:
        images = torch.from_numpy(pictures).permute(0, 3, 1, 2)
        return accuracy(self._classifier, LabelledImages(images, self._test.labels))


def load_downstream(name: str) -> nn.Module:
    """A downstream network, in evaluation mode; raises as :class:`Evaluation`."""
    if ":" not in name:
        return zoo.load_classifier(name)
    module, _, attribute = name.partition(":")
    try:
        built = getattr(importlib.import_module(module), attribute)()
    except Exception as error:
        raise CodecError(f"The downstream network {name} cannot be made ({error}); is it on PYTHONPATH?") from error
    if not isinstance(built, nn.Module):
        raise CodecError(f"The downstream network {name} is a {type(built).__name__}, no torch.nn.Module.")
    return built.eval()


def test_images(count: int) -> LabelledImages:
    """The first ``count`` test images of CIFAR-10.

    Raises:
        DataError: there are not so many.
    """
    test = cifar10("test")
    if not 2 <= count <= len(test):
        raise DataError(f"{count} test images were asked for; there are {len(test)} in {data_dir()}, and it takes 2.")
    return test[:count]


def write_results(folder: Path, rows: Sequence[Row], *, command: str) -> None:
    """Put measured rows, the command that prints them, and the hash of the downstream network, into a card."""
    card = zoo.read_card(folder)
    result = {"command": command, "rows": [asdict(row) for row in rows]}
    if rows[0].codec is not None:
        judge = zoo.find(rows[0].downstream)
        result["weights_sha256"] = {rows[0].downstream: zoo.read_card(judge).weights_sha256}
    zoo.write_card(folder, replace(card, results=[result]))


def wilson(share: float, count: int) -> Interval:
    """Wilson's interval of 95 % confidence for a share seen in ``count`` trials."""
    spread = Z95**2 / count
    centre, half = share + spread / 2, Z95 * (share * (1 - share) / count + spread / 4 / count) ** 0.5
    return (centre - half) / (1 + spread), (centre + half) / (1 + spread)


def around_mean(values: NDArray[np.float64]) -> Interval:
    """The normal interval of 95 % confidence for the mean of ``values`` [N], N from 2 on."""
    half = Z95 * values.std(ddof=1) / len(values) ** 0.5
    return values.mean() - half, values.mean() + half


def _rounded(interval: Sequence[float]) -> Interval:
    low, high = interval
    return round(float(low), 2), round(float(high), 2)
