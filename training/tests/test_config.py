# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs: those that ship are read; mistakes are told."""

from pathlib import Path

import pytest
from semcom_training.config import ClassifierConfig, ConfigError, read_config
from semcom_training.train import build_networks

CONFIGS = sorted((Path(__file__).resolve().parents[1] / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_read(path: Path) -> None:
    config = read_config(path)
    assert config.name == path.stem
    if not isinstance(config, ClassifierConfig):
        build_networks(config.networks.model_copy(update={"start_from": None}))


GOOD = """
name = "x"
method = "classifier"
weight_decay = 0.1
schedule = {epochs = 1, batch = 1, learning_rate = 1}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("}", "", "no TOML"),
        ("classifier", "alchemy", "alchemy"),
        ('method = "classifier"', "", "method"),
        ("weight_decay", "wieght_decay", "weight_decay"),
        ("weight_decay", "extra = 1\nweight_decay", "extra"),
        ("epochs = 1", "epochs = 'many'", "epochs"),
        ("epochs = 1", "epochs = 1, decay = 2", "decay"),
        ("epochs = 1", "epochs = 0", "epochs"),
        ("batch = 1", "batch = 0", "batch"),
        ("learning_rate = 1", "learning_rate = -1", "learning_rate"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(GOOD.replace(right, wrong, 1))
    with pytest.raises(ConfigError, match=message):
        read_config(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "none.toml")
