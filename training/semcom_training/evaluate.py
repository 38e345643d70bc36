# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures on test pictures: what ``semcom eval`` prints, and what stands in cards, tables and plots."""

import importlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from semcom_models import measure, zoo
from semcom_models.codec import ImageCodec
from semcom_models.digital import capacity, separate
from semcom_models.digital.announced import NEEDED_DB, room
from semcom_models.digital.capacity import AtCapacity
from semcom_models.digital.separate import SeparateCodec
from semcom_models.digital.sources import Source, find_source
from semcom_models.errors import CodecError
from torch import nn

from semcom_training.data import Cifar10, LabelledImages
from semcom_training.deepsc_tu import task_of
from semcom_training.errors import ConfigError
from semcom_training.pictures import Pictures

Z95 = 1.959964
TRIED = 100  # pictures, of all sizes, that a scheme is chosen by
KEPT_BYTES = 2**28  # of a coder's files: those of 1,000 small pictures or a dozen photographs for a dozen budgets
Interval = tuple[float, float]
Comparison = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One operating point.

    ``codec``, ``ratio``, ``snr_db`` and ``channel`` are None for the originals, and so are ``psnr_db`` and its
    interval.  ``downstream``, ``accuracy`` in percent, its interval and ``recognition_ratio``, that over the accuracy
    on the originals, are None where nothing judges; the last also where the accuracy on the originals is 0.
    Of a segmenter there is ``iou``, the mean intersection over union, 0 to 1, in place of the accuracy.
    ``psnr_db`` is the mean over the images of the PSNR in dB, None too where one came back exactly; ``ssim`` and
    ``lpips`` those of the two similarities, None where :mod:`semcom_models.measure` has none.  ``scheme`` is the
    modulation and code rate of a separate codec, which does not pay for the headers of its files with
    ``free_headers``.  Intervals are of 95 % confidence over the images: Wilson's for the accuracy.
    """

    codec: str | None
    ratio: float | None
    snr_db: float | None
    channel: str | None
    downstream: str | None
    images: int
    seed: int
    accuracy: float | None
    accuracy_ci95: Interval | None
    psnr_db: float | None
    psnr_ci95: Interval | None
    ssim: float | None
    recognition_ratio: float | None
    dataset: str = Cifar10.name
    lpips: float | None = None
    scheme: str | None = None
    free_headers: bool = False
    iou: float | None = None


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The product of lists; no ratios means the usual one of each codec.

    With ``free_headers`` separate codecs do not pay for the headers of their files.
    """

    codecs: Sequence[str]
    ratios: Sequence[Fraction]
    snrs_db: Sequence[float]
    channels: Sequence[str]
    free_headers: bool = False

    def __len__(self) -> int:
        return len(self.codecs) * max(len(self.ratios), 1) * len(self.snrs_db) * len(self.channels)


@dataclass(frozen=True)
class Point:
    """Where a codec is measured; None for its usual ratio."""

    ratio: float | None
    snr_db: float
    channel: str

    def over(self, codec: ImageCodec | AtCapacity, images: NDArray[np.uint8], *, seed: int) -> NDArray[np.uint8]:
        """As :func:`measure.over_channel`."""
        return measure.over_channel(
            codec, images, channel=self.channel, snr_db=self.snr_db, ratio=self.ratio, seed=seed
        )


