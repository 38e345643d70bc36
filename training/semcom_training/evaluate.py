# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures on the test images: what stands in the cards."""

from dataclasses import replace
from pathlib import Path

import torch
from semcom_models import measure, zoo
from semcom_models.codec import Codec

from semcom_training.classifier import accuracy
from semcom_training.data import LabelledImages, cifar10

SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)


def evaluate_classifier(name: str) -> list[dict]:
    """Accuracy on the test images, with its standard error."""
    test = cifar10("test")
    share = accuracy(zoo.load_classifier(name), test)
    return [{"accuracy": round(share, 4), "accuracy_se": round(_binomial_se(share, len(test)), 4), "images": len(test)}]


def evaluate_codec(codec: Codec, *, classifier: str, seed: int) -> list[dict]:
    """PSNR and downstream accuracy over the AWGN layer, one row an SNR; the noise is drawn from ``seed``.

    ``psnr_db`` is the mean over the images of the PSNR in dB, ``psnr_db_se`` its standard error over the images.
    """
    test = cifar10("test")
    downstream = zoo.load_classifier(classifier)
    images = test.images.permute(0, 2, 3, 1).contiguous().numpy()
    rows = []
    for snr_db in SNRS_DB:
        received = measure.over_awgn(codec, images, snr_db=snr_db, seed=seed)
        psnr = measure.psnr_db(images, received)
        share = accuracy(downstream, LabelledImages(torch.from_numpy(received).permute(0, 3, 1, 2), test.labels))
        rows.append(
            {
                "channel": "awgn",
                "snr_db": snr_db,
                "psnr_db": round(psnr.mean().item(), 2),
                "psnr_db_se": round(psnr.std(ddof=1).item() / len(test) ** 0.5, 2),
                "accuracy": round(share, 4),
                "accuracy_se": round(_binomial_se(share, len(test)), 4),
                "images": len(test),
                "seed": seed,
            }
        )
    return rows


def write_results(folder: Path, rows: list[dict], *, command: str) -> None:
    """Put measured rows, and the command that prints them, into a card."""
    card = zoo.read_card(folder)
    described = replace(card, results=[{"command": command, "rows": rows}])
    zoo.write_card(folder, described)


def _binomial_se(share: float, count: int) -> float:
    return (share * (1 - share) / count) ** 0.5
