# SPDX-License-Identifier: GPL-3.0-or-later
"""What the zoo ships came about as its cards say."""

import re
import shlex
from pathlib import Path

import pytest
from semcom_models import zoo
from semcom_training.config import CONFIGS, choose_config
from semcom_training.sweep import planned

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "models/zoo").glob("*"))
GUIDE = (ROOT / "docs/training.md").read_text().replace("\\\n", "")


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


@pytest.mark.parametrize("line", re.findall(r"./semcom (?:train|sweep) .*", GUIDE))
def test_a_command_of_the_guide_can_be(line: str) -> None:
    _, command, method, *rest = shlex.split(line.rstrip("`"), comments=True)
    assert method in {path.stem for path in CONFIGS.glob("*.toml")}
    overrides = [word for word in rest if "=" in word]
    if command == "sweep":
        assert len(planned(method, file=None, overrides=overrides)) == 4
    else:
        choose_config(method, file=None, overrides=overrides)


@pytest.mark.parametrize("table", re.findall(r"`data = (.*?)`", GUIDE))
def test_a_data_set_of_the_guide_can_be(table: str) -> None:
    assert choose_config("deepjscc", file=None, overrides=[f"data={table}"]).data.kind in table
