# SPDX-License-Identifier: GPL-3.0-or-later
"""Photographs of every kind, and files that are none."""

import errno
import gzip
import os
import struct
import tempfile
import unittest
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
from gnuradio.semcom.image_files import (
    CIFAR10_FILE,
    MNIST_FILE,
    ImageError,
    find_pictures,
    read_image,
    safe_name,
    write_png,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

RED, WHITE = (255, 0, 0), (255, 255, 255)


def png_header(width: int, height: int) -> bytes:
    """A PNG file that says it is of this size and ends there."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return start + struct.pack(">I", 100) + b"IDAT"


class qa_image_files(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def saved(self, picture: Image.Image, name: str, **options: object) -> np.ndarray:
        picture.save(self.folder / name, **options)
        return read_image(self.folder / name)

    def test_modes_become_rgb(self) -> None:
        self.assertEqual(self.saved(Image.new("RGB", (3, 2), RED), "a.png").shape, (2, 3, 3))
        for mode, colour, rgb in (
            ("RGB", RED, RED),
            ("RGBA", (*RED, 255), RED),
            ("RGBA", (*RED, 0), WHITE),
            ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
            ("L", 77, (77, 77, 77)),
            ("LA", (77, 0), WHITE),
            ("1", 1, WHITE),
            ("I;16", 0x4D12, (77, 77, 77)),
        ):
            pixels = self.saved(Image.new(mode, (3, 2), colour), "a.png")
            self.assertEqual((pixels.dtype, pixels.shape), (np.uint8, (2, 3, 3)))
            np.testing.assert_array_equal(pixels[0, 0], rgb, err_msg=f"{mode} {colour}")

    def test_palettes_and_their_transparency(self) -> None:
        palette = Image.new("RGB", (3, 2), RED).quantize(2)
        np.testing.assert_array_equal(self.saved(palette, "a.png")[0, 0], RED)
        np.testing.assert_array_equal(self.saved(palette, "b.gif")[0, 0], RED)
        clear = palette.getpixel((0, 0))
        np.testing.assert_array_equal(self.saved(palette, "c.png", transparency=clear)[0, 0], WHITE)

    def test_cmyk_jpeg(self) -> None:
        pixels = self.saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "a.jpg", quality=100)
        np.testing.assert_allclose(pixels[8, 8].astype(int), RED, atol=3)

    def test_orientation_is_applied(self) -> None:
        picture = Image.new("RGB", (4, 2))
        picture.putpixel((0, 0), RED)
        exif = Image.Exif()
        exif[0x0112] = 6  # turn by 90 degrees clockwise to view
        pixels = self.saved(picture, "a.png", exif=exif)
        self.assertEqual(pixels.shape, (4, 2, 3))
        np.testing.assert_array_equal(pixels[0, 1], RED)

    def test_sizes_that_cannot_be_sent_are_refused_by_the_header_alone(self) -> None:
        for width, height in ((20_000, 20_000), (8192, 1), (1, 8192), (6000, 6000), (0, 0), (0, 5)):
            path = self.folder / "size.png"
            path.write_bytes(png_header(width, height))
            with self.assertRaisesRegex(ImageError, "size.png.*"):
                read_image(path)
            if 0 < width < 10_000:
                with self.assertRaisesRegex(ImageError, f"{width} x {height} pixels is too large"):
                    read_image(path)

    def test_the_longest_side_can_be_read(self) -> None:
        self.assertEqual(self.saved(Image.new("RGB", (8191, 1)), "long.png").shape, (1, 8191, 3))

    def test_what_is_no_picture_is_named(self) -> None:
        whole = self.folder / "whole.jpg"
        Image.effect_noise((64, 64), 90).save(whole)
        raw = whole.read_bytes()
        for name, content in (
            ("empty.png", b""),
            ("text.png", b"this is no picture"),
            ("cut.jpg", raw[: len(raw) // 2]),
            ("header.png", png_header(8, 8)),
        ):
            (self.folder / name).write_bytes(content)
            with self.assertRaisesRegex(ImageError, name):
                read_image(self.folder / name)
        with self.assertRaisesRegex(ImageError, "no such file"):
            read_image(self.folder)
        with self.assertRaisesRegex(ImageError, "Floating-point"):
            self.saved(Image.new("F", (3, 2)), "float.tiff")

    @settings(max_examples=200, deadline=None, database=None)
    @given(st.data())
    def test_a_damaged_file_is_read_or_refused(self, data: st.DataObject) -> None:
        kind = data.draw(st.sampled_from(["png", "jpg", "webp", "gif", "bmp", "tiff", "ppm", "jp2"]))
        path = self.folder / f"damaged.{kind}"
        pixels = np.random.default_rng(1).integers(0, 256, (9, 7, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        raw = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
        try:
            pixels = read_image(path)
        except ImageError:
            return
        self.assertEqual((pixels.dtype, pixels.ndim, pixels.shape[2]), (np.uint8, 3, 3))

    def test_a_folder_gives_its_pictures_by_name(self) -> None:
        for name in ("b.png", "a.JPG", ".hidden.png"):
            Image.new("RGB", (2, 2)).save(self.folder / name)
        (self.folder / "notes.txt").write_text("no picture")
        (self.folder / "inside.png").mkdir()
        self.assertEqual([picture.name for picture in find_pictures(str(self.folder))], ["a", "b"])
        both = find_pictures([self.folder, self.folder / "b.png", np.zeros((2, 2, 3), np.uint8)])
        self.assertEqual([picture.name for picture in both], ["a", "b.png", "b.png (2)", "array"])
        self.assertEqual([picture.name for picture in find_pictures(both[1:3])], ["b.png", "b.png (2)"])

    def test_no_two_pictures_have_the_same_name(self) -> None:
        for name in ("cat.png", "cat.jpg", "dog.png"):
            Image.new("RGB", (2, 2)).save(self.folder / name)
        found = find_pictures([self.folder, np.zeros((3, 2, 2, 3), np.uint8)])
        names = ["cat.jpg", "cat.png", "dog", "array", "array (2)", "array (3)"]
        self.assertEqual([picture.name for picture in found], names)

    def test_what_is_missing_is_named(self) -> None:
        for images, sentence in (
            (str(self.folder), "no picture in the folder"),
            ("/nowhere/a.png", "no file or folder /nowhere/a.png"),
            ([], "no picture to send"),
            (np.zeros((2, 2, 3)), "float64"),
            (np.zeros((2, 2), np.uint8), "no picture"),
            (np.zeros((0, 2, 3), np.uint8), "cannot be sent"),
            (np.zeros((9000, 2, 3), np.uint8), "too large"),
        ):
            with self.assertRaisesRegex(ImageError, sentence):
                find_pictures(images)

    def test_what_may_not_be_read_is_named(self) -> None:
        Image.new("RGB", (2, 2)).save(self.folder / "a.png")
        denied = PermissionError(errno.EACCES, "Permission denied")
        for method, call in (("is_file", read_image), ("open", read_image), ("iterdir", find_pictures)):
            place = self.folder if call is find_pictures else self.folder / "a.png"
            patched = mock.patch("PIL.Image.open" if method == "open" else f"pathlib.Path.{method}", side_effect=denied)
            with patched, self.assertRaisesRegex(ImageError, f"{place}: Permission denied."):
                call(place)

    def test_mnist(self) -> None:
        with mock.patch.dict(os.environ, {"SEMCOM_DATA": str(self.folder)}):
            with self.assertRaisesRegex(ImageError, "MNIST is not at .*semcom data mnist"):
                find_pictures("mnist")
            file = self.folder / MNIST_FILE
            file.parent.mkdir(parents=True)
            grey = np.random.default_rng(1).integers(0, 256, (3, 28, 28), np.uint8)
            whole = gzip.compress(b"\0\0\x08\x03" + np.array([3, 28, 28], ">u4").tobytes() + grey.tobytes())
            file.write_bytes(whole)
            found = find_pictures("mnist")
            np.testing.assert_array_equal(np.stack([picture.pixels()[..., 1] for picture in found]), grey)
            self.assertEqual((found[2].name, found[2].pixels().shape), ("mnist-00002", (28, 28, 3)))
            for damaged in (b"", b"rubbish", whole[:-9], gzip.compress(b""), gzip.compress(b"\0" * 999)):
                file.write_bytes(damaged)
                with self.assertRaisesRegex(ImageError, "damaged"):
                    find_pictures("mnist")

    def test_cifar10(self) -> None:
        with mock.patch.dict(os.environ, {"SEMCOM_DATA": str(self.folder)}):
            with self.assertRaisesRegex(ImageError, "SEMCOM_DATA"):
                find_pictures("cifar10")
            file = self.folder / CIFAR10_FILE
            file.parent.mkdir()
            pixels = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)
            records = [b"\x05" + one.transpose(2, 0, 1).tobytes() for one in pixels]
            file.write_bytes(b"".join(records))
            found = find_pictures("cifar10")
            np.testing.assert_array_equal(np.stack([picture.pixels() for picture in found]), pixels)
            self.assertEqual(found[2].name, "cifar10-00002")
            file.write_bytes(records[0][:-1])
            with self.assertRaisesRegex(ImageError, "damaged"):
                find_pictures("cifar10")

    def test_a_png_file_comes_back_and_leaves_nothing_else(self) -> None:
        pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
        write_png(self.folder / "a.png", pixels)
        np.testing.assert_array_equal(read_image(self.folder / "a.png"), pixels)
        with self.assertRaises(Exception):  # noqa: B017 (whatever Pillow says)
            write_png(self.folder / "b.png", np.zeros((5, 7, 3, 2), np.uint8))
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.png"])

    def test_names_cannot_leave_their_folder(self) -> None:
        self.assertEqual(safe_name("cat 1.jpg"), "cat-1.jpg")
        self.assertEqual(safe_name("../../etc/passwd"), "etc-passwd")
        self.assertEqual(safe_name(".."), "picture")
        self.assertEqual(safe_name("x" * 300), "x" * 64)


if __name__ == "__main__":
    unittest.main()
