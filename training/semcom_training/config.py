# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs: one TOML file for each set of weights.  A word that no field has is an error, not a silence."""

import shlex
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from semcom_models.aesc.autoencoders import LARGEST_Z_DIMS

from semcom_training.aesc import AescWeights
from semcom_training.cyclegan import AdversarialWeights
from semcom_training.data import Cifar10, DataSet, Pair
from semcom_training.deepsc_tu import SemanticDistortion
from semcom_training.errors import ConfigError
from semcom_training.jscc import Conditions
from semcom_training.loop import Schedule
from semcom_training.losses import LossWeights
from semcom_training.overrides import changed
from semcom_training.semre import SoftUpdate

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Run(_Strict):
    name: str
    """The folder in the zoo."""

    data: DataSet = Cifar10()
    seed: Annotated[int, Field(ge=0, lt=2**49)] = 1
    compiled: bool = True
    """torch.compile, which takes a C++ compiler and a minute, and saves a third of each step on a CPU."""


class _OfData(_Strict):
    data: DataSet


class NetworksConfig(_Strict):
    """The architecture to build, and weights to start from where shapes agree (a name in the zoo)."""

    architecture: str
    arguments: dict[str, int | float | str | list[int]]
    start_from: str | None = None
    backbone_from: str | None = None
    """The downstream network, in the zoo, whose backbone an adaptive encoder has beside it: see ``backbone`` there."""


class ClassifierConfig(_Run):
    method: Literal["classifier"]
    architecture: Literal["resnet20", "repvgg", "shufflenetv2", "small", "segmenter"] = "resnet20"
    arguments: dict[str, int | list[int]] = {}
    """Without ``classes``, which are those of the data set."""

    weight_decay: Annotated[float, Field(ge=0)]
    schedule: Schedule


class DeepJSCCConfig(_Run):
    method: Literal["deepjscc"]
    networks: NetworksConfig
    link: Conditions
    schedule: Schedule


class Stage(_Strict):
    """A part of a training that has a loss of two terms, and a schedule, of its own."""

    weights: LossWeights
    schedule: Schedule


class SemanticConfig(_Run):
    """``downstream`` is the network, in the zoo, that is to see the same in a received picture as in the sent one."""

    downstream: str
    networks: NetworksConfig
    link: Conditions


class SemCCConfig(SemanticConfig):
    """Algorithm 1, or one of its ablations (Tables I and II): ``without`` the contrastive pre-training, or
    the fine-tuning."""

    method: Literal["semcc"]
    pretraining: Stage
    fine_tuning: Stage
    without: Literal["pretraining", "fine_tuning"] | None = None


class DeepSCConfig(SemanticConfig, Stage):
    method: Literal["deepsc"]


class SemREConfig(SemanticConfig, Stage):
    """Algorithm 2; its ``downstream`` network shows in the log how far the training is, and takes no part in it."""

    method: Literal["semre"]
    update: SoftUpdate


class AescConfig(_Run):
    """AESC-I; ``downstream`` is the network M of eq. 9, in the zoo."""

    method: Literal["aesc"]
    downstream: str
    architecture: Literal["aesc-mnist", "aesc-cifar10"]
    z_dims: Annotated[int, Field(ge=1, le=LARGEST_Z_DIMS)]
    start_from: str | None = None
    """Weights to start from where shapes agree (a name in the zoo)."""

    weights: AescWeights
    schedule: Schedule


class DeepScTuConfig(SemanticConfig):
    """``downstream`` is the pragmatic function, which the receiver alone knows."""

    method: Literal["deepsc-tu"]
    weights: SemanticDistortion
    schedule: Schedule
    pretraining: Annotated[int, Field(ge=0)] = 0
    """Epochs before the others, for the pictures alone, which a receiver of split training does by itself."""


class VaeConfig(SemanticConfig):
    """Its ``downstream`` network shows in the log how far the training is, and takes no part in it."""

    method: Literal["vae"]
    kl_weight: Annotated[float, Field(ge=0)]
    schedule: Schedule


class CycleGanConfig(_Run):
    """The observed pictures of ``data`` are made like its library's.  ``downstream`` shows in the log how far it is, of
    pictures that are sent by ``coder``, if there is one; neither takes part.  ``arguments`` are those of the
    generators, ``width`` is that of the discriminators."""

    method: Literal["cyclegan"]
    data: Pair
    downstream: str
    coder: str | None = None
    arguments: dict[str, int]
    width: Annotated[int, Field(ge=1)]
    weights: AdversarialWeights
    schedule: Schedule


JsccConfig = DeepJSCCConfig | SemCCConfig | DeepSCConfig | SemREConfig | DeepScTuConfig | VaeConfig
"""Of codecs that are trained over a channel."""
Config = ClassifierConfig | AescConfig | CycleGanConfig | JsccConfig


def choose_config(method: str, *, file: Path | None, overrides: Sequence[str]) -> Config:
    """What ``./semcom train METHOD`` means: ``training/configs/METHOD.toml``, or ``file``, whose ``method`` it is then.

    Raises:
        ConfigError: there is no such config, or it is of another method; and as :func:`read_config`.
    """
    shipped = {path.stem: path for path in sorted(CONFIGS.glob("*.toml"))}
    if file is None and method not in shipped:
        raise ConfigError(f"No config is called {method!r}; there are {', '.join(shipped)}, or give --config FILE.")
    config = read_config(file or shipped[method], overrides)
    if file and config.method != method:
        raise ConfigError(f"{file} is a config for the method {config.method}, not for {method}.")
    return config


def choose_data(kind: str, *, overrides: Sequence[str]) -> DataSet:
    """The data set that ``[data]`` of a config would name so, changed by ``key=value``.

    Raises:
        ConfigError: there is none, or it has no such fields.
    """
    try:
        return _OfData.model_validate({"data": changed({"kind": kind}, overrides)}).data
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f" ({part})" for part in first["loc"][2:])  # data and its kind come first
        raise ConfigError(f"{shlex.join([kind, *overrides])} is no data set{where}: {first['msg']}.") from error
    except ValueError as error:
        raise ConfigError(f"{error}.") from error


def command_line(method: str, *, file: Path | None, overrides: Sequence[str]) -> str:
    """The command that trains what :func:`choose_config` chooses."""
    config = ["--config", str(file)] if file else []
    return shlex.join(["./semcom", "train", method, *overrides, *config])


def read_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in a TOML file, changed by ``key=value`` (:func:`semcom_training.overrides.changed`).

    Raises:
        ConfigError: no such file, no TOML, no key=value, or fields that are missing, unknown or of the wrong type.
    """
    try:
        content = changed(tomllib.loads(path.read_text()), overrides)
        return TypeAdapter(Annotated[Config, Field(discriminator="method")]).validate_python(content)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])  # the first is the method
        raise ConfigError(f"{path}, {where or 'method'}: {first['msg']}.") from error
    except ValueError as error:
        raise ConfigError(f"{error}.") from error
