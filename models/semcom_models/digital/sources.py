# SPDX-License-Identifier: GPL-3.0-or-later
"""Image coders of separate source-channel coding, by Pillow and libheif, or by bpgenc where it is installed."""

import hashlib
import io
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import NDArray
from PIL import Image

from semcom_models.errors import CodecError

Compress = Callable[[Image.Image, int], bytes]
Options = Callable[[int], dict]
Decompress = Callable[[bytes], Image.Image]
HeaderBytes = Callable[[bytes], int]
BPG_TIMEOUT_S = 60


@dataclass(frozen=True)
class Source:
    """A coder, with ``steps`` settings from 0, the coarsest, on; a later one makes a file that is larger or as large.

    Pictures in colour are coded in each of several ``ways``.  ``header_bytes`` says how many bytes of a file are not
    those of its pixels: papers often leave them out.
    """

    name: str
    steps: int
    ways: Sequence[Compress]
    decompress: Decompress
    header_bytes: HeaderBytes

    def fit(self, pixels: NDArray[np.uint8], budget: int, *, free_headers: bool = False) -> bytes | None:
        """uint8 [H, W, 3] -> of the ways' finest files of up to ``budget`` bytes that of the best PSNR; None where the
        coarsest have more.

        Grey pictures are coded as such.  With ``free_headers`` the bytes of headers are not counted.
        """
        grey = (pixels == pixels[..., :1]).all()
        image, ways = (Image.fromarray(pixels[..., 0]), self.ways[:1]) if grey else (Image.fromarray(pixels), self.ways)
        found = (self._finest(compress, image, budget, free_headers=free_headers) for compress in ways)
        files = [file for file in found if file is not None]
        if len(files) < 2:
            return files[0] if files else None

        def squared_error(file: bytes) -> float:
            opened = self.open(file, height=image.height, width=image.width)
            return np.square(opened.astype(np.float32) - pixels).mean().item()

        return min(files, key=squared_error)

    def _finest(self, compress: Compress, image: Image.Image, budget: int, *, free_headers: bool) -> bytes | None:
        best, low, high = None, 0, self.steps
        while low < high:
            middle = (low + high) // 2
            data = compress(image, middle)
            if len(data) - (self.header_bytes(data) if free_headers else 0) <= budget:
                best, low = data, middle + 1
            else:
                high = middle
        return best

    def remembering(self, kept_bytes: int) -> "Source":
        """The same, which keeps the latest ``kept_bytes`` of files: a picture has to fit into many budgets."""

        def key(way: int, image: Image.Image, step: int) -> Hashable:
            return way, hashlib.sha256(image.tobytes()).digest(), image.mode, image.size, step

        @cached(LRUCache(maxsize=kept_bytes, getsizeof=len), key=key)
        def compressed(way: int, image: Image.Image, step: int) -> bytes:
            return self.ways[way](image, step)

        return replace(self, ways=[partial(compressed, way) for way in range(len(self.ways))])

    def open(self, data: bytes, *, height: int, width: int) -> NDArray[np.uint8]:
        """-> uint8 [height, width, 3].

        Raises:
            CodecError: it is no file of this coder, or its picture has another size.
        """
        try:
            with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
                image = self.decompress(data)
                if image.size != (width, height):  # known before a pixel is decoded, but by bpgdec
                    raise CodecError(
                        f"A {self.name} file has {image.width}x{image.height} pixels, not {width}x{height}."
                    )
                return np.asarray(image.convert("RGB"))
        except CodecError:
            raise
        except Exception as error:  # Pillow has no common class of what its coders raise
            raise CodecError(f"{len(data)} bytes that arrived are no {self.name} file ({error}).") from error


@cache
def sources() -> dict[str, Source]:
    """Those that can be had here, by name: "heif" needs the package pillow-heif, "bpg" bpgenc and bpgdec on PATH.

    "heif" is HEVC intra by x265, as in BPG; it stands in for BPG and is not the same.  "direct" is the pixels as they
    are, for which k/n has to be 1.4 at least, with the fastest scheme.
    """
    found = [
        Source("jpeg", 100, _pillow("JPEG", *map(_jpeg_options, COLOURS)), *_read("JPEG", _jpeg)),
        Source("jpeg2000", J2K_STEPS, _pillow("JPEG2000", _j2k_options), *_read("JPEG2000", _j2k)),
        Source("webp", 101, _pillow("WEBP", lambda step: {"quality": step, "method": 6}), *_read("WEBP", _webp)),
        Source("avif", 101, _pillow("AVIF", *map(_avif_options, COLOURS)), *_read("AVIF", _boxes)),
        Source("direct", 1, _pillow("PPM", lambda step: {}), *_read("PPM", _ppm)),
    ]
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
        found.append(Source("heif", 101, _pillow("HEIF", *map(_heif_options, COLOURS)), *_read("HEIF", _boxes)))
    except ImportError:
        pass
    if shutil.which("bpgenc") and shutil.which("bpgdec"):
        found.append(Source("bpg", 52, [partial(_bpgenc, colours) for colours in COLOURS], _bpgdec, _bpg))
    return {source.name: source for source in found}


