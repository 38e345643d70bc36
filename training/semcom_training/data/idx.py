# SPDX-License-Identifier: GPL-3.0-or-later
"""MNIST and Fashion-MNIST: gzipped idx files, found on disk or downloaded."""

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from semcom_training.data.files import data_dir, downloaded
from semcom_training.data.images import Augmentation, LabelledImages, Split, part_of_training
from semcom_training.errors import DataError

CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Where the four files are: ``folder`` inside the data folder, ``debian`` as a package has them, or ``url``."""

    folder: str
    debian: tuple[str, Path] | None
    url: str
    sha256: dict[str, str]


MNIST = _Source(
    folder="MNIST/raw",
    debian=None,
    url="https://ossci-datasets.s3.amazonaws.com/mnist/",
    sha256={
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
)
FASHION_MNIST = _Source(
    folder="FashionMNIST/raw",
    debian=("dataset-fashion-mnist", Path("/usr/share/datasets/fashion-mnist")),
    url="https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    sha256={
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
)


@dataclass(frozen=True, kw_only=True)
class Mnist:
    """Digits, grey, 28x28 pixels; their margin is black, so that they may be moved."""

    kind: Literal["mnist"] = "mnist"
    name = "MNIST"
    classes = CLASSES
    augmentation = Augmentation(shift=2, mirror=False)

    def load(self, split: Split) -> LabelledImages:
        """As :func:`load`."""
        return load(MNIST, split)


@dataclass(frozen=True, kw_only=True)
class FashionMnist:
    """Clothes, grey, 28x28 pixels."""

    kind: Literal["fashion-mnist"] = "fashion-mnist"
    name = "Fashion-MNIST"
    classes = CLASSES
    augmentation = Augmentation(shift=2, mirror=True)

    def load(self, split: Split) -> LabelledImages:
        """As :func:`load`."""
        return load(FASHION_MNIST, split)


def load(source: _Source, split: Split) -> LabelledImages:
    """One split, the grey values three times over as channels.  Downloads what is missing.

    Raises:
        DataError: the files are not there and cannot be fetched, or are damaged.
    """
    part = "t10k" if split == "test" else "train"
    names = f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"
    folder = _find(source, names)
    grey, labels = (read_idx(folder / name) for name in names)
    if grey.ndim != 3 or labels.shape != grey.shape[:1] or not len(labels) or labels.max() >= CLASSES:
        raise DataError(f"{names[0]} and {names[1]} in {folder} do not belong together; delete both and try again.")
    images = torch.from_numpy(grey).unsqueeze(1).expand(-1, 3, -1, -1)
    labelled = LabelledImages(images, torch.from_numpy(labels.astype(np.int64)))
    return labelled if split == "test" else part_of_training(labelled, split)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The bytes of a gzipped idx file in their shape.

    Raises:
        DataError: it is damaged, or its values are no bytes.
    """
    try:
        with gzip.open(path) as file:
            raw = bytearray(file.read())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}); delete it and run the command again.") from error
    dimensions = raw[3] if raw[:3] == b"\0\0\x08" and len(raw) > 3 else 0
    start = 4 + 4 * dimensions
    shape = np.frombuffer(raw[4:start], ">u4").tolist() if len(raw) >= start else []
    if not dimensions or len(raw) - start != math.prod(shape):
        raise DataError(f"{path} is damaged (no idx file of bytes); delete it and run the command again.")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _find(source: _Source, names: tuple[str, ...]) -> Path:
    """The folder with these files, into which they are fetched if need be."""
    package, installed = source.debian or (None, None)
    own = data_dir() / source.folder
    for folder in filter(None, (own, installed)):
        if all((folder / name).is_file() for name in names):
            return folder
    instead = f"put the files into {own} by hand"
    if package:
        instead = f"install Debian's package {package}, or {instead}"
    for name in names:
        if not (own / name).is_file():
            with downloaded(source.url + name, hashed=f"sha256:{source.sha256[name]}", instead=instead) as file:
                own.mkdir(parents=True, exist_ok=True)
                file.replace(own / name)
    return own
