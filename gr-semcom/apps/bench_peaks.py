# SPDX-License-Identifier: GPL-3.0-or-later
"""What a limit on the transmitter's peaks costs in PSNR."""

import math
from itertools import islice

import numpy as np
from air import Air
from gnuradio.semcom.image_files import find_pictures
from link import Link
from rich.progress import track
from semcom_models import measure, zoo

LIMITS_DB = (math.inf, 15.0, 10.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0)
SNRS_DB = (10.0, 20.0)
WINDOW = 64


def measure_peaks(*, codec: str, pictures: str, images: int, seed: int) -> list[dict]:
    """One row a limit; ``cost_at_<snr>_db`` is what it takes from the mean PSNR without one, in dB.

    ``pictures`` is what :func:`find_pictures` takes; the first ``images`` of them are sent.
    """
    loaded = zoo.load_codec(codec)
    sent = [picture.pixels() for picture in islice(find_pictures(pictures), images)]
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


def _psnr_db(sent: list[np.ndarray], codec: zoo.Codec, snr_db: float, limit_db: float, seed: int) -> float:
    link = Link(sent, codec=codec, medium=Air(snr_db=snr_db, seed=seed), window=WINDOW, peak_limit_db=limit_db)
    arrived = [measure.psnr_db(one.sent[None], one.seen[None]) for one in link.deliveries()]
    return np.mean(arrived).item()
