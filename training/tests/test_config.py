# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs: those that ship are read; mistakes are told."""

from pathlib import Path

import pytest
from semcom_training.config import ClassifierConfig, ConfigError, JsccConfig, choose_data, read_config
from semcom_training.overrides import changed
from semcom_training.train import build, build_downstream, build_networks

CONFIGS = sorted((Path(__file__).resolve().parents[1] / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_read(path: Path) -> None:
    config = read_config(path)
    assert config.name == path.stem
    if isinstance(config, ClassifierConfig):
        build_downstream(config)
    elif isinstance(config, JsccConfig):
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


@pytest.mark.parametrize(
    ("override", "content"),
    [
        ("weight_decay=0.5", {"weight_decay": 0.5}),
        ("name=my-run", {"name": "my-run"}),
        ("name='my run'", {"name": "my run"}),
        ("name=a=b", {"name": "a=b"}),
        ("name=", {}),
        ("schedule.epochs=2", {"schedule": {"epochs": 2, "batch": 1}}),
        ("schedule={epochs=2}", {"schedule": {"epochs": 2}}),
        ("link.channel.kind=awgn", {"link": {"channel": {"kind": "awgn"}}}),
        ("link.snr_db=[0, 5]", {"link": {"snr_db": [0, 5]}}),
    ],
)
def test_an_override_is_toml_or_a_word(override: str, content: dict) -> None:
    before = {"name": "x", "weight_decay": 0.1, "schedule": {"epochs": 1, "batch": 1}}
    key = override.partition("=")[0].partition(".")[0]
    after = changed(before, [override])
    assert {name: value for name, value in after.items() if name == key} == content
    assert before["schedule"] == {"epochs": 1, "batch": 1}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "no key=value"),
        ("=2", "no key=value"),
        ("schedule..epochs=2", "no key=value"),
        ("name.first=x", "name is a single value"),
        ("link.snr_db=[0,", "is no TOML"),
        ("extra=1", "extra: Extra inputs"),
        ("schedule.decay=2", "schedule.decay: Unexpected"),
        ("schedule.epochs=many", "schedule.epochs: Input should be a valid integer"),
        ("name=", "name: Field required"),
    ],
)
def test_a_wrong_override_is_told(tmp_path: Path, override: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(GOOD)
    with pytest.raises(ConfigError, match=message):
        read_config(path, [override])


@pytest.mark.parametrize(
    ("kind", "override", "message"),
    [
        ("nonsense", (), "^nonsense is no data set: Input tag 'nonsense'"),
        ("usps", ("sid=28",), r"^usps sid=28 is no data set \(sid\): Unexpected keyword"),
        ("usps", ("side",), "'side' is no key=value"),
    ],
)
def test_what_is_no_data_set_is_told(kind: str, override: tuple[str, ...], message: str) -> None:
    assert choose_data("usps", overrides=["side=28"]).side == 28
    with pytest.raises(ConfigError, match=message):
        choose_data(kind, overrides=override)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["networks.arguments.symbols_per_cell=400"], "CR is 1.02, and eq. 6 ends at 1: set weights.tradeoff"),
        (
            ["networks.architecture=vae", "networks.arguments.hidden=8"],
            "The method deepsc-tu does not train networks of vae",
        ),
    ],
)
def test_what_a_training_ends_with_is_checked_before_its_pretraining(overrides: list[str], message: str) -> None:
    config = read_config(CONFIGS[0].parent / "deepsc-tu-mnist.toml", ["weights.tradeoff=", *overrides])
    assert config.pretraining
    with pytest.raises(ConfigError, match=message):
        build(config, side=28)


CODEC = """
name = "x"
method = "deepjscc"
networks = {architecture = "semcc", arguments = {}}
schedule = {epochs = 1, batch = 1, learning_rate = 1}
[link]
snr_db = [0, 20]
erasure_rate = 0
"""


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("", "awgn"),
        ('channel = {kind = "awgn"}', "awgn"),
        ('channel = {kind = "rayleigh", coherence = "block"}', "rayleigh, block"),
        (
            'channel = {kind = "tdl", profile = "tdl_a", delay_spread_s = 1e-6, doppler_hz = 50}',
            "tdl_a, delay spread 1e-06 s, Doppler 50 Hz",
        ),
    ],
)
def test_a_channel_is_chosen(tmp_path: Path, channel: str, name: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CODEC + channel)
    assert read_config(path).link.channel.name == name


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ('{kind = "copper"}', "copper"),
        ('{kind = "awgn", coherence = "fast"}', "coherence"),
        ('{kind = "rayleigh"}', "coherence"),
        ('{kind = "rayleigh", coherence = "slow"}', "coherence"),
        ('{kind = "tdl", profile = "flat", delay_spread_s = 1e-6, doppler_hz = 50}', "profile"),
        ('{kind = "tdl", profile = "tdl_a", delay_spread_s = 1e-6}', "doppler_hz"),
        ('{kind = "tdl", profile = "tdl_a", delay_spread_s = 1e-5, doppler_hz = 0}', "cyclic prefix"),
        ('{kind = "tdl", profile = "tdl_a", delay_spread_s = 1e-6, doppler_hz = -5}', "doppler_hz is -5"),
    ],
)
def test_a_channel_that_cannot_be_is_told(tmp_path: Path, channel: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{CODEC}channel = {channel}")
    with pytest.raises(ConfigError, match=message):
        read_config(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "none.toml")