class Evaluation:
    """Pictures and a downstream network, to measure codecs with.

    Args:
        downstream: a network of the zoo, a folder, or ``package.module:name`` of a callable without arguments that
            makes a module from [B, 3, H, W] in [0, 1] to class logits; None for pictures alone, as for those without
            labels.

    Raises:
        CodecError: there is no such network.
        ConfigError: it is of the zoo and was trained on other data.
    """

    def __init__(self, pictures: Pictures, *, downstream: str | None, seed: int) -> None:
        self.seed, self._pictures = seed, pictures
        self.downstream = downstream if pictures.labels is not None else None
        self._task = self.downstream and task_of(load_downstream(self.downstream, judges=pictures))
        self._seen_in_originals = self._seen(pictures.groups)

    def originals(self) -> Row:
        """What the downstream network makes of the pictures as they are."""
        return self._row(self._pictures.groups, codec=None, ratio=None, snr_db=None, channel=None)

    def rows(self, grid: Grid) -> Iterator[Row]:
        """One row a point of the grid; ``ratio`` is that of the first picture.

        Raises:
            CodecError: a codec or a channel that is not there, or a ratio that a codec has not.
        """
        for name in grid.codecs:
            codec = _load(name, free_headers=grid.free_headers)
            for ratio in grid.ratios or [None]:
                for channel in grid.channels:
                    for snr_db in grid.snrs_db:
                        yield self._point(codec, name, Point(ratio and float(ratio), snr_db, channel))

    def _point(self, codec: ImageCodec | AtCapacity, name: str, point: Point) -> Row:
        first = self._pictures.groups[0]
        if isinstance(codec, SeparateCodec) and codec.scheme is None:
            codec = self._with_best_scheme(codec, point)
        row = self._row(
            [point.over(codec, group, seed=self.seed) for group in self._pictures.groups],
            codec=name,
            ratio=codec.symbols_for(*first.shape[1:3], ratio=point.ratio) / first[0].size,
            snr_db=point.snr_db,
            channel=point.channel,
        )
        if isinstance(codec, SeparateCodec | AtCapacity):
            row = replace(row, free_headers=codec.free_headers)
        scheme = codec.scheme if isinstance(codec, SeparateCodec) else None
        return replace(row, scheme=scheme.name) if scheme else row

    def _with_best_scheme(self, codec: SeparateCodec, point: Point) -> SeparateCodec:
        """That of which some pictures come out best, over fades and noise of their own; as the papers have it.  The
        codec itself where none has room."""
        share = min(1, TRIED / len(self._pictures))
        some = [group[: math.ceil(share * len(group))] for group in self._pictures.groups]

        def mean_psnr_db(with_scheme: SeparateCodec) -> float:
            seen = [point.over(with_scheme, group, seed=self.seed + 1) for group in some]
            return np.concatenate([measure.psnr_db(*pair) for pair in zip(some, seen, strict=True)]).mean().item()

        fewest = min(codec.symbols_for(*group.shape[1:3], ratio=point.ratio) for group in some)
        able = [codec.with_scheme(scheme) for scheme in NEEDED_DB if room(fewest, scheme) >= 0]
        return max(able, key=mean_psnr_db, default=codec)

    def _row(
        self,
        received: Sequence[NDArray[np.uint8]],
        *,
        codec: str | None,
        ratio: float | None,
        snr_db: float | None,
        channel: str | None,
    ) -> Row:
        seen, count, originals = self._seen(received), len(self._pictures), self._seen_in_originals
        share, iou = seen.get("accuracy"), seen.get("iou")
        psnr_db = None if codec is None else self._compared(measure.psnr_db, received)
        if psnr_db is not None and np.isinf(psnr_db).any():
            psnr_db = None
        return Row(
            codec=codec,
            ratio=None if ratio is None else round(ratio, 6),
            snr_db=snr_db,
            channel=channel,
            downstream=self.downstream,
            images=count,
            seed=self.seed,
            accuracy=None if share is None else round(100 * share, 2),
            accuracy_ci95=None if share is None else _rounded(100 * bound for bound in wilson(share, count)),
            psnr_db=None if psnr_db is None else round(psnr_db.mean().item(), 2),
            psnr_ci95=None if psnr_db is None else _rounded(around_mean(psnr_db)),
            ssim=_mean(self._compared(measure.ssim, received)),
            recognition_ratio=next((round(seen[of] / best, 4) for of, best in originals.items() if best), None),
            dataset=self._pictures.name,
            lpips=_mean(self._compared(measure.lpips, received)),
            iou=None if iou is None else round(iou, 4),
        )

    def _compared(self, how: Comparison, received: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """One figure for each picture."""
        return np.concatenate([how(*pair) for pair in zip(self._pictures.groups, received, strict=True)])

    def _seen(self, groups: Sequence[NDArray[np.uint8]]) -> dict[str, float]:
        """How well the task is done, by the name of the figure; nothing where there is no task."""
        if self._task is None:
            return {}
        labels, seen = self._pictures.labels.split([len(group) for group in groups]), Counter()
        for group, of_group in zip(groups, labels, strict=True):
            images = torch.from_numpy(group).permute(0, 3, 1, 2)
            for name, value in self._task.figures(LabelledImages(images, of_group)).items():
                seen[name] += value * len(group) / len(self._pictures)
        return dict(seen)


def require(codecs: Sequence[str]) -> None:
    """Raises CodecError where a codec is not there, before pictures are fetched that are for nothing then."""
    for name in codecs:
        if capacity.is_at_capacity(name) or separate.is_separate(name):
            _load(name, free_headers=False)
        else:
            zoo.find(name)


def _load(name: str, *, free_headers: bool) -> ImageCodec | AtCapacity:
    if capacity.is_at_capacity(name):
        return capacity.load(name, free_headers=free_headers, source=_remembering)
    if separate.is_separate(name):
        return separate.load(name, free_headers=free_headers, source=_remembering)
    return zoo.load_codec(name)


@cache
def _remembering(coder: str) -> Source:
    """An image coder that does not code a picture anew at each point."""
    return find_source(coder).remembering(KEPT_BYTES)


def load_downstream(name: str, *, judges: Pictures) -> nn.Module:
    """A downstream network, in evaluation mode; raises as :class:`Evaluation`."""
    if ":" not in name:
        if zoo.trained_on(zoo.read_card(zoo.find(name))) != judges.kind:
            raise ConfigError(
                f"{name} was not trained to judge {judges.name}; name a network that was by --downstream, or none."
            )
        return zoo.load_classifier(name)
    module, _, attribute = name.partition(":")
    try:
        built = getattr(importlib.import_module(module), attribute)()
    except Exception as error:
        raise CodecError(f"The downstream network {name} cannot be made ({error}); is it on PYTHONPATH?") from error
    if not isinstance(built, nn.Module):
        raise CodecError(f"The downstream network {name} is a {type(built).__name__}, no torch.nn.Module.")
    return built.eval()


TOOK_PART = ("codec", "downstream", "adapter")
"""What of a row names weights of the zoo; the last is of :class:`semcom_training.observed.ObservedRow`."""


def write_results(folder: Path, rows: Sequence[Row], *, command: str) -> None:
    """Put measured rows, the command that prints them, and the hashes of the other weights of the zoo that took part,
    into a card."""
    card = zoo.read_card(folder)
    result = {"command": command, "rows": [asdict(row) for row in rows]}
    named = {getattr(row, of, None) for row in rows for of in TOOK_PART}
    took_part = {name for name in named if name and ":" not in name}
    cards = [zoo.read_card(zoo.find(name)) for name in sorted(took_part)]
    others = {each.name: each.weights_sha256 for each in cards if each.weights_sha256 != card.weights_sha256}
    if others:
        result["weights_sha256"] = others
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


def _mean(values: NDArray[np.float64]) -> float | None:
    """None where there is no figure of some picture."""
    mean = values.mean().item()
    return None if math.isnan(mean) else round(mean, 4)
