# SPDX-License-Identifier: GPL-3.0-or-later
"""What a limit on the transmitter's peaks costs in PSNR."""

import math

import numpy as np
from air import Air
from gnuradio.semcom.image_files import find_pictures
from link import Link
from rich.progress import track
from semcom_models import measure, zoo

LIMITS_DB = (math.inf, 10.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0)
SNRS_DB = (10.0, 20.0)
WINDOW = 64


def measure_peaks(*, codec: str, images: int, seed: int) -> list[dict]:
    """One row a limit; ``cost_at_<snr>_db`` is what it takes from the mean PSNR without one, in dB."""
    loaded = zoo.load_codec(codec)
    sent = np.stack([picture.pixels() for picture in find_pictures("cifar10")])[:images]
    psnr_db = {
        (limit_db, snr_db): _psnr_db(sent, loaded, snr_db, limit_db, seed)
        for limit_db in track(LIMITS_DB, "limits", transient=True)
        for snr_db in SNRS_DB
    }
    return [
        {
            "peak_limit_db": limit_db if math.isfinite(limit_db) else "none",
            **{f"psnr_at_{snr_db:g}_db": psnr_db[limit_db, snr_db] for snr_db in SNRS_DB},
            **{f"cost_at_{snr_db:g}_db": psnr_db[math.inf, snr_db] - psnr_db[limit_db, snr_db] for snr_db in SNRS_DB},
            "images": len(sent),
        }
        for limit_db in LIMITS_DB
    ]


def _psnr_db(sent: np.ndarray, codec: zoo.Codec, snr_db: float, limit_db: float, seed: int) -> float:
    link = Link(sent, codec=codec, medium=Air(snr_db=snr_db, seed=seed), window=WINDOW, peak_limit_db=limit_db)
    deliveries = list(link.deliveries())
    received = np.stack([delivery.seen for delivery in deliveries])
    return measure.psnr_db(np.stack([delivery.sent for delivery in deliveries]), received).mean().item()
