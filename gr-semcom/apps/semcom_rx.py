#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom rx``: pictures from a radio or a recording, by the flowgraph semcc_rx.grc without its displays."""

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Annotated

import pmt
from cyclopts import App, Parameter
from cyclopts.validators import Number
from errors import AppError, told_in_a_sentence
from gnuradio import gr
from json_file import JsonFile, write_json
from rich.console import Console

if TYPE_CHECKING:
    from gnuradio.semcom.pdus import ImagePdu

TICK_S = 0.1
WRITING_S = 60.0
SILENCE_S = 30.0  # a radio that gives no samples for so long is not there any more
TAIL = 16384  # samples: more than a block takes at once; the last burst of a recording is found within

app = App(name="semcom rx", version_flags=[])
console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A picture that came; SNR and CFO as the receiver estimated them, PSNR where --reference was given."""

    image_id: int
    seconds: float
    snr_db: float
    cfo_hz: float
    erased: float
    recognized: str
    psnr_db: float | None


@app.default
def rx(
    *,
    args: Annotated[str | None, Parameter(name=["--args", "-d"])] = None,
    freq: Annotated[float | None, Parameter(name=["--freq", "-f"])] = None,
    samp_rate: Annotated[float | None, Parameter(name=["--samp-rate", "-r"])] = None,
    rx_gain: Annotated[float | None, Parameter(name=["--rx-gain", "-g"])] = None,
    rx_antenna: str | None = None,
    profile: Path | None = None,
    reference: Annotated[str | None, Parameter(name=["--reference", "-i"])] = None,
    folder: Path | None = None,
    record: Path | None = None,
    replay: Path | None = None,
    empty: bool = False,
    trusted: Path | None = None,
    downstream: str | None = None,
    count: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    seconds: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    json_file: JsonFile = None,
) -> None:
    """Receive pictures: the flowgraph flowgraphs/semcc_rx.grc, which has the defaults, without a window.

    Examples:

    ./semcom rx -d type=b200 -f 915e6 -g 40 --folder received

    ./semcom rx --replay recording.sigmf-meta

    Parameters
    ----------
    args
        The device address, as UHD takes it: type=b200, serial=..., type=virtual.
    freq
        Center frequency in Hz.
    samp_rate
        Samples a second.
    rx_gain
        In dB.  Over a cable put 30 dB of attenuation or more between the two ports.
    rx_antenna
        RX2 or TX/RX, say.
    profile
        What ./semcom hw calibrate wrote: gives the gain where it is not given here.
    reference
        The pictures that are sent, as given to tx --images, for the PSNR.
    folder
        Write the pictures there, as PNG files.
    record
        Write all samples to this SigMF recording, too.
    replay
        Take samples from this SigMF recording in place of a radio, as fast as can be.
    empty
        Know no codec of the zoo: decoders have to arrive (tx --with-decoder).
    trusted
        Take only decoders that are signed with the private half of this Ed25519 key, a PEM file; without it all.
    downstream
        The network that says what is seen, of the zoo or a folder; without it resnet20-cifar10.
    count
        Stop after so many pictures.
    seconds
        Stop after so long.
    json_file
        Write a row for each picture there, and the counters.
    """
    from radio import make, running

    files = {"folder": folder, "record": record, "trusted": trusted}
    common = {"reference": reference, "empty": empty, "downstream": downstream}
    common |= {name: file and str(file) for name, file in files.items()}
    if replay:
        if args or freq or samp_rate or rx_gain or rx_antenna or profile:
            raise AppError("A recording has its own settings: give --replay without those of a radio.")
        flowgraph = make("semcc_rx_replay", replay=str(replay), samp_rate=_rate(replay), **common)
    else:
        radio = {"args": args, "freq": freq, "samp_rate": samp_rate, "rx_gain": rx_gain, "rx_antenna": rx_antenna}
        flowgraph = make("semcc_rx_headless", **radio, profile=profile and str(profile), **common)
    arrived, rows, settled = 0, [], True
    end = None if seconds is None else time.monotonic() + seconds
    arriving = _Arrivals(flowgraph, all_of_it=replay is not None)
    try:
        with running(flowgraph) as ended:
            console.print("Listening; Ctrl-C ends it." if replay is None else f"Playing {replay}.")
            for row in arriving.rows(ended, end=end):
                arrived += 1
                if json_file:
                    rows.append(row)
                console.print(_line(row))
                if arrived == count:
                    break
            settled = _settled(flowgraph, pictures=arrived)
    except KeyboardInterrupt:
        console.print("Stopped.")
    link = flowgraph.link_probe.stats()
    lost = flowgraph.burst_receiver.gaps()
    chunks = flowgraph.decoder.chunks()
    decoders = f" and {chunks} chunks of decoders" if chunks else ""  # to the receiver images, too
    console.print(f"{arrived} pictures{decoders}; {link}; samples lost in {lost} places (O).", soft_wrap=True)
    if json_file:
        write_json(json_file, {"rows": [vars(row) for row in rows], "link": vars(link), "gaps": lost})
        console.print(f"Wrote {json_file}.")
    if not settled:
        raise AppError(f"Not all could be written within {WRITING_S:g} s; is the disk full, or slow?")


class _Arrivals:
    """The pictures that come out of a flowgraph."""

    def __init__(self, flowgraph: gr.top_block, *, all_of_it: bool) -> None:
        from gnuradio.semcom import image_sink

        self._flowgraph, self._all_of_it = flowgraph, all_of_it
        self._queue: SimpleQueue[Row] = SimpleQueue()
        self._started = self._moved = time.monotonic()
        self._samples = 0  # of the radio, so far
        self._flushed: int | None = None  # at which sample the receiver was told to give what it has
        self._tap = image_sink(callback=self._on_image)
        flowgraph.msg_connect(flowgraph.reference_probe, "images", self._tap, "images")

    def rows(self, ended: threading.Event, *, end: float | None) -> Iterator[Row]:
        """Each as it comes; all of a recording, or until ``end``.

        Raises:
            AppError: the radio stopped working.
        """
        from radio import STOPPED

        while (end is None or time.monotonic() < end) and not (self._all_of_it and self._played()):
            try:
                yield self._queue.get(timeout=TICK_S)
                continue
            except Empty:
                pass
            if ended.is_set():
                raise AppError(STOPPED)
            self._check_samples()
        while not self._queue.empty():
            yield self._queue.get()

    def _check_samples(self) -> None:
        """Raises AppError where none have come for long."""
        samples = self._flowgraph.burst_receiver.nitems_read(0)
        if samples != self._samples:
            self._samples, self._moved = samples, time.monotonic()
        if time.monotonic() - self._moved > SILENCE_S:
            raise AppError(f"The radio has given no samples for {SILENCE_S:g} s: is it still connected?")

    def _played(self) -> bool:
        """Whether a recording is behind the receiver, and all of its pictures are here."""
        receiver, decoder = self._flowgraph.burst_receiver, self._flowgraph.decoder
        samples = receiver.nitems_read(0)
        if self._flushed is None and samples >= self._flowgraph.radio.samples() + TAIL:
            receiver.to_basic_block()._post(pmt.intern("flush"), pmt.PMT_T)
            self._flushed = samples
        if self._flushed is None or samples < self._flushed + TAIL:
            return False
        dropped = decoder.dropped() + self._flowgraph.recognizer.dropped()
        return receiver.images() <= self._tap.received() + decoder.chunks() + dropped

    def _on_image(self, image: "ImagePdu") -> None:
        self._queue.put(
            Row(
                image_id=image.image_id,
                seconds=time.monotonic() - self._started,
                recognized=image.recognized,
                psnr_db=image.psnr_db,
                **vars(image.reception),
            )
        )


def _settled(flowgraph: gr.top_block, *, pictures: int) -> bool:
    """Waits until the image sink has dealt with so many, the recorder with all samples that the receiver has heard, and
    the link probe with what it found in them; False where that takes too long."""
    sink, probe, recorder = flowgraph.image_sink, flowgraph.link_probe, flowgraph.recorder
    receiver, end = flowgraph.burst_receiver, time.monotonic() + WRITING_S
    frames, images, heard = receiver.frames(), receiver.images(), receiver.nitems_read(0) + TAIL
    while time.monotonic() < end:
        stats = probe.stats()
        probed = stats.frames >= frames and stats.images >= images
        if probed and recorder.samples() >= heard and sink.received() + sink.dropped() >= pictures:
            return True
        time.sleep(TICK_S)
    return False


def _rate(recording: Path) -> float:
    from gnuradio.semcom import sigmf_source

    try:
        return sigmf_source(recording).samp_rate()
    except FileNotFoundError as error:
        raise AppError(f"There is no {error.filename}; name a recording that ./semcom rx --record made.") from error
    except ValueError as error:
        raise AppError(str(error)) from error


def _line(row: Row) -> str:
    psnr = "" if row.psnr_db is None else f"  PSNR {row.psnr_db:.1f} dB"
    erased = f"  {row.erased:.0%} erased" if row.erased else ""
    link = f"SNR {row.snr_db:.1f} dB  CFO {row.cfo_hz:+.0f} Hz"
    return f"picture {row.image_id}: {link}{psnr}  seen: {row.recognized}{erased}"


if __name__ == "__main__":
    with told_in_a_sentence():
        sys.exit(app())
