# SPDX-License-Identifier: GPL-3.0-or-later
"""The zoo: a folder for each trained network, with ``card.json`` and ``weights.safetensors``.

A card tells how the weights came about and what they score; its hash binds the two files together.  Nothing is ever
unpickled or executed.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from semcom_models.aesc.autoencoders import AUTOENCODERS, Autoencoder
from semcom_models.aesc.codec import AescCodec
from semcom_models.aesc.weights import DecoderWeights
from semcom_models.architecture import Architecture, architectures
from semcom_models.codec import Codec, ImageCodec, codec_id
from semcom_models.digital import separate
from semcom_models.digital.capacity import is_at_capacity
from semcom_models.downstream import Downstream
from semcom_models.engines import EngineName
from semcom_models.errors import CodecError
from semcom_models.generator import Generator
from semcom_models.repvgg import RepVGG
from semcom_models.resnet import ResNet20
from semcom_models.segmenter import Segmenter
from semcom_models.shufflenet import ShuffleNetV2
from semcom_models.smallnet import SmallNet

CARD, WEIGHTS = "card.json", "weights.safetensors"
CLASSIFIER = "resnet20-cifar10"
GENERATOR = "generator"
DOWNSTREAM: dict[str, type[Downstream]] = {
    "resnet20": ResNet20,
    "repvgg": RepVGG,
    "shufflenetv2": ShuffleNetV2,
    "small": SmallNet,
    "segmenter": Segmenter,
}
"""The architectures of downstream networks, by the names that cards and configs have for them."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What stands in ``card.json``; every field is required."""

    name: str
    method: str
    architecture: str
    arguments: dict
    """What the architecture is built with."""

    ratio: str | None
    """k/n as a fraction, "1/6", or as "1/48 to 5/12"; None for a network that is no codec."""

    training: dict
    """What the run was begun with: command, data, seed, the config with its SNR, the hashes of the data and of other
    weights that it used, the commit, versions and machine; and its channel and epochs."""

    results: list[dict]
    """Measured figures, each beside the command that prints it, the number of images and the seed."""

    weights_sha256: str


def zoo_dir() -> Path:
    """Where the zoo lies: ``$SEMCOM_ZOO``, else ``models/zoo`` of the checkout."""
    return Path(os.environ.get("SEMCOM_ZOO", Path(__file__).resolve().parents[1] / "zoo"))


def find(name_or_folder: str | Path) -> Path:
    """The folder of a network, by its name in the zoo or by its path.  Raises CodecError where there is none."""
    for folder in (zoo_dir() / name_or_folder, Path(name_or_folder)):
        if (folder / CARD).is_file():
            return folder
    known = ", ".join(names()) or "nothing (SEMCOM_ZOO names another folder)"
    raise CodecError(
        f"There is no codec or network {str(name_or_folder)!r}; the zoo in {zoo_dir()} has: {known}; besides there are "
        f"the codecs {', '.join(separate.names())}."
    )


def load_codec(name_or_folder: str | Path, *, engine: EngineName = "auto") -> ImageCodec:
    """A codec by its name in the zoo or by its folder, or a separate one, say ``webp+ldpc``.

    Raises:
        CodecError: unknown name, damaged or mismatched files, or an engine that is not there.
    """
    if separate.is_separate(str(name_or_folder)):
        return separate.load(str(name_or_folder))
    if is_at_capacity(str(name_or_folder)):
        raise CodecError(f"{name_or_folder} is a bound, and nothing can be sent by it; ./semcom eval has its figures.")
    folder = find(name_or_folder)
    card = read_card(folder)
    if card.architecture in AUTOENCODERS:
        return AescCodec(load_autoencoder(folder), name=card.name)
    networks = load_networks(folder)
    return Codec(name=card.name, networks=networks, engine=engine, weights_sha256=card.weights_sha256)


def load_by_id(identity: int, *, engine: EngineName = "auto") -> ImageCodec:
    """The codec of the zoo, or the separate one, whose :func:`codec_id` stood in a header.

    Raises:
        CodecError: none has this id, or its files are damaged.
    """
    for name in separate.names():
        if codec_id(name, "") == identity:
            return separate.load(name)
    for name in names():
        card = read_card(zoo_dir() / name)
        if card.architecture not in AUTOENCODERS and codec_id(card.name, card.weights_sha256) == identity:
            return load_codec(zoo_dir() / name, engine=engine)
    for autoencoder in _autoencoders():
        if autoencoder.id == identity:
            return autoencoder
    raise CodecError(
        f"No codec of the zoo has the id {identity}; put the sender's folder, with the very same weights, "
        f"into {zoo_dir()}."
    )


