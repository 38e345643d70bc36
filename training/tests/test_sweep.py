# SPDX-License-Identifier: GPL-3.0-or-later
"""Sweeps: the runs that they are made of, and one over Ray on this machine."""

import json
import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image
from semcom_models import zoo
from semcom_training import __main__ as commands
from semcom_training.config import choose_config
from semcom_training.errors import ConfigError
from semcom_training.sweep import alternatives, planned

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
name = "tiny"
method = "classifier"
compiled = false
weight_decay = 0
data = {kind = "folder", path = "album", side = 12}
schedule = {epochs = 1, batch = 4, learning_rate = 0.01}
"""


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1", ["1"]),
        ("1e-3,2e-3", ["1e-3", "2e-3"]),
        ("[0, 20],[5, 5]", ["[0, 20]", "[5, 5]"]),
        ('{kind="rayleigh", coherence="fast"},{kind="awgn"}', ['{kind="rayleigh", coherence="fast"}', '{kind="awgn"}']),
        ("pretraining,", ["pretraining", ""]),
    ],
)
def test_commas_inside_brackets_belong_to_a_value(text: str, values: list[str]) -> None:
    assert alternatives(text) == values


def test_a_run_for_each_combination_with_a_command_that_trains_it() -> None:
    overrides = ["link.snr_db=[0, 20],[5, 5]", "schedule.epochs=2", "schedule.batch=32,64,128"]
    runs = planned("deepjscc", file=None, overrides=overrides)
    assert len(runs) == 6
    assert runs[1].config.name == "deepjscc-link.snr_db=_0_20_-schedule.batch=64"
    assert runs[1].values == {"link.snr_db": "[0, 20]", "schedule.batch": "64"}
    for run in runs:
        method, *own = shlex.split(run.command)[2:]
        assert choose_config(method, file=None, overrides=own) == run.config
        assert run.config.schedule.epochs == 2
    assert {(run.config.link.snr_db, run.config.schedule.batch) for run in runs} == {
        (snr_db, batch) for snr_db in ((0, 20), (5, 5)) for batch in (32, 64, 128)
    }


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("schedule.epochs=1,many", "schedule.epochs: Input should be a valid integer"),
        ("schedule.epochs", "no key=value"),
        ("link.snr_db=[0,1],[0 ,1]", "Two runs would be called deepjscc-link.snr_db=_0_1_"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        planned("deepjscc", file=None, overrides=[override])


@pytest.mark.slow
def test_a_sweep_over_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """With runs that fail; the others do not mind."""
    pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}/models:{ROOT}/training")  # as ./semcom does, for the workers
    (tmp_path / "tiny.toml").write_text(CONFIG)
    for number in range(20):
        folder = tmp_path / "album" / ("dark" if number < 10 else "bright")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (10 * number,) * 3).save(folder / f"{number}.png")
    values = ["schedule.batch=4,8,99", "weight_decay=0,0.1", "seed=3"]
    sweep = ["semcom", "sweep", "classifier", *values, "--config", "tiny.toml", "--runs", "runs", "--json", "rows.json"]
    monkeypatch.setattr(sys, "argv", sweep)
    with pytest.raises(SystemExit, match="2 of 6 runs failed"):
        commands.main()
    rows = {row["run"]: row for row in json.loads((tmp_path / "rows.json").read_text())["rows"]}
    assert len(rows) == 6
    done = rows["tiny-schedule.batch=8-weight_decay=0.1"]
    assert done["schedule.batch"] == "8"
    assert done["epoch"] == 1
    assert 0 <= done["accuracy"] <= 1
    assert "A batch of 99 is more than the 16" in rows["tiny-schedule.batch=99-weight_decay=0"]["failed"]
    assert "A batch of 99" in capsys.readouterr().out
    card = zoo.read_card(tmp_path / "runs/zoo/tiny-schedule.batch=4-weight_decay=0")
    assert card.training["config"]["seed"] == 3
    assert card.training["machine"]["threads"] == 1
    with pytest.raises(SystemExit, match="--cpus|cores"):
        monkeypatch.setattr(sys, "argv", [*sweep, "--cpus", "1000"])
        commands.main()
