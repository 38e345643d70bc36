# SPDX-License-Identifier: GPL-3.0-or-later
"""From a config to a folder in the zoo."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import torch
from semcom_models import zoo
from semcom_models.aesc.autoencoders import AUTOENCODERS
from semcom_models.aesc.codec import AescCodec
from semcom_models.architecture import Architecture, architectures
from semcom_models.deepsc_tu import Coder, Vae
from semcom_models.downstream import Downstream
from semcom_models.generator import Generator
from torch import Tensor, nn

from semcom_training.aesc import Aesc
from semcom_training.classifier import Classifier
from semcom_training.config import (
    AescConfig,
    ClassifierConfig,
    Config,
    CycleGanConfig,
    DeepJSCCConfig,
    DeepSCConfig,
    DeepScTuConfig,
    JsccConfig,
    NetworksConfig,
    SemCCConfig,
    SemREConfig,
    Stage,
    VaeConfig,
)
from semcom_training.cyclegan import CycleGan
from semcom_training.deepjscc import DeepJSCC
from semcom_training.deepsc import DeepSC
from semcom_training.deepsc_tu import DeepScTu, VariationalAutoencoder, task_of
from semcom_training.errors import ConfigError
from semcom_training.jscc import Point, sent_over
from semcom_training.log import Log, reports
from semcom_training.loop import Method, Schedule, fit
from semcom_training.processes import ALONE, World
from semcom_training.records import begin, is_of
from semcom_training.semantic import SemanticMethod
from semcom_training.semcc import Pretraining
from semcom_training.semre import SemRE

FEWEST_OF_A_PAIR = 32


def train(config: Config, *, command: str, runs: Path, zoo_dir: Path, world: World = ALONE) -> Path:
    """Train what ``config`` says and write it to ``zoo_dir/<name>``, results empty until ``semcom eval --card``.

    A run that was cut off goes on from its last epoch in ``runs/<name>``, where ``run.json`` says how it was begun.

    Raises:
        ConfigError: the config cannot be built, or ``runs/<name>`` or ``zoo_dir/<name>`` is of another one.
        CodecError, DataError: weights that it starts from or trains through, or the data, are not there.
    """
    check_name(config, zoo_dir / config.name)
    data = config.data.load("train"), config.data.load("held_out")
    network, described, stages = build(config, side=data[1].images.shape[-1])
    for stage in stages:
        check_batch(stage.schedule, images=len(data[0]), world=world)
    run = runs / config.name
    begun = begin(run, config, data[0], command=command, world=world)
    for stage in stages:
        print(f"{stage.name}: {stage.schedule.epochs} epochs", flush=True)
        log = None if world.rank else Log(run, stage=stage.name)
        fit(stage.method(), stage.schedule, *data, seed=config.seed, run=run / stage.name, world=world, log=log)
    if world.rank == 0:
        channel = config.link.channel.name if isinstance(config, JsccConfig) else None
        epochs = sum(stage.schedule.epochs for stage in stages)
        about = {"channel": channel, "epochs": epochs, "reports": reports(run)}
        save(zoo_dir, config, network, described, {**begun, **about})
    return zoo_dir / config.name


def save(zoo_dir: Path, config: Config, network: nn.Module, described: dict, training: dict) -> None:
    """Put what :func:`build` made, trained now, into the zoo; ``training`` is what ``run.json`` has, and more."""
    card = zoo.Card(
        name=config.name, method=config.method, training=training, results=[], weights_sha256="", **described
    )
    zoo.save(zoo_dir / config.name, network, card)


def check_name(config: Config, folder: Path) -> None:
    """Raises ConfigError where the zoo has another training's weights by this name, lest they be lost."""
    if (folder / zoo.CARD).exists() and not is_of(config, zoo.read_card(folder).training.get("config")):
        raise ConfigError(
            f"{folder} has weights of another config; give these a name=... of their own, or another zoo by --out."
        )


def check_batch(schedule: Schedule, *, images: int, world: World) -> None:
    """Raises ConfigError where there are not so many images, or processes that its shards do not come out even for."""
    if images < schedule.batch:
        raise ConfigError(f"A batch of {schedule.batch} is more than the {images} training images; lower it.")
    if schedule.shards % world.size:
        raise ConfigError(
            f"{world.size} processes cannot share {schedule.shards} shards evenly; "
            f"set schedule.shards={world.size} or a multiple of it."
        )


