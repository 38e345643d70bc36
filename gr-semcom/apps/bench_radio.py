# SPDX-License-Identifier: GPL-3.0-or-later
"""What a radio and this machine sustain in real time: pictures to themselves, as fast as they go."""

import gc
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from errors import AppError
from gnuradio.semcom.image_files import find_pictures
from gnuradio.semcom.radio_monitor import RadioCounts
from link import Delivery, Link
from numpy.typing import NDArray
from radio import Radio
from semcom_models import zoo
from semcom_models.codec import Codec

SIDE = 32
WINDOW = 8
DIFFERENT = 60  # pictures, sent over and over
APART = 0.03  # their least mean squared difference, of pixels in [0, 1]: 15 dB
TRIAL = 64  # pictures that tell how many go in a second
MIXED_DB = 3.0  # a picture is another one's where it is so much nearer to that


def measure_radio(*, radio: Radio, codec: str, rates_msps: list[float], seconds: float) -> list[dict]:
    """One row a sample rate, each for about ``seconds``, until samples or pictures are lost.

    The pictures are 32x32 pieces of photographs.  ``drops`` are the radio's U, O and L; ``mixed`` counts the pictures
    that came out as another one; latencies are from source to sink, with ``WINDOW`` pictures on their way.
    """
    rows: list[dict] = []
    loaded, pieces = zoo.load_codec(codec), unlike_pieces(DIFFERENT)
    for rate_msps in rates_msps:
        at_rate = replace(radio, samp_rate=1e6 * rate_msps)
        gc.collect()  # the last flowgraph closes its radio once it is gone, and only then may the rate change
        trial = send(repeated(pieces, TRIAL), radio=at_rate, codec=loaded)
        if not trial.received:
            raise AppError("No picture came back: are both ends tuned alike, and are the gains right for the cable?")
        count = max(TRIAL, int(seconds * TRIAL / trial.took_s))
        sent = send(repeated(pieces, count), radio=at_rate, codec=loaded)
        rows.append({"device": radio.args, "rate_msps": rate_msps, **_figures(sent), "drops": sent.drops})
        if rows[-1]["drops"] or rows[-1]["lost"]:
            break
    return rows


def best(rows: list[dict]) -> dict:
    """The one of the highest rate at which nothing was lost.

    Raises:
        AppError: there is none.
    """
    clean = [row for row in rows if not (row["drops"] or row["lost"] or row["mixed"])]
    if not clean:
        raise AppError(f"Samples or pictures were lost at {rows[0]['rate_msps']:g} MS/s already; is this machine idle?")
    return clean[-1]


@dataclass(frozen=True)
class Sent:
    """Pictures that went over a radio, in how many seconds, and what the counters say.

    ``frames`` were sent, one burst each; ``gaps`` are places where samples were lost at the receiver.
    """

    deliveries: list[Delivery]
    took_s: float
    counts: RadioCounts
    frames: int
    headers_failed: int
    gaps: int

    @property
    def received(self) -> list[Delivery]:
        return [delivery for delivery in self.deliveries if delivery.received is not None]

    @property
    def lost(self) -> int:
        return len(self.deliveries) - len(self.received)

    @property
    def drops(self) -> int:
        """The radio's U, O and L."""
        return self.counts.drops + self.gaps


def send(pictures: NDArray[np.uint8], *, radio: Radio, codec: Codec, window: int = WINDOW) -> Sent:
    """Pictures uint8 [N, H, W, 3] over a radio, ``window`` of them at a time."""
    link = Link(pictures, codec=codec, medium=radio, window=window)
    started = time.monotonic()
    deliveries, ended = [], started
    for delivery in link.deliveries():
        deliveries.append(delivery)
        ended = time.monotonic() if delivery.received is not None else ended
    counts, receiver = radio.monitor.counts(), link.receiver
    frames = link.transmitter.frames()
    return Sent(deliveries, ended - started, counts, frames, receiver.header_failures(), receiver.gaps())


def _figures(sent: Sent) -> dict:
    received = sent.received
    latency_ms = [delivery.ms for delivery in received]
    return {
        "seconds": sent.took_s,
        "images": len(sent.deliveries),
        "images_per_s": len(received) / sent.took_s,
        "lost": sent.lost,
        "mixed": count_mixed(received),
        "latency_p50_ms": float(np.percentile(latency_ms, 50)),
        "latency_p99_ms": float(np.percentile(latency_ms, 99)),
        "snr_db": float(np.mean([delivery.reception.snr_db for delivery in received])),
    }


def count_mixed(received: Iterable[Delivery]) -> int:
    """How many came out clearly nearer to another picture than to the one sent."""
    received = list(received)
    sent = np.unique(np.stack([each.sent for each in received]), axis=0).reshape(-1, 3 * SIDE * SIDE).astype(np.float32)
    mixed = 0
    for each in received:
        seen = each.received.reshape(-1).astype(np.float32)
        nearest = ((sent - seen) ** 2).mean(1).min()
        own = ((each.sent.reshape(-1).astype(np.float32) - seen) ** 2).mean()
        mixed += own > 10 ** (MIXED_DB / 10) * nearest
    return int(mixed)


def photo_pieces() -> NDArray[np.uint8]:
    """All pieces of the photographs of scikit-image, [N, 32, 32, 3]."""
    pieces = []
    for photo in find_pictures("photos"):
        pixels = photo.pixels()
        rows, columns = (length // SIDE for length in pixels.shape[:2])
        cut = pixels[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE, 3)
        pieces.append(cut.transpose(0, 2, 1, 3, 4).reshape(-1, SIDE, SIDE, 3))
    return np.concatenate(pieces)


def unlike_pieces(count: int) -> NDArray[np.uint8]:
    """The first ``count`` pieces of which no two are so alike that noise could make one look like the other."""
    pieces = photo_pieces()
    flat, kept = pieces.reshape(len(pieces), -1).astype(np.float32) / 255, []
    for number, piece in enumerate(flat):
        if len(kept) < count and ((flat[kept] - piece) ** 2).mean(axis=1).min(initial=np.inf) > APART:
            kept.append(number)
    return pieces[kept]


def repeated(pieces: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """So many of them, from the first on, and over again."""
    return pieces[np.arange(count) % len(pieces)]
