# SPDX-License-Identifier: GPL-3.0-or-later
"""Small networks with random weights: the contract holds before any training."""

import copy
from pathlib import Path

import pytest
import torch
from semcom_models import zoo
from semcom_models.adaptive import Adaptive
from semcom_models.layers import Modulation
from semcom_models.semcc import SemCC

torch.set_num_threads(1)  # networks this small spend longer waiting for each other's threads than working

ARGUMENTS = {"widths": [8, 8, 16], "symbols_per_cell": 4, "coding_blocks": 1}


@pytest.fixture(scope="session")
def fixed_networks() -> SemCC:
    """Not to be changed."""
    torch.manual_seed(7)
    return as_after_training(SemCC(**ARGUMENTS))


@pytest.fixture
def networks(fixed_networks: SemCC) -> SemCC:
    return copy.deepcopy(fixed_networks)


@pytest.fixture(scope="session")
def adaptive_networks() -> Adaptive:
    """Not to be changed."""
    torch.manual_seed(7)
    return as_after_training(Adaptive(**ARGUMENTS))


def as_after_training(networks: torch.nn.Module) -> torch.nn.Module:
    """Batch normalisation and modulation that are not the identity, weights as half precision has them."""
    for module in networks.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, Modulation):
            module.net[-1].weight.data.normal_(0, 0.1)
    return networks.half().float().eval()


@pytest.fixture
def small_zoo(networks: SemCC, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo of one codec, "small"."""
    card = zoo.Card(
        name="small",
        method="none",
        architecture="semcc",
        arguments=ARGUMENTS,
        ratio="1/12",
        training={},
        results=[],
        weights_sha256="",
    )
    zoo.save(tmp_path / "small", networks, card)
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path))
    return tmp_path
