# SPDX-License-Identifier: GPL-3.0-or-later

import unittest
from unittest import mock

import numpy as np
from gnuradio.semcom import recognizer
from gnuradio.semcom.pdus import ImagePdu, Reception
from qa_support import broken, image_pdu, post, running, wait_until
from semcom_models.errors import CodecError
from semcom_models.judge import Judge


class qa_recognizer(unittest.TestCase):
    def test_pictures_pass_with_the_name_of_what_is_seen(self) -> None:
        block = recognizer()
        rng = np.random.default_rng(1)
        pictures = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((32, 32), (50, 41), (8, 9))]
        with running(block, "images") as tap:
            for image_id, pixels in enumerate(pictures):
                post(block, "images", ImagePdu(image_id, "picture", pixels, Reception(3.0, 4.0, 0.5), True).to_pmt())
            passed = [ImagePdu.from_pmt(message) for message in tap.wait(3)]
        self.assertEqual([each.recognized for each in passed], Judge().names(pictures))
        for image_id, (each, pixels) in enumerate(zip(passed, pictures, strict=True)):
            self.assertEqual((each.image_id, each.reception, each.preview), (image_id, Reception(3.0, 4.0, 0.5), True))
            np.testing.assert_array_equal(each.pixels, pixels)

    def test_broken_pdus_are_dropped(self) -> None:
        block = recognizer()
        block.logger = mock.Mock()
        bad = broken(image_pdu())
        with running(block, "images") as tap:
            for message in bad:
                post(block, "images", message)
            post(block, "images", image_pdu())
            tap.wait(1)
            wait_until(lambda: block.dropped() == len(bad))

    def test_a_network_that_is_not_there_is_told(self) -> None:
        with self.assertRaisesRegex(CodecError, "oracle"):
            recognizer(downstream="oracle")


if __name__ == "__main__":
    unittest.main()