def find_source(name: str) -> Source:
    """The coder of this name.  Raises CodecError where it is not here."""
    here = sources()
    if name not in here:
        raise CodecError(
            f"There is no image coder {name!r} here, there are {', '.join(here)}; heif needs pillow-heif, bpg needs "
            "bpgenc and bpgdec on PATH."
        )
    return here[name]


COLOURS = ("4:2:0", "4:4:4")
"""A value of a colour for four pixels, or for each: which is worth its bytes depends on the picture and the budget."""


def _jpeg_options(colours: str) -> Options:
    return lambda step: {"quality": step + 1, "subsampling": colours, "optimize": True}


def _avif_options(colours: str) -> Options:
    return lambda step: {"quality": step, "speed": 6, "subsampling": colours}


def _heif_options(colours: str) -> Options:
    return lambda step: {"quality": step, "chroma": int(colours.replace(":", "")), "enc_params": {"tune": "psnr"}}


J2K_STEPS = 200


def _j2k_options(step: int) -> dict:
    """For a PSNR of 8 to 58 dB, by quarters: OpenJPEG's rates count headers, and leave nothing of small pictures."""
    return {"quality_mode": "dB", "quality_layers": [8 + step / 4], "no_jp2": True}


def _pillow(kind: str, *ways: Options) -> Sequence[Compress]:
    def compress(options: Options, image: Image.Image, step: int) -> bytes:
        file = io.BytesIO()
        image.save(file, kind, **options(step))
        return file.getvalue()

    return [partial(compress, options) for options in ways]


def _read(kind: str, header_bytes: HeaderBytes) -> tuple[Decompress, HeaderBytes]:
    return partial(_opened, kind), header_bytes


def _opened(kind: str, data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=[kind])


def _jpeg(data: bytes) -> int:
    """All but the scan."""
    at = 2
    while data[at : at + 2] != b"\xff\xda":
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") + len(b"\xff\xd9")


def _j2k(data: bytes) -> int:
    """All but the one tile's packets."""
    return data.index(b"\xff\x93") + 2 + len(b"\xff\xd9")


def _webp(data: bytes) -> int:
    """RIFF, the head of its one chunk, and the frame's start code and size."""
    return 12 + 8 + 10


def _ppm(data: bytes) -> int:
    """The three lines before the pixels."""
    return len(data) - len(data.split(b"\n", 3)[3])


def _boxes(data: bytes) -> int:
    """All but what the mdat boxes hold (ISO/IEC 14496-12)."""
    at, payload = 0, 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big") or len(data) - at
        if data[at + 4 : at + 8] == b"mdat":
            payload += size - 8
        at += max(size, 8)
    return len(data) - payload


def _bpg(data: bytes) -> int:
    """Magic number, flags, and width, height and length in groups of seven bits; the HEVC header counts as pixels."""
    return _bpg_head(data)[1]


def _bpg_head(data: bytes) -> tuple[list[int], int]:
    """Width, height and length, and where they end."""
    at, numbers = 6, []
    for _ in range(3):
        number = 0
        while True:
            number, more = number << 7 | data[at] & 0x7F, data[at] & 0x80
            at += 1
            if not more:
                break
        numbers.append(number)
    return numbers, at


def _bpgenc(colours: str, image: Image.Image, step: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "in.png"), Path(folder, "out.bpg")
        image.save(before)
        _call("bpgenc", "-f", colours.replace(":", ""), "-q", str(51 - step), "-o", str(after), str(before))
        return after.read_bytes()


def _bpgdec(data: bytes) -> Image.Image:
    (width, height, _), _ = _bpg_head(data)
    if width * height > Image.MAX_IMAGE_PIXELS:
        raise CodecError(f"A bpg file says that it has {width}x{height} pixels: it is refused.")
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "in.bpg"), Path(folder, "out.png")
        before.write_bytes(data)
        _call("bpgdec", "-o", str(after), str(before))
        return Image.open(io.BytesIO(after.read_bytes()), formats=["PNG"])


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=BPG_TIMEOUT_S)
