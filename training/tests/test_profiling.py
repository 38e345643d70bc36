# SPDX-License-Identifier: GPL-3.0-or-later
"""What --profile compares, and that its parts are those of a step."""

from pathlib import Path

import pytest
import torch
from semcom_models.resnet import ResNet20
from semcom_training.config import read_config
from semcom_training.data import LabelledImages
from semcom_training.errors import ConfigError
from semcom_training.losses import LossWeights
from semcom_training.processes import ALONE, World
from semcom_training.profiling import in_nchw, profile
from small import CONDITIONS, semantic

CONFIG = """
name = "tiny"
method = "deepjscc"
compiled = false
networks = {architecture = "semcc", arguments = {widths = [4, 4, 4], symbols_per_cell = 8, coding_blocks = 0}}
link = {snr_db = [0, 20], erasure_rate = 0}
schedule = {epochs = 1, batch = 4, learning_rate = 0.001}
"""


def test_a_profile_has_the_parts_of_a_step(small_cifar: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(CONFIG)
    config = read_config(tmp_path / "tiny.toml")
    (found,) = profile(config, world=ALONE, seconds=0.1)
    assert found.stage == "training"
    assert found.ours > 0 < found.plain
    parts = ["data", "augmentation", "encoder", "channel", "decoder", "backward", "optimiser", "the rest"]
    assert list(found.parts) == parts
    assert min(found.parts.values()) > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [small_cifar.name, "tiny.toml"]
    with pytest.raises(ConfigError, match="leave torchrun out"):
        next(profile(config, world=World(size=2)))


def test_the_plain_loop_computes_the_same_in_the_other_layout(blobs: LabelledImages) -> None:
    torch.manual_seed(0)
    method = semantic("DeepSC", LossWeights(reconstruction_scale=1), CONDITIONS, ResNet20())
    before = method.loss(blobs.images, blobs.labels, torch.Generator().manual_seed(1))
    seen = []
    for module in [*in_nchw(method).networks.modules(), *method.downstream.modules()]:
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    after = method.loss(blobs.images, blobs.labels, torch.Generator().manual_seed(1))
    torch.testing.assert_close(after, before)
    assert len(seen) > 20
    assert all(tensor.is_contiguous() for pair in seen for tensor in pair)