def decoder_by_hash(sha256: str) -> DecoderWeights | None:
    """The decoder with this hash, if a codec of AESC-I in the zoo has it.  Raises as :func:`load_codec`."""
    return next((each.weights for each in _autoencoders() if each.weights.sha256 == sha256), None)


def load_networks(name_or_folder: str | Path) -> Architecture:
    """The networks of a codec, with their weights, in evaluation mode.  Raises as :func:`load_codec`."""
    folder = find(name_or_folder)
    card = read_card(folder)
    known = architectures()
    if card.architecture not in known:
        raise CodecError(
            f"{folder} is of architecture {card.architecture!r}; registered are {', '.join(sorted(known))}. "
            "Name the module that registers it in SEMCOM_CODECS."
        )
    return _with_weights(folder, card, known[card.architecture])


def load_autoencoder(name_or_folder: str | Path) -> Autoencoder:
    """The autoencoder of a codec of AESC-I, with its weights.  Raises as :func:`load_codec`."""
    return _of_kind(name_or_folder, AUTOENCODERS, called="autoencoders")


def load_classifier(name_or_folder: str | Path = CLASSIFIER) -> Downstream:
    """A downstream network, in evaluation mode.  Raises as :func:`load_codec`."""
    return _of_kind(name_or_folder, DOWNSTREAM, called="downstream networks")


def classifiers() -> list[str]:
    """The names of all downstream networks."""
    return [name for name in names() if read_card(zoo_dir() / name).architecture in DOWNSTREAM]


def load_generator(name_or_folder: str | Path) -> Generator:
    """A generator that adapts pictures, in evaluation mode.  Raises as :func:`load_codec`."""
    return _of_kind(name_or_folder, {GENERATOR: Generator}, called="generators that adapt pictures")


def save(folder: Path, network: nn.Module, card: Card) -> None:
    """Write weights, in half precision, and card, which gets the hash of the weights, whatever it said before."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = safetensors.torch.save({name: _halved(value).contiguous() for name, value in network.state_dict().items()})
    (folder / WEIGHTS).write_bytes(raw)
    write_card(folder, replace(card, weights_sha256=hashlib.sha256(raw).hexdigest()))


def write_card(folder: Path, card: Card) -> None:
    """Write ``card.json``."""
    (folder / CARD).write_text(json.dumps(asdict(card), indent=2) + "\n")


def read_card(folder: Path) -> Card:
    """``card.json`` of ``folder``.

    Raises:
        CodecError: it is missing, no JSON, or its fields are not those of :class:`Card`.
    """
    path = folder / CARD
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CodecError(f"{path} cannot be read as a card ({error}); restore it from the repository.") from error
    expected = {field.name for field in fields(Card)}
    if not isinstance(content, dict) or set(content) != expected:
        wrong = sorted(expected.symmetric_difference(content))
        raise CodecError(f"{path} is no card of this version: missing or unknown fields {', '.join(wrong)}.")
    return Card(**content)


def trained_on(card: Card) -> str:
    """The data set of a card, as configs name it, or several, "mnist+cifar10"; the oldest do not say CIFAR-10."""
    data = card.training.get("config", {}).get("data", {})
    return "+".join(data["of"]) if "of" in data else data.get("kind", "cifar10")


def _halved(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() else value


def names() -> list[str]:
    """Of all that is in the zoo."""
    return sorted(path.parent.name for path in zoo_dir().glob(f"*/{CARD}"))


def _autoencoders() -> Iterator[AescCodec]:
    for name in names():
        if read_card(zoo_dir() / name).architecture in AUTOENCODERS:
            yield load_codec(zoo_dir() / name)


def _of_kind(name_or_folder: str | Path, known: Mapping[str, type[nn.Module]], *, called: str) -> nn.Module:
    folder = find(name_or_folder)
    card = read_card(folder)
    if card.architecture not in known:
        raise CodecError(f"{folder} is of architecture {card.architecture!r}; {called} are {', '.join(known)}.")
    return _with_weights(folder, card, known[card.architecture])


def _with_weights(folder: Path, card: Card, architecture: type[nn.Module]) -> nn.Module:
    path = folder / WEIGHTS
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CodecError(f"{path} cannot be read ({error}); restore it from the repository.") from error
    if hashlib.sha256(raw).hexdigest() != card.weights_sha256:
        raise CodecError(f"{path} is not the file that its card describes (sha256 differs); restore both.")
    try:
        network = architecture(**card.arguments)
        network.load_state_dict(safetensors.torch.load(raw))
    except (TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise CodecError(
            f"{path} holds weights of another architecture than {card.architecture} as in its card."
        ) from error
    return network.eval()
