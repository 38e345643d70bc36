# SPDX-License-Identifier: GPL-3.0-or-later

import math
import unittest

import numpy as np
from gnuradio.semcom import reference_probe
from gnuradio.semcom.image_files import ImageError
from gnuradio.semcom.pdus import ImagePdu
from qa_support import image_pdu, post, running, wait_until

SENT = np.random.default_rng(1).integers(0, 200, (3, 5, 4, 3), dtype=np.uint8)


def psnrs_db(*received: tuple[int, np.ndarray], preview: bool = False) -> tuple[list[float | None], reference_probe]:
    probe = reference_probe(SENT)
    with running(probe, "images") as tap:
        for image_id, pixels in received:
            post(probe, "images", ImagePdu(image_id, "received", pixels, preview=preview).to_pmt())
        passed = [ImagePdu.from_pmt(message) for message in tap.wait(len(received))]
    assert [each.image_id for each in passed] == [image_id for image_id, _ in received]
    return [each.psnr_db for each in passed], probe


class qa_reference_probe(unittest.TestCase):
    def test_pictures_are_compared_with_the_one_of_their_id(self) -> None:
        found, probe = psnrs_db((0, SENT[0]), (1, SENT[1] + 51), (5, SENT[2]), (3, SENT[0]))
        self.assertEqual(found[::2], [math.inf, math.inf])
        self.assertAlmostEqual(found[1], 20 * math.log10(5), places=4)
        self.assertEqual(found[3], math.inf)
        self.assertEqual(vars(probe.counts()), {"compared": 4, "mixed": 0})

    def test_ids_that_begin_again_go_on_counting(self) -> None:
        """65,536 is no multiple of 3: id 0 of the second round is picture 65536 % 3 = 1; then one that is late."""
        found, _ = psnrs_db(
            *((i, SENT[i % 3]) for i in range(0, 65536, 5001)), (0, SENT[1]), (65535, SENT[0]), (1, SENT[2])
        )
        self.assertEqual(set(found), {math.inf})

    def test_a_receiver_may_come_in_the_middle_of_the_first_round(self) -> None:
        found, _ = psnrs_db((60000, SENT[0]), (60001, SENT[1]))
        self.assertEqual(found, [math.inf, math.inf])

    def test_one_of_another_size_was_mixed_up(self) -> None:
        found, probe = psnrs_db((0, np.zeros((4, 5, 3), np.uint8)))
        self.assertEqual((found, vars(probe.counts())), ([None], {"compared": 1, "mixed": 1}))

    def test_previews_are_compared_and_not_counted(self) -> None:
        found, probe = psnrs_db((0, SENT[0]), preview=True)
        self.assertEqual((found, probe.counts().compared), ([math.inf], 0))

    def test_without_pictures_all_pass(self) -> None:
        probe = reference_probe("")
        with running(probe, "images") as tap:
            post(probe, "images", image_pdu())
            self.assertIsNone(ImagePdu.from_pmt(tap.wait(1)[0]).psnr_db)
            post(probe, "images", image_pdu(height=0))
            wait_until(lambda: probe.dropped() == 1)

    def test_pictures_that_are_missing_are_told(self) -> None:
        with self.assertRaises(ImageError):
            reference_probe("/no/such/folder")


if __name__ == "__main__":
    unittest.main()
