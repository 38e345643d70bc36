# SPDX-License-Identifier: GPL-3.0-or-later
"""Bursts that are sent at a time arrive at that time."""

from dataclasses import dataclass, field

import numpy as np
import pmt
from bench_radio import photo_pieces
from gnuradio import blocks, gr
from gnuradio.semcom.pdu_block import pdu_block
from hw_report import Section
from link import Link
from matplotlib.axes import Axes
from radio import Radio
from semcom_models.codec import Codec
from wiring import Wiring

BURSTS, QUICK_BURSTS = 100, 20
LATE = 7  # the number of the burst whose time has passed
LEAD_S, SPACING_S = 0.2, 0.01  # of the device
RAMP_SAMPLES = 8  # of a burst, before its frame
JITTER_SAMPLES = 3.0
LATENCY_S = 200e-6  # at most, of the radio's filters and a cable
CLOCKS_PPM = 10.0  # by which two radios differ at most


class BurstClock(gr.sync_block):
    """Gives each burst the time at which it is to be sent, and one of them a time that has passed."""

    def __init__(self, radio: Radio, *, late: int | None) -> None:
        gr.sync_block.__init__(self, "burst_clock", [np.complex64], [np.complex64])
        self._radio, self._late = radio, late
        self.times_s: list[float] = []

    def work(self, input_items: list[np.ndarray], output_items: list[np.ndarray]) -> int:
        count = len(output_items[0])
        for tag in self.get_tags_in_window(0, 0, count, pmt.intern("packet_len")):
            self.add_item_tag(0, tag.offset, pmt.intern("tx_time"), self._next_time())
        output_items[0][:] = input_items[0]
        return count

    def _next_time(self) -> pmt.pmt_base:
        now = self._radio.sink.get_time_now().get_real_secs()
        if len(self.times_s) == self._late:
            self.times_s.append(np.nan)
            time_s = max(0.0, now - 1)
        else:
            time_s = max([now + LEAD_S, *(each + SPACING_S for each in self.times_s[-2:] if np.isfinite(each))])
            time_s = round(time_s * self._radio.samp_rate) / self._radio.samp_rate
            self.times_s.append(time_s)
        return pmt.make_tuple(pmt.from_uint64(int(time_s)), pmt.from_double(time_s % 1))


class FrameTimes(pdu_block):
    """Which image's frame begins at which sample of the stream."""

    def __init__(self) -> None:
        pdu_block.__init__(self, "frame_times")
        self.samples: dict[int, int] = {}
        self._listen("frames", self._on_frame)

    def _on_frame(self, report: pmt.pmt_base) -> None:
        with self.guard():
            seen = pmt.to_python(report)
            if "image_id" in seen:
                self.samples[seen["image_id"]] = seen["sample"]


@dataclass(kw_only=True)
class TimedRadio(Radio):
    """A radio whose bursts have times."""

    late: int | None = None
    frames: FrameTimes = field(default_factory=FrameTimes)

    def connect(self, link: gr.top_block, transmitter: gr.basic_block, receiver: gr.basic_block) -> None:
        self.clock = BurstClock(self, late=self.late)
        super().connect(link, self.clock, receiver)
        link.connect(transmitter, self.clock)
        link.msg_connect(receiver, "frames", self.frames, "frames")
        self.dates = blocks.tag_debug(gr.sizeof_gr_complex, "", "rx_time")
        self.dates.set_display(False)
        self.dates.set_save_all(True)
        link.connect(self.source, self.dates)

    def settle(self, bursts: int) -> None:
        super().settle(bursts)
        self.wait_until(lambda: len(self.frames.samples) + self.monitor.counts().late >= bursts)

    def arrived_s(self, sample: int) -> float:
        """Device time of the receiver at a sample of the stream: of the radio's latest date before it."""
        dates = [tag for tag in self.dates.current_tags() if tag.offset <= sample]
        whole, part = (pmt.tuple_ref(dates[-1].value, number) for number in (0, 1))
        return pmt.to_uint64(whole) + pmt.to_double(part) + (sample - dates[-1].offset) / self.samp_rate


def test_bursts_arrive_at_the_time_that_they_are_sent_at(
    wiring: Wiring, codec: Codec, section: Section, quick: bool
) -> None:
    """Each burst carries the device time at which it is to leave; the receiver's clock says when it came.  All take
    equally long, within 3 samples; with one radio, no longer than filters do."""
    radio = TimedRadio(**vars(wiring.radio()))
    pictures = photo_pieces()[: QUICK_BURSTS if quick else BURSTS]
    link = Link(pictures, codec=codec, medium=radio, window=8)
    deliveries = list(link.deliveries())
    assert sum(each.received is None for each in deliveries) == 0
    sent_s = np.array(radio.clock.times_s)
    came_s = np.array([radio.arrived_s(radio.frames.samples[number]) for number in range(len(pictures))])
    took = (came_s - sent_s) * wiring.samp_rate - RAMP_SAMPLES
    steady = took - np.polyval(np.polyfit(sent_s - sent_s[0], took, 1), sent_s - sent_s[0])
    drift_ppm = np.polyfit(sent_s - sent_s[0], took, 1)[0] / wiring.samp_rate * 1e6
    section.table(
        [
            {"bursts": len(pictures), "late (L)": radio.monitor.counts().late}
            | {"latency, samples": float(took.mean()), "lowest": float(took.min()), "highest": float(took.max())}
            | {"drift of the clocks, ppm": float(drift_ppm)}
        ]
    )

    def draw(axes: Axes) -> None:
        axes.plot(sent_s - sent_s[0], took - took[0], "o")
        axes.set(xlabel="device time, s", ylabel="arrival, samples later than the first")
        reach = max(JITTER_SAMPLES, float(np.abs(took - took[0]).max())) + 1
        axes.set_ylim(-reach, reach)

    section.plot(draw, alt="arrival of each burst against its time")
    assert radio.monitor.counts().late == 0
    assert np.abs(steady).max() <= JITTER_SAMPLES
    if wiring.rx_args is None:
        assert np.ptp(took) <= JITTER_SAMPLES
        assert -JITTER_SAMPLES <= took.mean() <= LATENCY_S * wiring.samp_rate + JITTER_SAMPLES
    else:
        assert abs(drift_ppm) < CLOCKS_PPM + JITTER_SAMPLES / np.ptp(sent_s)


def test_a_late_burst_is_reported_and_costs_nothing_else(wiring: Wiring, codec: Codec, section: Section) -> None:
    """One burst of many has a time that has passed: the radio reports it, maybe for each of its packets; its picture is
    lost, and no other."""
    radio = TimedRadio(**vars(wiring.radio()), late=LATE)
    deliveries = list(Link(photo_pieces()[:QUICK_BURSTS], codec=codec, medium=radio, window=8).deliveries())
    lost = [each.name for each in deliveries if each.received is None]
    section.table([{"bursts": len(deliveries), "late (L)": radio.monitor.counts().late, "pictures lost": len(lost)}])
    assert radio.monitor.counts().late >= 1
    assert lost == [f"array ({LATE + 1})"]
    assert np.isnan(radio.clock.times_s[LATE])
