# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a known sequence again and again, until it is stopped:  gr_transmitter.py DEVICE-ARGUMENTS GAIN-DB SEED"""

import sys

import numpy as np
from gnuradio import blocks, gr, uhd

RATE = 1e6
FREQUENCY = 1e9


def sequence(seed: int) -> np.ndarray:
    return (0.5 * np.exp(0.5j * np.pi * np.random.default_rng(seed).integers(0, 4, 1024))).astype(np.complex64)


def tune(usrp, gain_db: float) -> None:
    usrp.set_samp_rate(RATE)
    usrp.set_center_freq(FREQUENCY)
    usrp.set_gain(gain_db)


def transmitter(device: str, gain_db: float, seed: int) -> gr.top_block:
    graph = gr.top_block()
    graph.source = blocks.vector_source_c(sequence(seed).tolist(), True)
    graph.sink = uhd.usrp_sink(device, uhd.stream_args("fc32", channels=[0]))
    tune(graph.sink, gain_db)
    graph.connect(graph.source, graph.sink)
    return graph


if __name__ == "__main__":
    graph = transmitter(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
    graph.start()
    print("sending", flush=True)
    sys.stdin.read()
    graph.stop()
    graph.wait()
