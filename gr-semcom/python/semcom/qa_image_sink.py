# SPDX-License-Identifier: GPL-3.0-or-later

import importlib.util
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pmt
from gnuradio.semcom import image_sink
from gnuradio.semcom.image_files import read_image
from gnuradio.semcom.pdus import ImagePdu
from qa_support import broken, image_pdu, post, run_under_qt, running, wait_until, with_entry

WINDOW = """
import time
import numpy as np
from PyQt5.QtWidgets import QApplication
from gnuradio.semcom import image_sink
from gnuradio.semcom.pdus import ImagePdu, Reception
from qa_support import post, running

app = QApplication([])
sink = image_sink(window=True)
window = sink.qwidget()
window.resize(300, 400)
window.show()
empty = window.grab().toImage()
with running(sink):
    for number in range(100):
        pixels = np.full((40 + number, 60, 3), (250, 10, 10), np.uint8)
        post(sink, "images", ImagePdu(number, "red", pixels, Reception(10.0, 5.0, 0.1)).to_pmt())
    while sink.received() < 100:
        time.sleep(0.001)
app.processEvents()
shown = window.grab().toImage()
assert empty.pixelColor(150, 120).red() < 50, empty.pixelColor(150, 120).getRgb()
assert shown.pixelColor(150, 120).getRgb()[:3] == (250, 10, 10), shown.pixelColor(150, 120).getRgb()
with running(sink):
    for snr_db in range(1, 4):
        part = ImagePdu(100, "blue", np.full((40, 60, 3), (10, 10, 250), np.uint8), Reception(snr_db, 5.0, 0.5), True)
        post(sink, "images", part.to_pmt())
        app.processEvents()
    whole = ImagePdu(100, "blue", part.pixels, Reception(4.0, 5.0, 0.0), recognized="ship", psnr_db=21.04)
    post(sink, "images", whole.to_pmt())
    while sink.received() < 101:
        time.sleep(0.001)
app.processEvents()
assert [text for _, text in window._strip] == 6 * ["10.0 dB"] + ["4.0 dB"], window._strip
assert window._caption[1] == "SNR 4.0 dB    CFO +5 Hz    PSNR 21.0 dB    seen: ship", window._caption
window.resize(30, 30)
window.grab()
assert sink.dropped() == 0
"""


class qa_image_sink(unittest.TestCase):
    def test_files_are_whole_and_named_after_their_picture(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "new" / "one"
            sink = image_sink(folder=folder)
            with running(sink):
                post(sink, "images", image_pdu(image_id=3, name="cat"))
                post(sink, "images", image_pdu(image_id=4, name="../../cat"))
                wait_until(lambda: len(os.listdir(folder)) == 2)
            self.assertEqual(sorted(os.listdir(folder)), ["00003_cat.png", "00004_cat.png"])
            expected = ImagePdu.from_pmt(image_pdu()).pixels
            np.testing.assert_array_equal(read_image(folder / "00003_cat.png"), expected)

    def test_the_callback_gets_every_picture(self) -> None:
        seen: list[tuple[int, int]] = []
        sink = image_sink(callback=lambda image: seen.append((image.image_id, sink.received())))
        with running(sink):
            for image_id in range(5):
                post(sink, "images", image_pdu(image_id=image_id))
            wait_until(lambda: len(seen) == 5)
        self.assertEqual(seen, [(number, number) for number in range(5)])  # what is counted was dealt with
        self.assertEqual((sink.received(), sink.dropped()), (5, 0))

    def test_previews_are_no_results(self) -> None:
        images: list[ImagePdu] = []
        with tempfile.TemporaryDirectory() as folder:
            sink = image_sink(folder=folder, callback=images.append)
            with running(sink):
                post(sink, "images", with_entry(image_pdu(image_id=1), "preview", pmt.PMT_T))
                post(sink, "images", image_pdu(image_id=2))
                wait_until(lambda: len(images) == 1)
            self.assertEqual(os.listdir(folder), ["00002_picture.png"])
        self.assertEqual((images[0].image_id, sink.received(), sink.dropped()), (2, 1, 0))

    def test_broken_pdus_and_a_callback_that_fails_are_counted(self) -> None:
        images: list[ImagePdu] = []

        def callback(image: ImagePdu) -> None:
            if image.image_id == 1:
                raise RuntimeError("the callback failed on purpose")
            images.append(image)

        sink = image_sink(callback=callback)
        bad = [*broken(image_pdu()), image_pdu(image_id=1)]
        with running(sink):
            for pdu in [*bad, image_pdu(image_id=2)]:
                post(sink, "images", pdu)
            wait_until(lambda: len(images) == 1)
        self.assertEqual((sink.dropped(), sink.received(), images[0].image_id), (len(bad), 1, 2))

    def test_a_folder_that_cannot_be_made_is_an_error(self) -> None:
        with tempfile.NamedTemporaryFile() as file, self.assertRaises(OSError):
            image_sink(folder=Path(file.name) / "inside")

    def test_a_window_needs_a_qapplication(self) -> None:
        if not importlib.util.find_spec("PyQt5"):
            self.skipTest("PyQt5 is not installed")
        with self.assertRaisesRegex(RuntimeError, "QApplication"):
            image_sink(window=True)
        with self.assertRaisesRegex(RuntimeError, "window=True"):
            image_sink().qwidget()

    def test_the_window_shows_the_latest_picture(self) -> None:
        if not importlib.util.find_spec("PyQt5"):
            self.skipTest("PyQt5 is not installed")
        run_under_qt(WINDOW)


if __name__ == "__main__":
    unittest.main()
