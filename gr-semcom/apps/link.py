# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole chain in one flowgraph: pictures, encoder, burst transmitter, air or radio, receiver, decoder."""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pmt
from errors import AppError
from gnuradio import gr, semcom
from gnuradio.semcom.pdu_block import pdu_block
from gnuradio.semcom.pdus import ImagePdu, ReceivedPdu, Reception
from numpy.typing import NDArray
from semcom_models.aesc.codec import AescCodec
from semcom_models.codec import ImageCodec

TICK_S = 0.1
QUIET_S = 1.5  # what has not come so long after anything moved is lost
FADES_DB = 10.0  # below the mean, for which a decoder is sent where the medium fades
STALL_S = 120.0  # something is broken
MID_GREY = 128
DEFAULT_PEAK_LIMIT_DB = 15.0


class Medium(Protocol):
    """What is between transmitter and receiver: :class:`air.Air`, :class:`radio.Radio`.

    The transmitter works at ``amplitude``, the encoder for ``snr_db`` (Es/N0), a mean where the medium ``fades``.
    """

    samp_rate: float
    amplitude: float
    snr_db: float
    fades: bool

    def connect(self, link: gr.top_block, transmitter: gr.basic_block, receiver: gr.basic_block) -> None:
        """Carry the transmitter's samples to the receiver."""

    def settle(self, bursts: int) -> None:
        """Wait, though not for long, until it has told of all bursts, which are so many."""


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


class Link(gr.top_block):
    """Sends ``images`` (whatever image_source takes) through ``codec`` and ``medium``, ``window`` of them at a time.

    ``ratio`` is k/n, None the codec's usual one; ``expected_db`` the Es/N0 that is encoded for, None for the medium's.
    A codec of AESC-I has its decoder sent ahead, and the receiver knows no other; where the medium fades, so that parts
    of it are lost, ahead of each picture.
    ``peak_limit_db`` is that of the burst transmitter.  With ``previews`` deliveries have those of the receiver.
    With ``repeat`` the images are sent over and over, until ``source.finish()``.

    Raises:
        CodecError: the codec has not this ratio.
    """

    def __init__(
        self,
        images: Any,
        *,
        codec: ImageCodec,
        medium: Medium,
        ratio: float | None = None,
        expected_db: float | None = None,
        window: int = 1,
        peak_limit_db: float = DEFAULT_PEAK_LIMIT_DB,
        previews: bool = False,
        repeat: bool = False,
    ) -> None:
        gr.top_block.__init__(self, "link")
        self.medium = medium  # whose blocks live as long as it does
        self.source = semcom.image_source(images, window=window, repeat=repeat)
        with_decoder = isinstance(codec, AescCodec)
        how = {"every": 1, "snr_db": medium.snr_db - FADES_DB} if medium.fades else {"snr_db": medium.snr_db}
        self.model_sender = semcom.model_sender([codec] if with_decoder else [], **how)
        self.encoder = semcom.encoder(codec, ratio=ratio, snr_db=medium.snr_db if expected_db is None else expected_db)
        self.normalizer = semcom.power_normalizer()
        self.transmitter = semcom.burst_transmitter(amplitude=medium.amplitude, peak_limit_db=peak_limit_db)
        self.receiver = semcom.burst_receiver(medium.samp_rate)
        self.decoder = semcom.decoder(codecs=[] if with_decoder else [codec], zoo=not with_decoder)
        self.sink = semcom.image_sink(callback=self._on_received)
        self.probe = semcom.link_probe(log=False)
        self._droppers = (self.encoder, self.normalizer, self.transmitter, self.decoder, self.sink)
        self._watch = _Watch(self)
        self._in_flight: dict[int, dict[str, Any]] = {}  # what is known of each picture, by Delivery's names
        self._lock = threading.Lock()
        self._finished: queue.Queue[Delivery] = queue.Queue()
        medium.connect(self, self.transmitter, self.receiver)
        self._connect_messages()
        if previews:
            self.msg_connect(self.receiver, "previews", self._watch, "received_symbols")

    def _connect_messages(self) -> None:
        for sender, out, receiver, into in (
            (self.source, "images", self._watch, "sent_images"),
            (self.source, "images", self.encoder, "images"),
            (self.encoder, "symbols", self.model_sender, "symbols"),
            (self.model_sender, "symbols", self.normalizer, "symbols"),
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
            self.medium.settle(self.transmitter.frames())
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

    def __init__(self, link: Link) -> None:
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