@dataclass(frozen=True)
class Training:
    """One call of the loop: the folder of its checkpoints, what it trains with, and for how long."""

    name: str
    method: Callable[[], Method]
    schedule: Schedule


def build(config: Config, *, side: int) -> tuple[nn.Module, dict, list[Training]]:
    """The network that a config trains, as its seed makes it; what a card says of it; and its stages.

    ``side`` is that of the pictures, in pixels.

    Raises:
        ConfigError, CodecError: it cannot be built, or needs labels that the data set has not.
    """
    if config.data.classes is None and not isinstance(config, DeepJSCCConfig):
        raise ConfigError(
            f"The method {config.method} learns from labels and {config.data.name} has none; put the pictures of each "
            "class into a subfolder of its own."
        )
    torch.manual_seed(config.seed)
    if isinstance(config, ClassifierConfig):
        network, arguments = build_downstream(config)
        described = {"architecture": config.architecture, "arguments": arguments, "ratio": None}
    elif isinstance(config, AescConfig):
        network = AUTOENCODERS[config.architecture](z_dims=config.z_dims)
        if config.start_from:
            network.begin_as(zoo.load_autoencoder(config.start_from))
        if network.side != side:
            raise ConfigError(f"{config.architecture} is for pictures of {network.side}x{network.side}, not {side}.")
        ratio = " to ".join(map(str, AescCodec(network, name=config.name).ratios))
        described = {"architecture": config.architecture, "arguments": {"z_dims": config.z_dims}, "ratio": ratio}
    elif isinstance(config, CycleGanConfig):
        network, arguments = _generator(config, side=side), {"side": side, **config.arguments}
        described = {"architecture": zoo.GENERATOR, "arguments": arguments, "ratio": None}
    else:
        network = build_networks(config.networks)
        described = _describe(config.networks, network)
    return network, described, _stages(config, network, side=side)


def _stages(config: Config, network: nn.Module, *, side: int) -> list[Training]:
    """What a config trains ``network`` with, in order, on pictures of ``side`` pixels."""
    how = {"augmentation": config.data.augmentation, "compiled": config.compiled}
    if isinstance(config, ClassifierConfig):
        return [
            Training(
                "training",
                partial(Classifier, network, weight_decay=config.weight_decay, **how),
                config.schedule,
            )
        ]
    if isinstance(config, DeepJSCCConfig):
        return [Training("training", partial(DeepJSCC, network, config.link, **how), config.schedule)]
    judge = zoo.load_classifier(config.downstream)
    if judge.classifier.out_features != config.data.classes:
        raise ConfigError(
            f"{config.downstream} knows {judge.classifier.out_features} classes, and {config.data.name} has "
            f"{config.data.classes}; train a downstream network on it and name that."
        )

    if isinstance(config, CycleGanConfig):
        if config.schedule.batch // config.schedule.shards < FEWEST_OF_A_PAIR:
            raise ConfigError(
                f"Batches, a mixture of both kinds, take {FEWEST_OF_A_PAIR} pictures a shard at least, lest one has a "
                "single kind; set schedule.batch."
            )
        _check_of_library(config)
        about = {"width": config.width, "classes": config.data.classes, "judge": judge, "sent": _by(config.coder)}
        method = partial(CycleGan, network, _generator(config, side=side), config.weights, **about)
        return [Training("training", method, config.schedule)]
    if isinstance(config, AescConfig):
        how["normalised"] = config.start_from is None
        return [Training("training", partial(Aesc, network, judge, config.weights, **how), config.schedule)]
    if isinstance(config, DeepScTuConfig | VaeConfig):
        _check_coder(config, network)
        stages = [Training("training", partial(_coder_training, config, network, judge), config.schedule)]
        if isinstance(config, DeepScTuConfig) and config.pretraining:
            alone = config.model_copy(update={"weights": replace(config.weights, tradeoff=1)})
            schedule = replace(config.schedule, epochs=config.pretraining)
            stages.insert(0, Training("pretraining", partial(_coder_training, alone, network, judge), schedule))
        return stages
    link = config.link

    def semantic(name: str, method: type[SemanticMethod], stage: Stage, **more: object) -> Training:
        return Training(name, partial(method, network, judge, link, stage.weights, **more, **how), stage.schedule)

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


