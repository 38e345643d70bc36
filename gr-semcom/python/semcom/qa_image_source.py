# SPDX-License-Identifier: GPL-3.0-or-later

import os
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from gnuradio.semcom import image_source
from gnuradio.semcom.image_files import ImageError, Picture, read_image
from gnuradio.semcom.pdus import ImagePdu, make_dict
from PIL import Image
from qa_support import post, running, wait_until


def arrays(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint8)[:, np.newaxis, np.newaxis, np.newaxis] + np.zeros((1, 2, 3, 3), np.uint8)


def ack(source: image_source, image_id: int) -> None:
    post(source, "ack", make_dict(image_id=image_id, samples=100))


class qa_image_source(unittest.TestCase):
    def test_everything_is_sent_in_order(self) -> None:
        source = image_source(arrays(20), window=0)
        self.assertFalse(source.done())
        with running(source, "images") as tap:
            images = [ImagePdu.from_pmt(pdu) for pdu in tap.wait(20)]
            wait_until(source.done)
        self.assertEqual([image.image_id for image in images], list(range(20)))
        np.testing.assert_array_equal(np.stack([image.pixels for image in images]), arrays(20))

    def test_the_window_holds_back(self) -> None:
        source = image_source(arrays(10), window=3)
        with running(source, "images") as tap:
            tap.wait(3)
            for image_id in range(7):
                time.sleep(0.01)
                self.assertEqual(len(tap.messages), 3 + image_id)
                ack(source, image_id)
                tap.wait(4 + image_id)
            self.assertFalse(source.done())
            ack(source, 7)
            ack(source, 8)
            ack(source, 9)
            wait_until(source.done)
            self.assertEqual(source.sent(), 10)

    def test_an_acknowledgement_stands_for_those_before_it(self) -> None:
        source = image_source(arrays(10), window=4)
        with running(source, "images") as tap:
            tap.wait(4)
            ack(source, 3)
            tap.wait(8)
            ack(source, 2)  # late, and no credit
            ack(source, 50)  # never sent
            time.sleep(0.02)
            self.assertEqual(len(tap.messages), 8)

    def test_pictures_that_other_blocks_drop_hold_it_up_for_a_while_only(self) -> None:
        source = image_source(arrays(5), window=2)
        source._patience_s = 2.0
        started = time.monotonic()
        with running(source, "images") as tap:
            tap.wait(4)
            self.assertGreater(time.monotonic() - started, 1.5)
            ack(source, 3)  # stands for all before it, and was not late
            tap.wait(5)
            self.assertEqual(source._patience_s, 2.0)
            self.assertFalse(source.done())
            wait_until(source.done)

    def test_a_slow_link_gets_more_patience(self) -> None:
        source = image_source(arrays(6), window=2)
        source._patience_s = 2.0
        with running(source, "images") as tap:
            tap.wait(4)
            source._patience_s = 10.0
            ack(source, 1)
            wait_until(lambda: source._patience_s == 20.0)
            ack(source, 0)  # late too, because of the same impatience
            time.sleep(0.1)
            self.assertEqual((source._patience_s, len(tap.messages)), (20.0, 4))
            ack(source, 2)
            tap.wait(5)

    def test_ids_wrap(self) -> None:
        source = image_source(arrays(1), window=2, repeat=True)
        source._sent = source._acknowledged = 65_534  # as after so many pictures
        with running(source, "images") as tap:
            for count, image_id in enumerate((65_534, 65_535, 0), start=1):
                tap.wait(count)
                ack(source, image_id)
            ids = [ImagePdu.from_pmt(pdu).image_id for pdu in tap.wait(5)]
        self.assertEqual(ids, [65_534, 65_535, 0, 1, 2])

    def test_repeat_begins_again_and_is_never_done(self) -> None:
        source = image_source(arrays(2), window=5, repeat=True)
        with running(source, "images") as tap:
            shades = [ImagePdu.from_pmt(pdu).pixels[0, 0, 0] for pdu in tap.wait(5)]
        self.assertEqual(shades, [0, 1, 0, 1, 0])
        self.assertFalse(source.done())

    def test_the_round_under_way_is_the_last_one_once_it_is_to_finish(self) -> None:
        source = image_source(arrays(3), window=1, repeat=True)
        with running(source, "images") as tap:
            tap.wait(1)
            for image_id in range(4):
                ack(source, image_id)
                tap.wait(image_id + 2)
            source.finish()
            ack(source, 4)
            tap.wait(6)
            self.assertFalse(source.done())
            ack(source, 5)
            wait_until(source.done)
            self.assertEqual(source.sent(), 6)

    def test_a_second_start_goes_on(self) -> None:
        source = image_source(arrays(4), window=2)
        with running(source, "images") as tap:
            tap.wait(2)
        with running(source, "images") as tap:
            ack(source, 1)
            self.assertEqual([ImagePdu.from_pmt(pdu).image_id for pdu in tap.wait(2)], [2, 3])

    def test_broken_files_are_named_and_the_rest_is_sent(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for good in ("b.png", "d.png"):
                Image.new("RGB", (4, 4)).save(folder / good)
            for bad in ("a.png", "c.jpg", "e.png"):
                (folder / bad).write_bytes(b"no picture")
            for repeat in (False, True):
                source = image_source(folder, window=5, repeat=repeat)
                with running(source, "images") as tap:
                    names = [ImagePdu.from_pmt(pdu).name for pdu in tap.wait(5 if repeat else 2)]
                    wait_until(lambda source=source: len(source.unreadable()) == 3)
                self.assertEqual(names, ["b", "d", "b", "d", "b"][: len(names)])
                for bad, sentence in zip(("a.png", "c.jpg", "e.png"), source.unreadable(), strict=True):
                    self.assertIn(bad, sentence)

    def test_whatever_goes_wrong_with_a_picture_costs_that_picture(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            for file in ("a.png", "b.png", os.fsdecode(b"caf\xe9.png"), os.fsdecode(b"dot\xe9.png")):
                Image.new("RGB", (4, 4)).save(Path(name) / file)
            (Path(name) / os.fsdecode(b"dot\xe9.png")).write_bytes(b"no picture")
            source = image_source(name, window=0)
            with mock.patch.object(Picture, "pixels", autospec=True, side_effect=self.fail_for_b):
                with running(source, "images") as tap:
                    names = [ImagePdu.from_pmt(pdu).name for pdu in tap.wait(2)]
                    wait_until(lambda: len(source.unreadable()) == 2)
        self.assertEqual(names, ["a", "caf?"])
        self.assertEqual(source.unreadable()[0], "b: MemoryError: on purpose")
        self.assertIn("dot?.png: This is no picture", source.unreadable()[1])

    @staticmethod
    def fail_for_b(picture: Picture) -> np.ndarray:
        if picture.name == "b":
            raise MemoryError("on purpose")
        return read_image(picture.source)

    def test_a_folder_of_broken_files_is_an_error(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            for bad in ("a.png", "b.png"):
                (Path(name) / bad).write_bytes(b"no picture")
            with self.assertRaisesRegex(ImageError, r"No picture can be sent.*a\.png.*b\.png"):
                image_source(name)

    def test_repeating_ends_when_all_files_are_gone(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "a.png"
            Image.new("RGB", (4, 4)).save(path)
            source = image_source(path, window=1, repeat=True)
            with running(source, "images") as tap:
                tap.wait(1)
                path.unlink()
                ack(source, 0)
                wait_until(lambda: len(source.unreadable()) == 1)

    def test_a_period_holds_back_and_does_not_delay_the_end(self) -> None:
        source = image_source(arrays(3), window=0, period_s=0.05)
        started = time.monotonic()
        with running(source, "images") as tap:
            tap.wait(3)
        self.assertGreater(time.monotonic() - started, 0.1)
        started = time.monotonic()
        with running(image_source(arrays(3), window=0, period_s=60), "images") as tap:
            tap.wait(1)
        self.assertLess(time.monotonic() - started, 30)

    def test_arguments_out_of_range(self) -> None:
        for period_s in (-1.0, float("nan"), float("inf")):
            with self.assertRaisesRegex(ValueError, "period_s"):
                image_source(arrays(1), period_s=period_s)
        for window in (-1, 40_000):
            with self.assertRaisesRegex(ValueError, "window"):
                image_source(arrays(1), window=window)

    def test_bad_acknowledgements_are_dropped(self) -> None:
        source = image_source(arrays(3), window=1)
        with running(source, "images") as tap:
            tap.wait(1)
            bad = [make_dict(samples=1), make_dict(image_id="a"), make_dict(image_id=-1), make_dict(image_id=0.5)]
            for message in bad:
                post(source, "ack", message)
            ack(source, 0)
            tap.wait(2)
            self.assertEqual(source.dropped(), len(bad))


if __name__ == "__main__":
    unittest.main()
