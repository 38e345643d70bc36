# SPDX-License-Identifier: GPL-3.0-or-later
"""gr-uhd on the virtual USRP, transmitter and receiver in two processes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("gnuradio.uhd")
np = pytest.importorskip("numpy")
import pmt  # noqa: E402
from gnuradio import blocks, gr, uhd  # noqa: E402
from gr_transmitter import RATE, sequence, tune  # noqa: E402

SPEED = "speed=0.2"  # for a loaded machine
TX_GAIN_DB = 60.0
RX_GAIN_DB = 60.0  # the 12-bit converter adds nothing to the noise then
SEQUENCE = sequence(seed=1)


class Transmitter:
    """gr_transmitter.py in a process of its own."""

    def __init__(self, device: str, *, seed: int = 1):
        program = Path(__file__).with_name("gr_transmitter.py")
        self.process = subprocess.Popen(
            [sys.executable, program, device, str(TX_GAIN_DB), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert any("sending" in line for line in self.process.stdout), "the transmitter did not start"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Receiver:
    def __init__(self, device: str):
        self.graph = gr.top_block()
        self.source = uhd.usrp_source(device, uhd.stream_args("fc32", channels=[0]))
        tune(self.source, RX_GAIN_DB)
        self.sink = blocks.vector_sink_c()
        self.graph.connect(self.source, self.sink)

    def __enter__(self):
        self.graph.start()
        return self

    def __exit__(self, *_):
        start = time.monotonic()
        self.graph.stop()
        self.graph.wait()
        assert time.monotonic() - start < 20, "stop() hung"

    def hear(self, count: int) -> np.ndarray:
        """The next samples, but for what was on its way: a transmitter that is killed leaves 65,280 in its buffer."""
        on_the_way = 200000
        self.sink.reset()
        end = time.monotonic() + 60
        while len(self.sink.data()) < on_the_way + count:
            assert time.monotonic() < end, "no samples come"
            time.sleep(0.05)
        return np.array(self.sink.data()[on_the_way : on_the_way + count], dtype=np.complex64)


def correlate(heard: np.ndarray) -> np.ndarray:
    """Gain of each repetition of the sequence."""
    one = heard[: SEQUENCE.size] * np.exp(-2j * np.pi * 350 / RATE * np.arange(SEQUENCE.size))
    spectrum = np.fft.fft(one) * np.conj(np.fft.fft(SEQUENCE))
    lag = int(np.argmax(np.abs(np.fft.ifft(spectrum))))
    rows = heard[lag : lag + (heard.size - lag) // SEQUENCE.size * SEQUENCE.size].reshape(-1, SEQUENCE.size)
    return rows @ SEQUENCE.conj() / np.vdot(SEQUENCE, SEQUENCE)


def level(heard: np.ndarray) -> float:
    return float(np.mean(np.abs(heard) ** 2))


def test_two_processes_with_loss_and_carrier_offset(air):
    with (
        Receiver(f"type=virtual,air={air},{SPEED},loss_db=80,cfo_hz=350,noise_figure_db=7,delay_us=3.3") as receiver,
        Transmitter(f"type=virtual,air={air},{SPEED}"),
    ):
        heard = receiver.hear(50 * SEQUENCE.size)
    gains = correlate(heard)
    cfo_hz = np.angle(np.sum(gains[1:] * gains[:-1].conj())) / (2 * np.pi * SEQUENCE.size / RATE)
    cfo_hz += round((350 - cfo_hz) * SEQUENCE.size / RATE) * RATE / SEQUENCE.size  # known but for whole turns
    assert cfo_hz == pytest.approx(350, abs=2)
    signal_dbm = 10 - (89.75 - TX_GAIN_DB) - 80 + 10 * np.log10(level(SEQUENCE))
    noise_dbm = -173.975 + 10 * np.log10(RATE) + 7
    expected = 10 ** ((signal_dbm + RX_GAIN_DB) / 10) + 10 ** ((noise_dbm + RX_GAIN_DB) / 10)
    assert 10 * np.log10(level(heard) / expected) == pytest.approx(0, abs=0.1)


def test_a_killed_transmitter_is_silence_and_the_next_is_heard(air):
    with Receiver(f"type=virtual,air={air},{SPEED},loss_db=45") as receiver:
        with Transmitter(f"type=virtual,air={air},{SPEED}"):
            loud = level(receiver.hear(20000))
        silence = level(receiver.hear(20000))
        with Transmitter(f"type=virtual,air={air},{SPEED}"):
            again = level(receiver.hear(20000))
    assert silence < loud / 1000
    assert again == pytest.approx(loud, rel=0.05)


def test_two_transmitters_add_up(air):
    with Receiver(f"type=virtual,air={air},{SPEED},loss_db=45") as receiver:
        with Transmitter(f"type=virtual,air={air},{SPEED}"):
            one = level(receiver.hear(20000))
            with Transmitter(f"type=virtual,air={air},{SPEED}", seed=2):
                two = np.abs(receiver.hear(20000))
    # Where the phases agree the amplitude doubles, where they are opposite nothing is left.
    assert np.max(two) == pytest.approx(2 * np.sqrt(one), rel=0.1)
    assert np.min(two) < 0.2 * np.sqrt(one)


def test_another_rate_is_refused_in_a_sentence(air):
    with Receiver(f"type=virtual,air={air},{SPEED}") as receiver:
        receiver.hear(1000)
        other = uhd.usrp_sink(f"type=virtual,air={air},serial=other", uhd.stream_args("fc32", channels=[0]))
        with pytest.raises(RuntimeError, match="runs at 1 MS/s, so this device cannot stream at 2 MS/s"):
            other.set_samp_rate(2 * RATE)


def test_bursts_with_a_length_tag_are_acknowledged():
    graph = gr.top_block()
    tag = gr.tag_utils.python_to_tag((0, pmt.intern("packet_len"), pmt.from_long(1000), pmt.PMT_F))
    # Without an end: when a source ends, the flowgraph does not wait for messages.
    source = blocks.vector_source_c([0.5] * 1000, True, 1, [tag])
    sink = uhd.usrp_sink(f"type=virtual,{SPEED}", uhd.stream_args("fc32", channels=[0]), "packet_len")
    tune(sink, TX_GAIN_DB)
    messages = blocks.message_debug()
    graph.connect(source, sink)
    graph.msg_connect(sink, "async_msgs", messages, "store")
    graph.start()
    end = time.monotonic() + 20
    while messages.num_messages() < 5 and time.monotonic() < end:
        time.sleep(0.05)
    graph.stop()
    graph.wait()
    events = [pmt.to_python(messages.get_message(i)) for i in range(messages.num_messages())]
    assert "burst_ack" in str(events[4])
