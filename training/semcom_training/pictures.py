# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures to report on, by the names that ``semcom eval`` takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import skimage
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from semcom_models import zoo
from torch import Tensor

from semcom_training.data import DATA_SETS, Cifar10, DataError, DataSet, Sources, data_dir, whole_pictures

USUAL = 1000
FEWEST = 2  # for an interval
PHOTOS = "photos"
MOSAICS = "cifar10-mosaics"
TILES = 8  # along a side of a mosaic


@dataclass(frozen=True)
class Pictures:
    """``groups``, uint8 [N, H, W, 3], one for each size; ``labels`` [N of all], int64, None where there are none.

    ``kind`` is that of the data set in a config.
    """

    name: str
    kind: str
    groups: Sequence[NDArray[np.uint8]]
    labels: Tensor | None

    def __len__(self) -> int:
        return sum(map(len, self.groups))


def load_pictures(name: str, *, count: int | None = None) -> Pictures:
    """The first ``count`` (None: 1,000, or all there are) test images of one of ``DATA_SETS``; of each of several, with
    "+" between, shrunk to 32x32, their classes being the data sets; ``PHOTOS``, the four photographs of scikit-image
    that the demo sends; ``MOSAICS`` of those of CIFAR-10, in which image files are large enough for their coders; by
    the name of a network of the zoo, those of what it was trained on, as its card has it; or, by its path, the pictures
    of a folder, whole and sorted by size, its subfolders being the classes.

    Raises:
        DataError: there is no such data set, it cannot be had, or it has not so many images, or less than two.
    """
    if name in DATA_SETS:
        return _tests_of(DATA_SETS[name](), count)
    kinds = name.split("+")
    if set(kinds) <= DATA_SETS.keys() and len(set(kinds)) == len(kinds):
        fewest = min(len(DATA_SETS[kind]().load("test")) for kind in kinds)
        sources = Sources(of=tuple(kinds), each=10 * _checked(count, of=fewest, place=data_dir()))
        test = sources.load("test")
        return Pictures(sources.name, name, [test.images.permute(0, 2, 3, 1).contiguous().numpy()], test.labels)
    if name == PHOTOS:
        photos = [getattr(skimage.data, each)() for each in ("astronaut", "chelsea", "coffee", "rocket")]
        photos = photos[: _checked(count, of=len(photos), place=Path(skimage.data.__file__).parent)]
        return Pictures(name, "photos", [photo[np.newaxis] for photo in photos], None)
    if name == MOSAICS:
        source = Cifar10()
        mosaics = _mosaics(source.load("test").images.permute(0, 2, 3, 1).numpy())
        count = _checked(count, of=len(mosaics), place=data_dir())
        return Pictures(f"{source.name} in mosaics of {TILES}x{TILES}", source.kind, [mosaics[:count]], None)
    if name in zoo.names():
        card = zoo.read_card(zoo.find(name))
        data = card.training.get("config", {}).get("data", {"kind": "cifar10"})
        if data["kind"] == "pair":
            raise DataError(f"{name} was trained on two kinds of pictures, {data['observed']} and {data['library']}.")
        return replace(_tests_of(TypeAdapter(DataSet).validate_python(data), count), kind=zoo.trained_on(card))
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"There is no data set and no folder {name!r}; data sets: {', '.join([*DATA_SETS, PHOTOS, MOSAICS])}."
        )
    pictures, labels = whole_pictures(folder, most=count or USUAL)
    _checked(count, of=len(pictures), place=folder)
    order = sorted(range(len(pictures)), key=lambda i: pictures[i].shape)
    groups = [np.stack([pictures[i] for i in same]) for _, same in groupby(order, key=lambda i: pictures[i].shape)]
    return Pictures(name, "folder", groups, None if labels is None else labels[torch.tensor(order)])


def _tests_of(source: DataSet, count: int | None) -> Pictures:
    test = source.load("test")
    part = test[: _checked(count, of=len(test), place=data_dir())]
    return Pictures(source.name, source.kind, [part.images.permute(0, 2, 3, 1).contiguous().numpy()], part.labels)


def _mosaics(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [N, H, W, 3] -> [N // 64, 8 H, 8 W, 3], row by row; what is left over is left out."""
    _, height, width, channels = images.shape
    tiles = images[: len(images) // TILES**2 * TILES**2].reshape(-1, TILES, TILES, height, width, channels)
    return tiles.swapaxes(2, 3).reshape(-1, TILES * height, TILES * width, channels)


def _checked(count: int | None, *, of: int, place: Path) -> int:
    asked = min(of, USUAL) if count is None else count
    if not FEWEST <= asked <= of:
        raise DataError(f"{asked} test images were asked for; there are {of} in {place}, and it takes {FEWEST}.")
    return asked
