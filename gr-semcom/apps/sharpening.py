# SPDX-License-Identifier: GPL-3.0-or-later
"""sharpening.png: one picture as it could be seen while its fragments came."""

import math
from pathlib import Path

import numpy as np
from demo_picture import plt, show, thumbnail
from gnuradio.semcom.image_files import whole_file
from gnuradio.semcom.pdus import ReceivedPdu
from link import Delivery
from numpy.typing import NDArray
from semcom_models.codec import Codec, Csi
from semcom_models.measure import psnr_db


def draw_sharpening(delivery: Delivery, path: Path, *, codec: Codec, snr_db: float) -> None:
    """Write the previews of ``delivery``, what came in the end and what was sent, as PNG, whole or not at all.

    ``snr_db`` is what the channel was set to.
    """
    *previews, whole = delivery.arrivals
    seen = [*(_decoded(preview, codec) for preview in previews), delivery.seen]
    panels = [
        (picture, _caption(arrival, delivery.sent, picture))
        for arrival, picture in zip(delivery.arrivals, seen, strict=True)
    ]
    panels.append((delivery.sent, "sent"))
    rows = 1 if len(panels) <= 4 else 2
    columns = math.ceil(len(panels) / rows)
    height, width, _ = delivery.sent.shape
    size = 2.6 * columns, rows * (2.6 * min(height / width, 1.5) + 0.6) + 0.4
    figure, all_axes = plt.subplots(rows, columns, figsize=size, layout="constrained", dpi=110, squeeze=False)
    for axes in all_axes.flat:
        axes.axis("off")
    for axes, (picture, caption) in zip(all_axes.flat, panels, strict=False):
        show(axes, thumbnail(picture), caption)
    ratio = whole.symbols.size / delivery.sent.size
    figure.suptitle(f"{delivery.name} as it arrives: {codec.name}, k/n = {ratio:.3f}, {snr_db:g} dB", fontsize=10)
    with whole_file(path) as part:
        figure.savefig(part, format="png")
    plt.close(figure)


def _decoded(received: ReceivedPdu, codec: Codec) -> NDArray[np.uint8]:
    symbols, noise_var = received.symbols[np.newaxis], received.noise_var[np.newaxis]
    return codec.decode(symbols, Csi(noise_var), height=received.height, width=received.width)[0]


def _caption(received: ReceivedPdu, sent: NDArray[np.uint8], picture: NDArray[np.uint8]) -> str:
    there, share = received.fragments - received.fragments_lost, 1 - received.reception.erased
    psnr = psnr_db(sent[np.newaxis], picture[np.newaxis]).item()
    return f"{there} of {received.fragments} fragments\n{share:.1%} of the symbols\nPSNR {psnr:.1f} dB"
