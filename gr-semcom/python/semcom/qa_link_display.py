# SPDX-License-Identifier: GPL-3.0-or-later

import importlib.util
import unittest

from gnuradio.semcom import link_display
from qa_support import run_under_qt

DISPLAY = """
import numpy as np
import pmt
from PyQt5.QtWidgets import QApplication
from gnuradio import gr
from gnuradio.semcom import link_display
from gnuradio.semcom.pdus import ImagePdu, make_dict
from qa_support import post, wait_until

app = QApplication([])
display = link_display()
window = display.qwidget()
window.resize(500, 300)
window.show()


def has_curve():
    shown = window.grab().toImage()
    behind = [shown.pixelColor(x, y) for x in range(44, 488) for y in range(30, 250)]
    return any(colour.blue() - colour.red() > 80 for colour in behind)


assert not has_curve(), "a curve of nothing"

def stats(snr_db):
    counts = dict(frames=7, headers_failed=1, images=3, fragments=9, fragments_lost=2)
    return make_dict(snr_db=snr_db, cfo_hz=-20.0, evm_percent=5.0, **counts)

top = gr.top_block()
silent = gr.basic_block(name="silent", in_sig=None, out_sig=None)
silent.message_port_register_out(pmt.intern("stats"))
top.msg_connect((silent, "stats"), (display, "stats"))
top.start()
for snr_db in (10.0, 12.0, float("nan")):
    post(display, "stats", stats(snr_db))
post(display, "counts", make_dict(bursts=5, underflows=1, late=0, sequence_errors=0))
for psnr_db in (25.0, 26.0, float("inf")):
    post(display, "images", ImagePdu(1, "x", np.zeros((2, 2, 3), np.uint8), psnr_db=psnr_db).to_pmt())
post(display, "images", ImagePdu(1, "x", np.zeros((2, 2, 3), np.uint8), psnr_db=99.0, preview=True).to_pmt())
post(display, "images", ImagePdu(1, "x", np.zeros((2, 2, 3), np.uint8)).to_pmt())
for message in (pmt.PMT_NIL, make_dict(snr_db=1.0)):
    post(display, "stats", message)
wait_until(lambda: display.dropped() == 2)
wait_until(lambda: len(window._curves["PSNR"]) == 2 and len(window._lines) == 2)
top.stop()
top.wait()
assert [y for _, y in window._curves["SNR"]] == [10, 12]
assert [y for _, y in window._curves["PSNR"]] == [25, 26]
assert "2 of 9 fragments lost" in window._lines["link"], window._lines
assert "1 underflows" in window._lines["radio"], window._lines
assert has_curve(), "no curve"
window.resize(1, 1)
window.grab()
"""


class qa_link_display(unittest.TestCase):
    def setUp(self) -> None:
        if not importlib.util.find_spec("PyQt5"):
            self.skipTest("PyQt5 is not installed")

    def test_it_needs_a_qapplication(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "QApplication"):
            link_display()

    def test_it_shows_what_came(self) -> None:
        run_under_qt(DISPLAY)


if __name__ == "__main__":
    unittest.main()
