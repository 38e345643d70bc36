# SPDX-License-Identifier: GPL-3.0-or-later
"""What the zoo ships came about as its cards say."""

import re
import shlex
from pathlib import Path

import pytest
from semcom_models import zoo
from semcom_training.config import choose_config

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "models/zoo").glob("*"))


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_card_names_a_command_that_trains_its_config(folder: Path) -> None:
    training = zoo.read_card(folder).training
    program, command, method, *overrides = shlex.split(training["command"])
    assert (program, command) == ("./semcom", "train")
    config = choose_config(method, file=None, overrides=overrides)
    assert config.name == folder.name
    assert type(config).model_validate(training["config"]) == config
    assert re.fullmatch("[0-9a-f]{40}", training["commit"])  # of a clean tree


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_the_weights_that_it_was_trained_with_are_those_shipped(folder: Path) -> None:
    for name, sha256 in zoo.read_card(folder).training["weights_sha256"].items():
        assert zoo.read_card(zoo.find(name)).weights_sha256 == sha256
