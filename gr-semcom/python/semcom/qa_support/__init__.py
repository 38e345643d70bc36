# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the message blocks share: running one block by itself, valid PDUs and broken ones."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pmt
from gnuradio import gr
from gnuradio.semcom.pdus import make_dict, to_vector

NAN = float("nan")


class Tap(gr.basic_block):
    """Keeps the messages that arrive."""

    def __init__(self) -> None:
        gr.basic_block.__init__(self, name="tap", in_sig=None, out_sig=None)
        self.messages: list[pmt.pmt_base] = []
        self._changed = threading.Condition()
        self.message_port_register_in(pmt.intern("in"))
        self.set_msg_handler(pmt.intern("in"), self.take)

    def take(self, message: pmt.pmt_base) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def wait(self, count: int, timeout_s: float = 120.0) -> list[pmt.pmt_base]:
        """The messages, once there are ``count``."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.messages) >= count, timeout_s), (
                f"{len(self.messages)} of {count} messages came"
            )
            return list(self.messages)


@contextmanager
def running(block: gr.basic_block, outport: str | None = None) -> Iterator[Tap]:
    """The block in a flowgraph of its own, its output port tapped; an image sink has none."""
    top, tap = gr.top_block(), Tap()
    if outport is not None:
        top.msg_connect((block, outport), (tap, "in"))
    else:  # a flowgraph runs the blocks that are connected to something
        silent = gr.basic_block(name="silent", in_sig=None, out_sig=None)
        silent.message_port_register_out(pmt.intern("images"))
        top.msg_connect((silent, "images"), (block, "images"))
    top.start()
    try:
        yield tap
    finally:
        top.stop()
        top.wait()


def post(block: gr.basic_block, port: str, message: pmt.pmt_base) -> None:
    """Sends one message to the block."""
    block.to_basic_block()._post(pmt.intern(port), message)


def wait_until(condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)


def image_pdu(image_id: int = 7, height: int = 5, width: int = 4, name: str = "picture") -> pmt.pmt_base:
    pixels = np.arange(height * width * 3, dtype=np.uint8)
    return pmt.cons(make_dict(image_id=image_id, name=name, height=height, width=width), to_vector(pixels))


def symbols_pdu(symbols: np.ndarray, image_id: int = 7, scale: float = 1.0) -> pmt.pmt_base:
    meta = make_dict(image_id=image_id, name="picture", codec="stand-in", codec_id=3, height=5, width=4, scale=scale)
    return pmt.cons(meta, to_vector(symbols.astype(np.complex64)))


def received_pdu(
    symbols: np.ndarray,
    noise_var: np.ndarray,
    *,
    codec_id: int = 3,
    image_id: int = 7,
    height: int = 5,
    width: int = 4,
) -> pmt.pmt_base:
    meta = make_dict(
        image_id=image_id,
        codec_id=codec_id,
        height=height,
        width=width,
        snr_db=12.5,
        cfo_hz=-40.0,
        fragments=3,
        fragments_lost=1,
        noise_var=to_vector(noise_var.astype(np.float32)),
    )
    return pmt.cons(meta, to_vector(symbols.astype(np.complex64)))


def with_entry(pdu: pmt.pmt_base, key: str, value: pmt.pmt_base) -> pmt.pmt_base:
    return pmt.cons(pmt.dict_add(pmt.car(pdu), pmt.intern(key), value), pmt.cdr(pdu))


def broken(pdu: pmt.pmt_base) -> list[pmt.pmt_base]:
    """The valid ``pdu``, broken in every way that is wrong for any PDU."""
    meta, vector = pmt.car(pdu), pmt.cdr(pdu)
    not_utf8 = pmt.intern(b"\xff\xfe")
    strangers = [pmt.PMT_NIL, pmt.PMT_T, pmt.from_double(NAN), not_utf8, pmt.make_u8vector(3, 1), make_dict(a=1)]
    strangers.append(pmt.make_tuple(pmt.from_long(1), pmt.from_long(2)))
    wrong_vectors = [
        pmt.make_s16vector(pmt.length(vector), 0),
        pmt.make_f64vector(pmt.length(vector), 0.0),
        pmt.make_c64vector(pmt.length(vector), 0j),
        pmt.intern("text"),
        pmt.PMT_NIL,
    ]
    pdus = [pmt.from_long(1), pmt.intern("text"), pmt.PMT_NIL, vector, meta, pmt.cons(vector, meta)]
    pdus += [pmt.cons(pmt.PMT_NIL, vector), pmt.cons(pmt.make_dict(), vector), pmt.cons(vector, vector)]
    pdus += [pmt.cons(meta, wrong) for wrong in wrong_vectors]
    for key in (pmt.symbol_to_string(pmt.car(pmt.nth(i, meta))) for i in range(pmt.length(meta))):
        pdus.append(pmt.cons(pmt.dict_delete(meta, pmt.intern(key)), vector))
        pdus += [with_entry(pdu, key, stranger) for stranger in strangers]
    return pdus


def run_under_qt(script: str) -> None:
    """Python code in a process of its own, without a display: a QApplication stays for as long as its process does."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": path}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
