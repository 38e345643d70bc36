# SPDX-License-Identifier: GPL-3.0-or-later
"""What the air interface costs in PSNR, against the AWGN layer."""

import math

import numpy as np
from air import SAMP_RATE, Air
from gnuradio.semcom.image_files import find_pictures
from link import Link
from numpy.typing import NDArray
from rich.progress import track
from semcom_models import measure, zoo

SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
CFO_RAD_PER_SAMPLE = 0.01
WINDOW = 64


def measure_gap(*, codec: str, images: int, images_at_5_db: int, seed: int) -> list[dict]:
    """One row an SNR; ``gap_db`` is what the flowgraph loses against the layer at the same true SNR, the mean of the
    images' differences, and ``gap_se_db`` its standard error: either has noise of its own."""
    loaded = zoo.load_codec(codec)
    pictures = np.stack([picture.pixels() for picture in find_pictures("cifar10")])
    points = []
    for snr_db in SNRS_DB:
        sent = pictures[: images_at_5_db if snr_db == 5.0 else images]
        air = Air(snr_db=snr_db, cfo_spread_hz=CFO_RAD_PER_SAMPLE * SAMP_RATE / (2 * math.pi), seed=seed)
        link = Link(sent, codec=loaded, medium=air, window=WINDOW)
        deliveries = list(track(link.deliveries(), f"{snr_db:g} dB", total=len(sent), transient=True))
        sent = np.stack([delivery.sent for delivery in deliveries])
        over_air = np.stack([delivery.seen for delivery in deliveries])
        layer = measure.over_channel(loaded, sent, snr_db=snr_db, seed=seed)
        points.append(
            {
                "snr_db": snr_db,
                **psnr_gap(sent, layer=layer, over_air=over_air),
                "images": len(deliveries),
                "lost": sum(delivery.received is None for delivery in deliveries),
            }
        )
    return points


def psnr_gap(sent: NDArray[np.uint8], *, layer: NDArray[np.uint8], over_air: NDArray[np.uint8]) -> dict[str, float]:
    """Mean PSNR of pictures uint8 [N, H, W, 3] over either way, and the mean of their differences with its standard
    error: all in dB."""
    layer_db, air_db = (measure.psnr_db(sent, received) for received in (layer, over_air))
    gap_db = layer_db - air_db
    return {
        "psnr_layer_db": layer_db.mean().item(),
        "psnr_air_db": air_db.mean().item(),
        "gap_db": gap_db.mean().item(),
        "gap_se_db": gap_db.std(ddof=1).item() / len(gap_db) ** 0.5,
    }
