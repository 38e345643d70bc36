# SPDX-License-Identifier: GPL-3.0-or-later

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from gnuradio.semcom import adapter
from gnuradio.semcom.pdus import ImagePdu
from qa_support import broken, image_pdu, post, running, wait_until
from semcom_models import zoo
from semcom_models.adaptation import Adapter
from semcom_models.errors import CodecError
from semcom_models.generator import Generator

SIDE = 16


def made(folder: Path) -> Path:
    """A generator that makes pictures brighter."""
    import torch

    arguments = {"side": SIDE, "channels": 3, "width": 4, "blocks": 1}
    generator = Generator(**arguments)
    with torch.no_grad():
        generator.network[-1].bias.fill_(0.25)
    card = {"method": "cyclegan", "architecture": zoo.GENERATOR, "arguments": arguments, "ratio": None}
    zoo.save(folder, generator, zoo.Card(name="brighter", training={}, results=[], weights_sha256="", **card))
    return folder


class qa_adapter(unittest.TestCase):
    def test_pictures_of_any_size_are_adapted(self) -> None:
        rng = np.random.default_rng(1)
        pictures = [rng.integers(0, 128, (*size, 3), dtype=np.uint8) for size in ((16, 16), (50, 41), (16, 16))]
        with tempfile.TemporaryDirectory() as folder:
            block, expected = adapter(str(made(Path(folder)))), Adapter(folder)
        with running(block, "images") as tap:
            for image_id, pixels in enumerate(pictures):
                post(block, "images", ImagePdu(image_id, f"picture {image_id}", pixels).to_pmt())
            passed = [ImagePdu.from_pmt(message) for message in tap.wait(3)]
        for image_id, (each, pixels) in enumerate(zip(passed, pictures, strict=True)):
            self.assertEqual((each.image_id, each.name), (image_id, f"picture {image_id}"))
            np.testing.assert_array_equal(each.pixels, expected.adapted(pixels[np.newaxis])[0])
        np.testing.assert_array_equal(passed[0].pixels, pictures[0] + 64)

    def test_without_a_generator_they_pass(self) -> None:
        block = adapter("")
        with running(block, "images") as tap:
            post(block, "images", image_pdu(3, 20, 30))
            (passed,) = tap.wait(1)
        np.testing.assert_array_equal(ImagePdu.from_pmt(passed).pixels, ImagePdu.from_pmt(image_pdu(3, 20, 30)).pixels)

    def test_broken_pdus_are_dropped(self) -> None:
        block = adapter("")
        block.logger = mock.Mock()
        bad = broken(image_pdu())
        with running(block, "images") as tap:
            for message in bad:
                post(block, "images", message)
            post(block, "images", image_pdu())
            tap.wait(1)
            wait_until(lambda: block.dropped() == len(bad))

    def test_a_generator_that_is_not_there_is_told(self) -> None:
        with self.assertRaisesRegex(CodecError, "no codec or network 'oracle'"):
            adapter("oracle")
        with self.assertRaisesRegex(CodecError, "generators that adapt pictures are generator"):
            adapter("resnet20-cifar10")


if __name__ == "__main__":
    unittest.main()
