# SPDX-License-Identifier: GPL-3.0-or-later
"""Any folder of pictures: crops of one size."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from torch import Tensor

from semcom_training.data.images import Augmentation, LabelledImages, Split
from semcom_training.errors import DataError

FORMATS = ("PNG", "JPEG", "JPEG2000", "WEBP", "BMP", "TIFF", "PPM")
SUFFIXES = frozenset(".png .jpg .jpeg .jp2 .webp .bmp .tif .tiff .ppm .pgm".split())
FEWEST = 10
MOST_APART = 1000  # that are held out, or for tests


@dataclass(frozen=True)
class FolderImages:
    """Pictures that are read when their turn comes, ``side`` pixels square, from a place drawn anew each time."""

    files: Sequence[Path]
    labels: Tensor
    side: int

    def __len__(self) -> int:
        return len(self.files)

    def batch(self, indices: Tensor, generator: torch.Generator) -> LabelledImages:
        """A crop of each of the files with these ``indices``.

        Raises:
            DataError: a file cannot be read.
        """
        places = torch.rand(len(indices), 2, generator=generator, device=generator.device).tolist()
        chosen = [self.files[index] for index in indices.tolist()]
        crops = [crop(file, self.side, place) for file, place in zip(chosen, places, strict=True)]
        return LabelledImages(torch.stack(crops), self.labels[indices])

    def digest(self) -> str:
        """A sha256 that stands for names, sizes and labels of the files; not for their content, which may be large."""
        labelled = zip(self.files, self.labels.tolist(), strict=True)
        listed = [f"{file.name} {file.stat().st_size} {label}" for file, label in labelled]
        return hashlib.sha256("\n".join(listed).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The pictures in a folder; those in its subfolders, if it has any, which then are the classes.

    In training each gives one crop an epoch, ``side`` pixels square, from anywhere; else its middle.  The splits are
    drawn by the names of the files: a tenth for tests and a tenth held out, 1,000 at most each.  ``mirror`` says
    whether left may become right.
    """

    kind: Literal["folder"]
    path: Path
    side: Annotated[int, Field(ge=8)]
    mirror: bool = True

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def classes(self) -> int | None:
        return len(self._by_class) if None not in self._by_class else None

    @property
    def augmentation(self) -> Augmentation:
        return Augmentation(shift=0, mirror=self.mirror)

    def load(self, split: Split) -> LabelledImages | FolderImages:
        """One split; that for training is read file by file as it is used.

        Raises:
            DataError: there is no such folder, there are too few pictures, or one is too small or cannot be read.
        """
        labelled = _numbered(self._by_class)
        if len(labelled) < FEWEST:
            raise DataError(f"{self.path} has {len(labelled)} pictures; for training there have to be {FEWEST}.")
        labelled.sort(key=lambda one: hashlib.sha256(one[0].relative_to(self._root).as_posix().encode()).digest())
        apart = min(len(labelled) // 10, MOST_APART)
        test, held_out = len(labelled) - apart, len(labelled) - 2 * apart
        part = {"train": slice(held_out), "held_out": slice(held_out, test), "test": slice(test, None)}[split]
        files, numbers = zip(*labelled[part], strict=True)
        labels = torch.from_numpy(np.array(numbers) if self.classes else np.full(len(files), -1))
        for file in files:
            self._check(file)
        if split == "train":
            return FolderImages(files, labels, self.side)
        return LabelledImages(torch.stack([crop(file, self.side, (0.5, 0.5)) for file in files]), labels)

    @property
    def _root(self) -> Path:
        return self.path.expanduser()

    @cached_property
    def _by_class(self) -> dict[str | None, list[Path]]:
        return _by_class(self._root)

    def _check(self, file: Path) -> None:
        with opened(file) as image:
            if min(image.size) < self.side:
                width, height = image.size
                raise DataError(f"{file} is {width}x{height} pixels, less than data.side={self.side}; lower it.")


def whole_pictures(folder: Path, *, most: int) -> tuple[list[NDArray[np.uint8]], Tensor | None]:
    """The first ``most`` pictures of a folder, uint8 [H, W, 3], in the order of their classes and names; their classes,
    int64 [N], None if there are no subfolders.

    Raises:
        DataError: there is no such folder, or a picture cannot be read.
    """
    by_class = _by_class(folder)
    labelled = _numbered(by_class)[:most]
    labels = None if None in by_class else torch.tensor([number for _, number in labelled])
    return [_pixels(file) for file, _ in labelled], labels


def crop(file: Path, side: int, place: Sequence[float]) -> Tensor:
    """uint8 [3, side, side] of a picture; ``place`` goes from the top and left edge, 0, to the other, 1.

    Raises:
        DataError: it cannot be read.
    """
    with opened(file) as image:
        left, top = (int(at * (length - side + 1)) for at, length in zip(place[::-1], image.size, strict=True))
        pixels = np.array(image.crop((left, top, left + side, top + side)).convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _pixels(file: Path) -> NDArray[np.uint8]:
    with opened(file) as image:
        return np.array(image.convert("RGB"))


@contextmanager
def opened(file: Path) -> Iterator[Image.Image]:
    """A picture of one of ``FORMATS``.  Raises DataError where it cannot be read, also while it is."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} cannot be read as a picture ({error}); remove or mend it.") from error


def _by_class(folder: Path) -> dict[str | None, list[Path]]:
    """The pictures of each class in the order of their names; of the class None if there are no subfolders."""
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.")
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    inside = {each.name: _pictures(each.rglob("*")) for each in visible if each.is_dir()}
    classes = {name: files for name, files in inside.items() if files}
    beside = _pictures(visible)
    if classes and beside:
        raise DataError(
            f"{folder} has pictures beside folders of pictures, as {beside[0].name}; move them into a class."
        )
    return classes or {None: beside}


def _numbered(by_class: dict[str | None, list[Path]]) -> list[tuple[Path, int]]:
    """Each picture with the number of its class."""
    return [(file, number) for number, files in enumerate(by_class.values()) for file in files]


def _pictures(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file())
