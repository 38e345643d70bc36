# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures on the test images: what stands in the cards."""

from dataclasses import replace
from pathlib import Path

import torch
from semcom_models import measure, zoo
from semcom_models.codec import Codec

from semcom_training.classifier import accuracy
from semcom_training.data import DataError, LabelledImages, cifar10, data_dir

SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)


def evaluate_classifier(folder: Path, *, images: int) -> list[dict]:
    """Accuracy on the first ``images`` test images, with its standard error."""
    test = test_images(images)
    share = accuracy(zoo.load_classifier(folder), test)
    return [{"accuracy": round(share, 4), "accuracy_se": round(_binomial_se(share, len(test)), 4), "images": len(test)}]


def evaluate_codec(codec: Codec, *, classifier: str, images: int, seed: int) -> list[dict]:
    """PSNR and downstream accuracy over the AWGN layer on the first ``images`` test images, one row an SNR.

    The noise is drawn from ``seed``.  ``psnr_db`` is the mean over the images of the PSNR in dB, ``psnr_db_se`` its
    standard error over the images.
    """
    test = test_images(images)
    downstream = zoo.load_classifier(classifier)
    sent = test.images.permute(0, 2, 3, 1).contiguous().numpy()
    rows = []
    for snr_db in SNRS_DB:
        received = measure.over_awgn(codec, sent, snr_db=snr_db, seed=seed)
        psnr = measure.psnr_db(sent, received)
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


def test_images(count: int) -> LabelledImages:
    """The first ``count`` test images of CIFAR-10.

    Raises:
        DataError: there are not so many.
    """
    test = cifar10("test")
    if not 1 <= count <= len(test):
        raise DataError(f"{count} test images were asked for; there are {len(test)} in {data_dir()}.")
    return test[:count]


def write_results(folder: Path, rows: list[dict], *, command: str, classifier: str | None) -> None:
    """Put measured rows, the command that prints them, and which classifier judged, into a card."""
    card = zoo.read_card(folder)
    result = {"command": command, "rows": rows}
    if classifier:
        result["weights_sha256"] = {classifier: zoo.read_card(zoo.find(classifier)).weights_sha256}
    zoo.write_card(folder, replace(card, results=[result]))


def _binomial_se(share: float, count: int) -> float:
    return (share * (1 - share) / count) ** 0.5
