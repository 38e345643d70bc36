# SPDX-License-Identifier: GPL-3.0-or-later
"""From a config to a folder in the zoo."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import torch
from pydantic import ValidationError
from semcom_models import zoo
from semcom_models.architecture import Architecture, architectures
from semcom_models.downstream import Downstream
from torch import nn

from semcom_training.classifier import Classifier
from semcom_training.config import (
    ClassifierConfig,
    Config,
    ConfigError,
    DeepJSCCConfig,
    DeepSCConfig,
    NetworksConfig,
    SemanticConfig,
    SemCCConfig,
    SemREConfig,
    Stage,
)
from semcom_training.data import REPOSITORY
from semcom_training.deepjscc import DeepJSCC
from semcom_training.deepsc import DeepSC
from semcom_training.loop import Method, Schedule, fit
from semcom_training.semantic import SemanticMethod
from semcom_training.semcc import Pretraining
from semcom_training.semre import SemRE


def train(config: Config, *, command: str, runs: Path, zoo_dir: Path) -> Path:
    """Train what ``config`` says and write it to ``zoo_dir/<name>``, results empty until ``semcom eval --card``.

    A run that was cut off goes on from its last epoch in ``runs/<name>``.

    Raises:
        ConfigError: the config cannot be built, or ``runs/<name>`` is a run of another one.
        CodecError, DataError: weights that it starts from or trains through, or the data, are not there.
    """
    torch.manual_seed(config.seed)
    _check_labels(config)
    data = config.data.load("train"), config.data.load("held_out")
    run = runs / config.name
    begun = begin(run, config)
    if isinstance(config, ClassifierConfig):
        network, arguments = build_downstream(config)
        described = {"architecture": config.architecture, "arguments": arguments, "ratio": None}
    else:
        network = build_networks(config.networks)
        described = _describe(config.networks, network)
    stages = _stages(config, network, side=data[1].images.shape[-1])
    for stage in stages:
        if len(data[0]) < stage.schedule.batch:
            raise ConfigError(
                f"A batch of {stage.schedule.batch} is more than the {len(data[0])} training images; lower it."
            )
    for stage in stages:
        print(f"{stage.name}: {stage.schedule.epochs} epochs", flush=True)
        fit(stage.method(), stage.schedule, *data, seed=config.seed, run=run / stage.name)
    training = {
        "command": command,
        "data": f"{config.data.name}, {len(data[0]):,} training images",
        "channel": None if isinstance(config, ClassifierConfig) else config.link.channel.name,
        "epochs": sum(stage.schedule.epochs for stage in stages),
        "seed": config.seed,
        "torch": torch.__version__,
        **begun,
    }
    card = zoo.Card(
        name=config.name, method=config.method, training=training, results=[], weights_sha256="", **described
    )
    zoo.save(zoo_dir / config.name, network, card)
    return zoo_dir / config.name


def _check_labels(config: Config) -> None:
    """Raises ConfigError where a method needs labels that the data set has not."""
    if config.data.classes is None and not isinstance(config, DeepJSCCConfig):
        raise ConfigError(
            f"The method {config.method} learns from labels and {config.data.name} has none; put the pictures of each "
            "class into a subfolder of its own."
        )


def begin(run: Path, config: Config) -> dict:
    """What the run in this folder was begun with: config, the hashes of the weights that it builds on, commit.

    Raises:
        ConfigError: it was begun with another config, or its other weights have changed since.
    """
    others = [config.downstream] if isinstance(config, SemanticConfig) else []
    if not isinstance(config, ClassifierConfig) and config.networks.start_from:
        others.append(config.networks.start_from)
    weights_sha256 = {name: zoo.read_card(zoo.find(name)).weights_sha256 for name in others}
    record = run / "begun.json"
    if not record.exists():
        now = {"config": config.model_dump(mode="json"), "weights_sha256": weights_sha256, "commit": commit()}
        run.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(now, indent=2) + "\n")
    begun = json.loads(record.read_text())
    if not _same(config, begun["config"]) or begun["weights_sha256"] != weights_sha256:
        raise ConfigError(
            f"{run} holds a run that was begun with another config or other weights; "
            "delete that folder to begin anew, or give another with --runs."
        )
    return begun


def _same(config: Config, recorded: dict) -> bool:
    """Whether a record is of this config; fields that it was too early to have are at their defaults."""
    try:
        return type(config).model_validate(recorded) == config
    except ValidationError:
        return False


@dataclass(frozen=True)
class _Stage:
    """One call of the loop: the folder of its checkpoints, what it trains with, and for how long."""

    name: str
    method: Callable[[], Method]
    schedule: Schedule


def _stages(config: Config, network: nn.Module, *, side: int) -> list[_Stage]:
    """What a config trains ``network`` with, in order, on pictures of ``side`` pixels."""
    how = {"augmentation": config.data.augmentation, "compiled": config.compiled}
    if isinstance(config, ClassifierConfig):
        return [
            _Stage(
                "training",
                partial(Classifier, network, weight_decay=config.weight_decay, **how),
                config.schedule,
            )
        ]
    if isinstance(config, DeepJSCCConfig):
        return [_Stage("training", partial(DeepJSCC, network, config.link, **how), config.schedule)]
    judge, link = zoo.load_classifier(config.downstream), config.link
    if judge.classifier.out_features != config.data.classes:
        raise ConfigError(
            f"{config.downstream} knows {judge.classifier.out_features} classes, and {config.data.name} has "
            f"{config.data.classes}; train a downstream network on it and name that."
        )

    def semantic(name: str, method: type[SemanticMethod], stage: Stage, **more: object) -> _Stage:
        return _Stage(name, partial(method, network, judge, link, stage.weights, **more, **how), stage.schedule)

    match config:
        case DeepSCConfig():
            return [semantic("training", DeepSC, config)]
        case SemREConfig():
            return [semantic("training", SemRE, config, update=config.update, side=side)]
        case SemCCConfig():
            both = [
                semantic("pretraining", Pretraining, config.pretraining),
                semantic("fine_tuning", DeepSC, config.fine_tuning),
            ]
            return [stage for stage in both if stage.name != config.without]


def build_downstream(config: ClassifierConfig) -> tuple[Downstream, dict]:
    """The downstream network that a config names, for the classes of its data set, and its arguments.

    Raises:
        ConfigError: another number of classes, or arguments that it does not take.
    """
    arguments, classes = {"classes": config.data.classes, **config.arguments}, config.data.classes
    if arguments["classes"] != classes:
        raise ConfigError(f"{config.data.name} has {classes} classes, not {arguments['classes']}; leave classes out.")
    try:
        return zoo.DOWNSTREAM[config.architecture](**arguments), arguments
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The architecture {config.architecture} cannot be built so: {error}.") from error


def build_networks(config: NetworksConfig) -> Architecture:
    """The networks that a config names, started from the weights it names where names and shapes agree.

    Raises:
        ConfigError: no such architecture, arguments that it does not take, or weights of which none fits.
    """
    known = architectures()
    if config.architecture not in known:
        raise ConfigError(f"No architecture is called {config.architecture!r}; registered: {', '.join(known)}.")
    try:
        networks = known[config.architecture](**config.arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The architecture {config.architecture} cannot be built so: {error}.") from error
    if config.start_from:
        own, theirs = networks.state_dict(), zoo.load_networks(config.start_from).state_dict()
        fitting = {name: value for name, value in theirs.items() if name in own and own[name].shape == value.shape}
        if not fitting:
            raise ConfigError(f"Nothing of {config.start_from} fits {config.architecture} with these arguments.")
        print(f"Starting from {config.start_from}: {len(fitting)} of {len(own)} tensors fit.", flush=True)
        networks.load_state_dict(own | fitting)
    return networks


def _describe(config: NetworksConfig, networks: Architecture) -> dict:
    values = 3 * networks.stride**2
    bounds = sorted({networks.fewest_symbols_per_cell, networks.symbols_per_cell})
    ratio = " to ".join(str(Fraction(bound, values)) for bound in bounds)
    return {"architecture": config.architecture, "arguments": config.arguments, "ratio": ratio}


def commit() -> str:
    """HEAD of the repository, with "-dirty" behind it where the tree differs."""
    describe = ["git", "-C", str(REPOSITORY), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    done = subprocess.run(describe, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
