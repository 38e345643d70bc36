# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole chain in one flowgraph: pictures, encoder, burst transmitter, simulated channel, receiver, decoder."""

import itertools
import math
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pmt
from errors import AppError
from gnuradio import gr, semcom
from gnuradio.semcom.pdu_block import pdu_block
from gnuradio.semcom.pdus import ImagePdu, ReceivedPdu, Reception
from numpy.typing import NDArray
from semcom_models.codec import Codec

SAMP_RATE = 1e6
MAX_CFO_HZ = 0.06 * SAMP_RATE / (2 * math.pi)  # the burst receiver finds nothing beyond
TICK_S = 0.1
QUIET_S = 1.5  # what has not come so long after anything moved is lost
STALL_S = 120.0  # something is broken
MID_GREY = 128
DEFAULT_PEAK_LIMIT_DB = 10.0

MULTIPATH_TAPS = [float(np.exp(-delay / 3)) for delay in range(8)]
"""Amplitudes of a channel that decays over 8 samples, half of the default cyclic prefix."""

CHANNELS: dict[str, dict[str, Any]] = {
    "awgn": {},
    "rayleigh": {"fading": "rayleigh"},
    "multipath": {"fading": "rayleigh", "taps": MULTIPATH_TAPS},
}
"""Arguments of the loopback source for each ``--channel``; fading is drawn anew for each burst."""

_addresses = (f"loopback-{number}" for number in itertools.count())


@dataclass(frozen=True, kw_only=True)
class Air:
    """The simulated channel between the antennas; see the block loopback_source.

    Raises:
        AppError: what cannot be, or what no picture would come through because of the carrier frequency offset.
    """

    snr_db: float
    channel: str = "awgn"
    cfo_hz: float = 0.0
    cfo_spread_hz: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not -100 <= self.snr_db < math.inf:
            raise AppError(f"The SNR is a number of dB from -100 on, not {self.snr_db:g}.")
        if not abs(self.cfo_hz) + self.cfo_spread_hz <= MAX_CFO_HZ:
            raise AppError(
                f"The receiver finds nothing at a carrier frequency offset of {self.cfo_hz:g} Hz: it may be "
                f"{MAX_CFO_HZ:.0f} Hz up or down, which is 0.06 rad a sample at {SAMP_RATE / 1e6:g} million a second."
            )
        if not 0 <= self.seed < 2**64:
            raise AppError(f"The seed is a whole number from 0 to 2^64 - 1, not {self.seed}.")


@dataclass(frozen=True, eq=False)
class Delivery:
    """A picture that was sent, and what came of it.

    ``samples`` is how many went on air for it, None if it never got there.  ``arrivals`` is what the receiver handed
    on: previews, where they were asked for, and last all that came; nothing of a picture that was lost, for which
    ``received``, ``reception`` and ``ms``, from source to sink, are None.
    """

    name: str
    sent: NDArray[np.uint8]
    samples: int | None = None
    received: NDArray[np.uint8] | None = None
    reception: Reception | None = None
    arrivals: tuple[ReceivedPdu, ...] = ()
    ms: float | None = None

    @property
    def symbols(self) -> NDArray[np.complex64]:
        """Those that arrived of a picture that was not lost: [k], less what is erased."""
        whole = self.arrivals[-1]
        return whole.symbols[np.isfinite(whole.noise_var)]

    @property
    def seen(self) -> NDArray[np.uint8]:
        """What a viewer gets: the received picture, or mid-grey where it was lost."""
        return np.full_like(self.sent, MID_GREY) if self.received is None else self.received


