# SPDX-License-Identifier: GPL-3.0-or-later
"""The losses, by hand and against a well-known implementation."""

import math

import pytest
import torch
from semcom_training.jscc import psnr_db
from semcom_training.semcc import Projection, info_nce
from torch.nn import functional as F


def test_info_nce_by_hand_on_a_batch_of_two() -> None:
    """Anchors at 0 and 90 degrees, positives at 0 and 180: every term of eq. 8 written out, tau = 1."""
    anchors = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    positives = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    e = math.e
    terms = [
        -math.log(e / (e + 1 + 1 / e)),  # anchor 0; its positive; anchor 1 and positive 1 as negatives
        -math.log(1 / (1 + 1 + 1)),  # anchor 1, orthogonal to all
        -math.log(e / (e + 1 + 1 / e)),  # positive 0
        -math.log(1 / (1 / e + 1 + 1 / e)),  # positive 1
    ]
    assert info_nce(anchors, positives, temperature=1.0).item() == pytest.approx(sum(terms) / 4, abs=1e-6)


def test_info_nce_by_the_sum_of_eq_8() -> None:
    torch.manual_seed(0)
    anchors, positives = F.normalize(torch.randn(2, 5, 8), dim=2)
    every = torch.cat([anchors, positives]).double()
    total = 0.0
    for i in range(10):
        weights = [math.exp(every[i] @ every[j] / 0.2) for j in range(10) if j != i]
        total -= math.log(math.exp(every[i] @ every[(i + 5) % 10] / 0.2) / sum(weights))
    assert info_nce(anchors, positives, temperature=0.2).item() == pytest.approx(total / 10, abs=1e-5)


def test_info_nce_falls_as_positives_draw_near() -> None:
    torch.manual_seed(0)
    anchors = F.normalize(torch.randn(16, 8), dim=1)
    near, far = (F.normalize(anchors + spread * torch.randn(16, 8), dim=1) for spread in (0.1, 1.0))
    assert info_nce(anchors, near, temperature=0.5) < info_nce(anchors, far, temperature=0.5)


def test_projection_lies_on_the_unit_sphere() -> None:
    projected = Projection(64)(torch.randn(7, 64) * 100)
    assert projected.shape == (7, 32)
    torch.testing.assert_close(projected.norm(dim=1), torch.ones(7))


def test_psnr_is_averaged_in_db() -> None:
    images = torch.zeros(2, 3, 4, 4)
    received = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 0.01)])
    torch.testing.assert_close(psnr_db(images, received), torch.tensor([20.0, 40.0]))