def _check_of_library(config: CycleGanConfig) -> None:
    """Raises ConfigError where the judge or the coder was trained on another data set than the library."""
    for name in filter(None, (config.downstream, config.coder)):
        kind = zoo.trained_on(zoo.read_card(zoo.find(name)))
        if kind != config.data.library:
            raise ConfigError(f"{name} was trained on {kind}, and the library is {config.data.library}: name another.")


def _check_coder(config: DeepScTuConfig | VaeConfig, network: nn.Module) -> None:
    """Raises ConfigError where the network is no coder of the method."""
    of_vae = isinstance(config, VaeConfig)
    if not isinstance(network, Coder) or isinstance(network, Vae) != of_vae:
        raise ConfigError(f"The method {config.method} does not train networks of {config.networks.architecture}.")
    if network.compression_rate > 1 and not of_vae and config.weights.tradeoff is None:
        raise ConfigError(f"CR is {network.compression_rate:.2f}, and eq. 6 ends at 1: set weights.tradeoff.")


def _coder_training(config: DeepScTuConfig | VaeConfig, network: Coder, judge: Downstream) -> Method:
    task, how = task_of(judge), {"compiled": config.compiled}
    if isinstance(config, VaeConfig):
        return VariationalAutoencoder(network, task, config.link, kl_weight=config.kl_weight, **how)
    return DeepScTu(network, task, config.link, config.weights, **how)


def _by(coder: str | None) -> Callable[[Tensor], Tensor]:
    """What is received of pictures [B, 3, H, W] in [0, 1] that a coder of the zoo sends, at the SNR that it was trained
    for; without one, they themselves."""
    if coder is None:
        return lambda images: images
    networks, link = zoo.load_networks(coder), zoo.read_card(zoo.find(coder)).training["config"]["link"]
    at = Point(snr_db=sum(link["snr_db"]) / 2, symbols_per_cell=networks.symbols_per_cell)
    return partial(sent_over, networks.eval(), at=at)


def _generator(config: CycleGanConfig, *, side: int) -> Generator:
    """Raises ConfigError where it takes other arguments."""
    try:
        return Generator(side=side, **config.arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"A generator cannot be built so: {error}.") from error


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
        raise ConfigError(f"No architecture is called {config.architecture!r}; registered: {', '.join(sorted(known))}.")
    try:
        networks = known[config.architecture](**config.arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"The architecture {config.architecture} cannot be built so: {error}.") from error
    if config.start_from:
        _start_from(networks, zoo.load_networks(config.start_from), config)
    if config.backbone_from:
        _give_backbone(networks, config.backbone_from)
    return networks


def _start_from(network: nn.Module, start: nn.Module, config: NetworksConfig) -> None:
    """Raises ConfigError where nothing fits."""
    own, theirs = network.state_dict(), start.state_dict()
    fitting = {name: value for name, value in theirs.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise ConfigError(f"Nothing of {config.start_from} fits {config.architecture} with these arguments.")
    print(f"Starting from {config.start_from}: {len(fitting)} of {len(own)} tensors fit.", flush=True)
    network.load_state_dict(own | fitting)


def _give_backbone(networks: Architecture, name: str) -> None:
    """Raises ConfigError where the encoder has no place for it."""
    place = getattr(networks.encoder, "backbone", None)
    weights = zoo.load_classifier(name).state_dict()
    try:
        place.network.load_state_dict({key: value for key, value in weights.items() if "classifier" not in key})
    except (AttributeError, RuntimeError) as error:
        raise ConfigError(
            f"The encoder has no backbone that {name} fits; set networks.arguments.backbone, or no backbone_from."
        ) from error


def _describe(config: NetworksConfig, networks: Architecture) -> dict:
    values = 3 * networks.stride**2
    bounds = sorted({networks.fewest_symbols_per_cell, networks.symbols_per_cell})
    ratio = " to ".join(str(Fraction(bound, values)) for bound in bounds)
    return {"architecture": config.architecture, "arguments": config.arguments, "ratio": ratio}
