# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures 4 to 8 and 10 to 14 of Dong et al. with our points; its text states no numbers to lay them over."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image
from semcom_models import measure, zoo
from semcom_models.digital import separate

from semcom_training.evaluate import Row
from semcom_training.papers.dong import BY_COMPRESSION_DB, DIRECT, JPEG, NAMES, STUDIES, Study, studies_in_the_zoo
from semcom_training.papers.plots import AXES, CHANNELS, Value, curve, figure, plt, printed_digit

COLOURS = ("tab:red", "tab:orange", "tab:green")
SHOWN_DB = {"awgn": (-1.0, 0.0, 1.0, 1.5, 2.0, 2.5, 5.0), "rayleigh": (-5.0, 0.0, 4.0, 8.0, 12.0, 16.0, 20.0)}
SEED = 0  # of the channel that pictures are shown after


def draw_all(rows: Sequence[Row], folder: Path) -> None:
    """Those of each study that there are rows of; pictures where the zoo has the codec as well."""
    for study in STUDIES:
        of_study = [row for row in rows if row.downstream == study.downstream and row.codec]
        if not any(row.codec == study.codecs[study.highest] for row in of_study):
            continue
        _by_compression(of_study, study, _file(folder, study.by_compression))
        for channel, number in study.by_snr.items():
            _by_snr([row for row in of_study if row.channel == channel], study, _file(folder, number))
        for channel, number in study.pictures.items() if study in studies_in_the_zoo() else ():
            _pictures(study, channel, _file(folder, number))


def _file(folder: Path, number: int) -> Path:
    return folder / f"fig{number:02d}.png"


def _values(rows: Sequence[Row], of: Sequence[Value]) -> list[Value]:
    """Those that are there: LPIPS is not everywhere."""
    return [value for value in of if any(getattr(row, value) is not None for row in rows)]


def _by_compression(rows: Sequence[Row], study: Study, path: Path) -> None:
    compression_of = {row.ratio: each for each, name in study.codecs.items() for row in rows if row.codec == name}
    shown = [row for row in rows if row.channel == "awgn" and row.ratio in compression_of]
    values = _values(shown, ("ssim", "psnr_db", "recognition_ratio", "lpips"))
    with figure(path, panels=len(values)) as panels:
        for axes, value in zip(panels, values, strict=True):
            for snr_db, colour in zip(BY_COMPRESSION_DB, COLOURS, strict=True):
                at = sorted((row for row in shown if row.snr_db == snr_db), key=lambda row: compression_of[row.ratio])
                for name, style in (("AESC-I", "-"), (NAMES[JPEG], "--")):
                    of_it = [row for row in at if (row.codec == JPEG) == (name != "AESC-I")]
                    label = f"{name}, {snr_db:g} dB"
                    curve(
                        axes,
                        of_it,
                        lambda row: compression_of[row.ratio],
                        value,
                        label=label,
                        color=colour,
                        linestyle=style,
                    )
            axes.set(xlabel="compression ratio", ylabel=AXES[value], xticks=sorted(set(compression_of.values())))
        panels[0].set_title(f"as Fig. {study.by_compression}: {study.dataset}, AWGN", fontsize=10)


def _by_snr(rows: Sequence[Row], study: Study, path: Path) -> None:
    own = study.codecs[study.highest]
    ratio = next(row.ratio for row in rows if row.codec == own)
    values = _values(rows, ("recognition_ratio", "lpips"))
    with figure(path, panels=len(values)) as panels:
        for axes, value in zip(panels, values, strict=True):
            for codec, colour in zip((own, JPEG, DIRECT), ("tab:red", "black", "tab:grey"), strict=True):
                of_it = [row for row in rows if row.codec == codec and (codec == DIRECT or row.ratio == ratio)]
                label = NAMES.get(codec, "AESC-I")
                curve(
                    axes,
                    of_it,
                    lambda row: row.snr_db,
                    value,
                    label=label,
                    color=colour,
                    linestyle="-" if codec == own else "--",
                )
            axes.set(xlabel="SNR, dB", ylabel=AXES[value])
        channel = CHANNELS[rows[0].channel]
        title = f"as Fig. {study.by_snr[rows[0].channel]}: {study.dataset}, compression {study.highest}, {channel}"
        panels[0].set_title(title, fontsize=10)


def _pictures(study: Study, channel: str, path: Path) -> None:
    """Two pictures that are not of the data set, after the channel at several SNRs."""
    ratio = float(study.ratio(study.highest))
    codecs = {"AESC-I": zoo.load_codec(study.codecs[study.highest]), "JPEG": separate.load(JPEG, free_headers=True)}
    sent, snrs_db = _examples(study), SHOWN_DB[channel]
    made, grid = plt.subplots(4, 1 + len(snrs_db), figsize=(10, 5.6), layout="constrained", dpi=90)
    for number, picture in enumerate(sent):
        for row, (name, codec) in enumerate(codecs.items(), start=2 * number):
            grid[row, 0].imshow(picture)
            grid[row, 0].set_title(f"sent, {name}", fontsize=8)
            for axes, snr_db in zip(grid[row, 1:], snrs_db, strict=True):
                seen = measure.over_channel(
                    codec, picture[np.newaxis], channel=channel, snr_db=snr_db, ratio=ratio, seed=SEED
                )
                axes.imshow(seen[0])
                axes.set_title(f"{snr_db:g} dB", fontsize=8)
    for axes in grid.flat:
        axes.axis("off")
    made.suptitle(f"as Fig. {study.pictures[channel]}: compression {study.highest}, {CHANNELS[channel]}", fontsize=10)
    made.savefig(path)
    plt.close(made)


def _examples(study: Study) -> list[NDArray[np.uint8]]:
    """Digits in a printed face, or photographs of scikit-image made as small: uint8 [side, side, 3]."""
    if study.dataset == "mnist":
        return [printed_digit(text, side=28) for text in "25"]
    photographs = skimage.data.chelsea()[:, 75:375], skimage.data.rocket()[:, 100:527]
    return [
        np.asarray(Image.fromarray(photograph).resize((32, 32), Image.Resampling.LANCZOS)) for photograph in photographs
    ]
