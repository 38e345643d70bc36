# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures in and out: photographs of any kind read safely, PNG files written whole or not at all."""

import gzip
import importlib.util
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from .pdus import MAX_SIDE

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 25_000_000
"""Larger pictures are refused: a codec needs several hundred bytes of memory for each pixel."""
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
FORMATS = ("PNG", "JPEG", "JPEG2000", "WEBP", "GIF", "BMP", "TIFF", "PPM")
SUFFIXES = frozenset(".png .jpg .jpeg .jpe .jp2 .j2k .webp .gif .bmp .tif .tiff .ppm .pgm .pbm .pnm".split())
CIFAR10_FILE = Path("cifar-10-batches-bin", "test_batch.bin")
CIFAR10_RECORD_BYTES = 1 + 3 * 32 * 32
MNIST_FILE = Path("MNIST", "raw", "t10k-images-idx3-ubyte.gz")
MNIST_HEAD_BYTES, MNIST_SIDE = 16, 28


class ImageError(ValueError):
    """A picture that cannot be read or sent, in one sentence."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that can be read when its turn comes: a file, or pixels uint8 [H, W, 3]."""

    name: str
    source: Path | np.ndarray

    def pixels(self) -> np.ndarray:
        """uint8 [H, W, 3], RGB; raises :class:`ImageError`."""
        return read_image(self.source) if isinstance(self.source, Path) else self.source


def find_pictures(images: str | Path | np.ndarray | Picture | Iterable) -> list[Picture]:
    """All pictures that ``images`` names, in order, without reading the files; no two have the same name.

    Args:
        images: "photos" (four photographs that come with scikit-image), "cifar10" or "mnist" (the test sets), a
            file, a folder (its pictures by name; folders inside it are not entered), pixels uint8 [H, W, 3] or
            [N, H, W, 3], a :class:`Picture`, or an iterable of any of these.

    Raises:
        ImageError: something is missing, or there is no picture at all.
    """
    pictures = _find(images)
    if not pictures:
        raise ImageError("There is no picture to send.")
    return _told_apart(pictures)


def _find(images: str | Path | np.ndarray | Picture | Iterable) -> list[Picture]:
    if isinstance(images, Picture):
        return [images]
    if isinstance(images, np.ndarray):
        return _array_pictures(images)
    if isinstance(images, str) and images in _NAMED:
        return _NAMED[images]()
    if isinstance(images, (str, Path)):
        return _path_pictures(Path(images).expanduser())
    return [picture for part in images for picture in _find(part)]


def _told_apart(pictures: list[Picture]) -> list[Picture]:
    """The same with names of their own: where stems collide the files' whole names, where these do a number too."""
    alike, uses = Counter(picture.name for picture in pictures), Counter[str]()
    apart = []
    for picture in pictures:
        name = picture.name
        if alike[name] > 1 and isinstance(picture.source, Path):
            name = printable(picture.source.name)
        uses[name] += 1
        apart.append(replace(picture, name=name if uses[name] == 1 else f"{name} ({uses[name]})"))
    return apart


def _array_pictures(pixels: np.ndarray) -> list[Picture]:
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or pixels.shape[-1] != 3:
        raise ImageError(
            f"An array of {pixels.dtype} {list(pixels.shape)} is no picture; uint8 [H, W, 3] or [N, H, W, 3] is."
        )
    check_size(*pixels.shape[-3:-1])
    return [Picture("array", one) for one in (pixels if pixels.ndim == 4 else pixels[np.newaxis])]


def _photos() -> list[Picture]:
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise ImageError("The photographs come with scikit-image: install it with 'pip install scikit-image'.")
    folder = Path(package.origin).parent / "data"
    return [picture for name in PHOTOS for picture in _path_pictures(folder / name)]


def _cifar10() -> list[Picture]:
    path = _data_file(CIFAR10_FILE, "CIFAR-10", "./semcom data")
    raw = np.fromfile(path, dtype=np.uint8)
    if raw.size == 0 or raw.size % CIFAR10_RECORD_BYTES:
        raise ImageError(f"{path} is damaged ({raw.size} bytes); delete it and fetch it again.")
    planes = raw.reshape(-1, CIFAR10_RECORD_BYTES)[:, 1:].reshape(-1, 3, 32, 32)
    pixels = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return [Picture(f"cifar10-{index:05d}", one) for index, one in enumerate(pixels)]


