# SPDX-License-Identifier: GPL-3.0-or-later
"""What the zoo ships came about as its cards say."""

import re
from pathlib import Path

import pytest
from semcom_models import zoo
from semcom_training.config import read_config

CONFIGS = sorted((Path(__file__).resolve().parents[1] / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_card_names_the_config_that_is_here(path: Path) -> None:
    config = read_config(path)
    training = zoo.read_card(zoo.find(config.name)).training
    assert type(config).model_validate(training["config"]) == config
    assert training["command"] == f"./semcom train training/configs/{path.name}"
    assert re.fullmatch("[0-9a-f]{40}", training["commit"])  # of a clean tree


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_weights_that_it_was_trained_with_are_those_shipped(path: Path) -> None:
    for name, sha256 in zoo.read_card(zoo.find(read_config(path).name)).training["weights_sha256"].items():
        assert zoo.read_card(zoo.find(name)).weights_sha256 == sha256
