# SPDX-License-Identifier: GPL-3.0-or-later
"""The losses, by hand and against a well-known implementation."""

import math

import pytest
import torch
from pytorch_metric_learning.losses import NTXentLoss, SupConLoss
from semcom_training.aesc import AescWeights
from semcom_training.jscc import psnr_db
from semcom_training.losses import Projection, info_nce, squared_error, supervised_contrast
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
    assert info_nce(anchors, positives, temperature=1.0).mean().item() == pytest.approx(sum(terms) / 4, abs=1e-6)


def test_info_nce_by_the_sum_of_eq_8() -> None:
    torch.manual_seed(0)
    anchors, positives = F.normalize(torch.randn(2, 5, 8), dim=2)
    every = torch.cat([anchors, positives]).double()
    total = 0.0
    for i in range(10):
        weights = [math.exp(every[i] @ every[j] / 0.2) for j in range(10) if j != i]
        total -= math.log(math.exp(every[i] @ every[(i + 5) % 10] / 0.2) / sum(weights))
    assert info_nce(anchors, positives, temperature=0.2).mean().item() == pytest.approx(total / 10, abs=1e-5)


def test_info_nce_falls_as_positives_draw_near() -> None:
    torch.manual_seed(0)
    anchors = F.normalize(torch.randn(16, 8), dim=1)
    near, far = (F.normalize(anchors + spread * torch.randn(16, 8), dim=1) for spread in (0.1, 1.0))
    assert info_nce(anchors, near, temperature=0.5).mean() < info_nce(anchors, far, temperature=0.5).mean()


def test_info_nce_is_ntxent() -> None:
    torch.manual_seed(0)
    anchors, positives = F.normalize(torch.randn(2, 9, 8), dim=2)
    known = NTXentLoss(temperature=0.3)(torch.cat([anchors, positives]), torch.arange(9).repeat(2))
    torch.testing.assert_close(info_nce(anchors, positives, temperature=0.3).mean(), known)


def test_info_nce_has_a_value_for_each_image() -> None:
    """Row i is the mean of its two terms; that of a picture far from its reconstruction is the largest."""
    torch.manual_seed(0)
    anchors = F.normalize(torch.randn(6, 8), dim=1)
    positives = anchors.clone()
    positives[4] *= -1
    assert info_nce(anchors, positives, temperature=0.2).argmax() == 4


def degrees(*angles: float) -> torch.Tensor:
    """Unit vectors in the plane."""
    radians = torch.tensor(angles) * math.pi / 180
    return torch.stack([radians.cos(), radians.sin()], dim=1)


def test_supervised_contrast_by_hand_on_a_batch_of_three() -> None:
    """Two pictures of one class at 0 and 90 degrees, one of another at 180; reconstructions like the pictures; tau = 1.
    Every term of eq. 13 written out, for the three pictures; their reconstructions have the same."""
    vectors, labels = degrees(0, 90, 180), torch.tensor([0, 0, 1])
    e = math.e
    against_the_third = 2 / e  # at 0 degrees: twice cos 180
    terms = [
        -(math.log(e / against_the_third) + 2 * math.log(1 / against_the_third)) / 3,
        -(math.log(e / 2) + 2 * math.log(1 / 2)) / 3,  # at 90 degrees, orthogonal to the third
        -math.log(e / (2 / e + 2)),  # its reconstruction; at 180 and at 90 degrees from the first and the second
    ]
    found = supervised_contrast(vectors, vectors, labels, temperature=1.0)
    torch.testing.assert_close(found, torch.tensor(terms))


def test_supervised_contrast_is_supcon_where_positives_add_nothing_to_its_sum() -> None:
    """SupCon has the positives in its denominator too.  Where they are opposite they weigh exp(-2 / tau) in it."""
    anchors, positives, labels = degrees(0, 1), degrees(180, 181), torch.tensor([0, 1])
    known = SupConLoss(temperature=0.1)(torch.cat([anchors, positives]), labels.repeat(2))
    torch.testing.assert_close(supervised_contrast(anchors, positives, labels, temperature=0.1).mean(), known)
    near = supervised_contrast(anchors, anchors, labels, temperature=0.1).mean()
    assert near < SupConLoss(temperature=0.1)(anchors.repeat(2, 1), labels.repeat(2)) - 0.1


def test_supervised_contrast_of_one_class_is_nothing() -> None:
    vectors = degrees(0, 50).requires_grad_()
    loss = supervised_contrast(vectors, vectors, torch.tensor([3, 3]), temperature=0.5).sum()
    loss.backward()
    assert loss == 0
    assert not vectors.grad.any()


def test_squared_error_of_each_image() -> None:
    images = torch.zeros(2, 3, 4, 4)
    received = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 0.5)])
    torch.testing.assert_close(squared_error(images, received), torch.tensor([0.01, 0.25]))


def test_projection_lies_on_the_unit_sphere() -> None:
    projected = Projection(64)(torch.randn(7, 64) * 100)
    assert projected.shape == (7, 32)
    torch.testing.assert_close(projected.norm(dim=1), torch.ones(7))


def test_psnr_is_averaged_in_db() -> None:
    images = torch.zeros(2, 3, 4, 4)
    received = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 0.01)])
    torch.testing.assert_close(psnr_db(images, received), torch.tensor([20.0, 40.0]))


def test_the_losses_of_aesc_by_hand() -> None:
    """Eqs. 8 to 10, 14 and 15, on pictures of two values and features of two."""
    images, received = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.25, 0.5]])
    features, seen = torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 1.0]])
    semantic = (1 + 4) / 2
    pixels = {"mse": (0.0625 + 0.25) / 2, "bce": -(math.log(0.75) + math.log(0.5)) / 2}
    for name, expected in pixels.items():
        joined = AescWeights(gamma=0.1, reconstruction=name).join(images, received, features, seen)
        assert joined.item() == pytest.approx(0.1 * semantic + 0.9 * expected)