def _mnist() -> list[Picture]:
    path = _data_file(MNIST_FILE, "MNIST", "./semcom data mnist")
    try:
        raw = gzip.decompress(path.read_bytes())[MNIST_HEAD_BYTES:]
    except (OSError, EOFError, zlib.error):
        raw = b""
    if not raw or len(raw) % MNIST_SIDE**2:
        raise ImageError(f"{path} is damaged; delete it and fetch it again.")
    grey = np.frombuffer(raw, np.uint8).reshape(-1, MNIST_SIDE, MNIST_SIDE, 1)
    return [Picture(f"mnist-{index:05d}", one) for index, one in enumerate(np.repeat(grey, 3, axis=3))]


def _data_file(file: Path, name: str, command: str) -> Path:
    """Where a file of a data set is; raises ImageError where it is not, with the command that fetches it."""
    path = Path(os.environ.get("SEMCOM_DATA", "data")) / file
    if not path.is_file():
        raise ImageError(
            f"{name} is not at {path.absolute()}: run {command}, or let SEMCOM_DATA name the folder that has it."
        )
    return path


_NAMED = {"photos": _photos, "cifar10": _cifar10, "mnist": _mnist}


def _path_pictures(path: Path) -> list[Picture]:
    _pillow()  # where it is missing that is said once, and not of each file
    try:
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if _looks_like_picture(file))
            if not files:
                raise ImageError(f"There is no picture in the folder {printable(path)}.")
        elif path.exists():
            files = [path]
        else:
            raise ImageError(f"There is no file or folder {printable(path)}.")
    except OSError as error:
        raise ImageError(f"{printable(path)}: {error.strerror}.") from error
    return [Picture(printable(file.stem), file) for file in files]


def _looks_like_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def printable(path: str | Path) -> str:
    """A path as text that can be printed and sent: what of it is no UTF-8 becomes question marks."""
    return str(path).encode(errors="replace").decode()


def check_size(height: int, width: int) -> None:
    """Raises :class:`ImageError` for a picture that has no pixels or too many to send."""
    if height < 1 or width < 1:
        raise ImageError(f"A picture of {width} x {height} pixels cannot be sent.")
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
        raise ImageError(
            f"A picture of {width} x {height} pixels is too large: at most {MAX_SIDE} a side and "
            f"{MAX_PIXELS / 1e6:.0f} million pixels can be sent."
        )


def read_image(path: Path) -> np.ndarray:
    """A picture file as uint8 [H, W, 3], RGB, the right way up; transparent parts lie on white.

    The size is checked before any pixel is decoded.  Of an animation comes the first picture.

    Raises:
        ImageError: it is no picture, or damaged, or too large; the message names the file.
    """
    pil, shown = _pillow(), printable(path)
    try:
        if not path.is_file():
            raise ImageError("There is no such file.")
        with pil.open(path, formats=FORMATS) as picture:
            check_size(picture.height, picture.width)
            return _rgb(picture)
    except ImageError as error:
        raise ImageError(f"{shown}: {error}") from error
    except PermissionError as error:
        raise ImageError(f"{shown}: {error.strerror}.") from error
    except pil.DecompressionBombError as error:
        raise ImageError(f"{shown}: A picture of so many pixels is too large to send.") from error
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, ... for bad files
        raise ImageError(f"{shown}: This is no picture that can be read, or it is damaged.") from error


def _pillow() -> ModuleType:
    """``PIL.Image``, imported when it is needed: the other blocks work without Pillow."""
    try:
        from PIL import Image
    except ImportError as error:
        raise RuntimeError(
            "Picture files need Pillow: install it with 'apt install python3-pil' or 'pip install pillow'."
        ) from error
    return Image


def _rgb(picture: "Image.Image") -> np.ndarray:
    """uint8 [H, W, 3] of an open picture of any mode."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "F":
        raise ImageError("Floating-point pictures have no fixed range; convert it to 8 or 16 bits first.")
    if picture.mode.startswith("I"):  # 16 bits of grey, which convert() would clip to 8
        grey = np.asarray(picture).clip(0, 0xFFFF) >> 8
        return np.repeat(grey.astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.array(picture.convert("RGB"))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to: it takes that place when all went well, and vanishes otherwise."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_png(path: Path, pixels: np.ndarray) -> None:
    """uint8 [H, W, 3] as a PNG file, which appears complete or not at all; raises OSError."""
    with whole_file(path) as part:
        _pillow().fromarray(pixels).save(part, format="PNG")


def safe_name(name: str) -> str:
    """What of ``name`` may stand in a file's name: letters, digits, ``.``, ``_`` and ``-``, 64 at most."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:64].strip(".-") or "picture"