class Loopback(gr.top_block):
    """Sends ``images`` (whatever image_source takes) through ``codec`` and ``air``, ``window`` of them at a time.

    ``ratio`` is k/n, None the codec's usual one; the encoder expects the SNR that the channel is set to.
    ``peak_limit_db`` is that of the burst transmitter.  With ``previews`` deliveries have those of the receiver.

    Raises:
        CodecError: the codec has not this ratio.
    """

    def __init__(
        self,
        images: Any,
        *,
        codec: Codec,
        air: Air,
        ratio: float | None = None,
        window: int = 1,
        peak_limit_db: float = DEFAULT_PEAK_LIMIT_DB,
        previews: bool = False,
    ) -> None:
        gr.top_block.__init__(self, "loopback")
        address = next(_addresses)
        self.source = semcom.image_source(images, window=window)
        self.encoder = semcom.encoder(codec, ratio=ratio, snr_db=air.snr_db)
        self.normalizer = semcom.power_normalizer()
        self.transmitter = semcom.burst_transmitter(peak_limit_db=peak_limit_db)
        self.air_sink = semcom.loopback_sink(address, SAMP_RATE)
        self.air_source = semcom.loopback_source(
            address,
            SAMP_RATE,
            snr_db=air.snr_db,
            cfo_hz=air.cfo_hz,
            cfo_spread_hz=air.cfo_spread_hz,
            seed=air.seed,
            **CHANNELS[air.channel],
        )
        self.receiver = semcom.burst_receiver(SAMP_RATE)
        self.decoder = semcom.decoder(codecs=[codec])
        self.sink = semcom.image_sink(callback=self._on_received)
        self.probe = semcom.link_probe(log=False)
        self._droppers = (self.encoder, self.normalizer, self.transmitter, self.decoder, self.sink)
        self._watch = _Watch(self)
        self._in_flight: dict[int, dict[str, Any]] = {}  # what is known of each picture, by Delivery's names
        self._lock = threading.Lock()
        self._finished: queue.Queue[Delivery] = queue.Queue()
        self._connect_all()
        if previews:
            self.msg_connect(self.receiver, "previews", self._watch, "received_symbols")

    def _connect_all(self) -> None:
        self.connect(self.transmitter, self.air_sink)
        self.connect(self.air_source, self.receiver)
        for sender, out, receiver, into in (
            (self.source, "images", self._watch, "sent_images"),
            (self.source, "images", self.encoder, "images"),
            (self.encoder, "symbols", self.normalizer, "symbols"),
            (self.normalizer, "symbols", self.transmitter, "symbols"),
            (self.transmitter, "sent", self._watch, "on_air"),
            (self.transmitter, "sent", self.source, "ack"),
            (self.receiver, "images", self._watch, "received_symbols"),
            (self.receiver, "images", self.decoder, "symbols"),
            (self.receiver, "images", self.probe, "images"),
            (self.receiver, "frames", self.probe, "frames"),
            (self.decoder, "images", self.sink, "images"),
        ):
            self.msg_connect(sender, out, receiver, into)

    def deliveries(self) -> Iterator[Delivery]:
        """Run the flowgraph; yields every picture, in the order in which they come, lost ones last.

        Raises:
            AppError: nothing moved for two minutes.
        """
        self.start()
        try:
            yield from self._arriving()
        finally:
            self.stop()
            self.wait()
        while not self._finished.empty():
            yield self._finished.get()
        yield from (_delivery(known) for known in self._in_flight.values() if "sent" in known)

    def _arriving(self) -> Iterator[Delivery]:
        """What arrives, until that is all, or all is quiet though the receiver was told to give what it has."""
        arrived, state, moved, flushed = 0, (), time.monotonic(), False
        while arrived < self.source.sent() or not self.source.done():
            try:
                yield self._finished.get(timeout=TICK_S)
                arrived += 1
            except queue.Empty:
                before, state = state, self._state()
                if state != before:
                    moved, flushed = time.monotonic(), False
                quiet_s = time.monotonic() - moved
                if quiet_s > STALL_S:
                    raise AppError(f"Nothing moved in the flowgraph for {quiet_s:.0f} s; {self._drops()}.") from None
                if quiet_s > QUIET_S and not self._busy():
                    if flushed:
                        return
                    self.receiver.to_basic_block()._post(pmt.intern("flush"), pmt.PMT_T)
                    moved, flushed = time.monotonic(), True

    def _state(self) -> tuple[int, ...]:
        """Something else whenever something has moved."""
        return (
            *(self.source.sent(), self.encoder.pending(), self.transmitter.frames(), self.receiver.frames()),
            *(self.receiver.images(), self.decoder.pending(), self.sink.received()),
            *(block.dropped() for block in self._droppers),
        )

    def _busy(self) -> bool:
        """Whether a picture is in a block that will hand it on or drop it."""
        dropped = self.encoder.dropped() + self.normalizer.dropped() + self.transmitter.dropped()
        before_air = self.source.sent() - self.transmitter.images() - dropped
        return not self.source.done() or before_air > 0 or self.decoder.pending() > 0

    def _drops(self) -> str:
        return ", ".join(f"{block.name()} dropped {block.dropped()}" for block in self._droppers)

    def _on_received(self, image: ImagePdu) -> None:
        self._note(image.image_id, received=image.pixels, reception=image.reception, ended=time.monotonic())

    def _note(self, image_id: int, **seen: Any) -> None:
        """Add to what is known of a picture; it is finished once all is known.  Blocks report in any order."""
        with self._lock:
            known = self._in_flight.setdefault(image_id, {})
            known.update(seen)
            if _PARTS <= known.keys():
                self._finished.put(_delivery(self._in_flight.pop(image_id)))


_PARTS = {"name", "sent", "started", "samples", "arrivals", "received", "reception", "ended"}


def _delivery(known: dict[str, Any]) -> Delivery:
    """What is known of a picture; of a lost one nothing from the receiver counts."""
    if not _PARTS <= known.keys():
        return Delivery(known["name"], known["sent"], known.get("samples"))
    started, ended = known.pop("started"), known.pop("ended")
    return Delivery(**known, ms=1e3 * (ended - started))


class _Watch(pdu_block):
    """Tells the flowgraph what passes between its blocks."""

    def __init__(self, link: Loopback) -> None:
        pdu_block.__init__(self, "watch")
        self._link = link
        self._arrivals: list[ReceivedPdu] = []  # of the picture under way
        self._listen("sent_images", self._on_sent_image)
        self._listen("on_air", self._on_air)
        self._listen("received_symbols", self._on_received_symbols)

    def _on_sent_image(self, pdu: pmt.pmt_base) -> None:
        with self.guard():
            image = ImagePdu.from_pmt(pdu)
            self._link._note(image.image_id, name=image.name, sent=image.pixels, started=time.monotonic())

    def _on_air(self, message: pmt.pmt_base) -> None:
        with self.guard():
            report = pmt.to_python(message)
            self._link._note(report["image_id"], samples=report["samples"])

    def _on_received_symbols(self, pdu: pmt.pmt_base) -> None:
        with self.guard():
            received = ReceivedPdu.from_pmt(pdu)
            self._arrivals.append(received)
            if not received.preview:
                self._link._note(received.image_id, arrivals=tuple(self._arrivals))
                self._arrivals.clear()
