# SPDX-License-Identifier: GPL-3.0-or-later
"""A coder on pictures of another kind than its library: as they are, adapted, or after it was trained anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import torch
from semcom_models import zoo
from semcom_models.adaptation import Adapter
from semcom_models.codec import CHANNELS
from semcom_models.deepsc_tu import Coder
from semcom_models.errors import CodecError
from semcom_models.generator import resized

from semcom_training.data import DATA_SETS, check_kind
from semcom_training.errors import ConfigError
from semcom_training.evaluate import Evaluation, Grid, Row
from semcom_training.pictures import Pictures, load_pictures

Adaptation = Literal["none", "da", "retrained"]
ADAPTATIONS: tuple[Adaptation, ...] = ("none", "da", "retrained")
CR_SLACK = 0.02
"""CR 0.1 may be 0.0995: symbols are whole."""


@dataclass(frozen=True, kw_only=True)
class ObservedRow(Row):
    """Of pictures as the encoder got them, to which the PSNR is; ``adapter`` is what made them so."""

    method: Adaptation
    compression_rate: float
    adapter: str | None


def adapter_of(observed: str, library: str) -> str:
    """The name of the network that makes pictures of one kind like those of the other."""
    return f"{observed}-to-{library}"


def retrained(codec: str, observed: str) -> str:
    """The name of the coder of the zoo that is ``codec``, trained anew on observed pictures.

    Raises:
        CodecError: there is none.
    """
    name = codec.replace(zoo.trained_on(zoo.read_card(zoo.find(codec))), observed)
    if zoo.trained_on(zoo.read_card(zoo.find(name))) != observed:
        raise CodecError(f"{name} was not trained on {observed}: it is no {codec} trained anew.")
    return name


class Observed:
    """Pictures of the data set ``observed``, coded by ``codec`` or what takes its place.

    The adapter of "usps" for a coder of "mnist" is the network usps-to-mnist; the coder deepsc-tu-mnist trained anew is
    deepsc-tu-usps.

    Raises:
        CodecError, DataError: the codec or the data are not there, or it is no coder of DeepSC-TU.
    """

    def __init__(self, codec: str, observed: str, *, images: int | None, seed: int) -> None:
        card = zoo.read_card(zoo.find(codec))
        self._codec, self._observed, self._seed = codec, observed, seed
        self._library = zoo.trained_on(card)
        config = card.training.get("config", {})
        coder = zoo.load_networks(codec)
        if not isinstance(coder, Coder) or self._library not in DATA_SETS:
            raise CodecError(f"{codec} is no coder of DeepSC-TU, trained on a data set of its own.")
        check_kind(observed)
        self._downstream, self._grey = config["downstream"], coder.channels == 1
        self._judged = zoo.trained_on(zoo.read_card(zoo.find(self._downstream)))
        self._pictures = load_pictures(observed, count=images)
        of_library = {name: value for name, value in config["data"].items() if name == "side"}
        self._side = DATA_SETS[self._library](**of_library).load("held_out").images.shape[-1]

    def rows(
        self,
        adaptations: Sequence[str],
        *,
        rates: Sequence[Fraction],
        snrs_db: Sequence[float],
        channels: Sequence[str],
    ) -> Iterator[ObservedRow]:
        """One for each point; ``rates`` are CR, without which it is the coder's own.  What is missing is told first.

        Raises:
            CodecError: what an adaptation takes is not there, or the coder has another CR.
            ConfigError: there is no such adaptation.
        """
        for method, (codec, adapter, cr) in {each: self._parts(each, rates) for each in adaptations}.items():
            evaluation = Evaluation(self._prepared(adapter), downstream=self._downstream, seed=self._seed)
            for row in evaluation.rows(Grid(codecs=[codec], ratios=[], snrs_db=snrs_db, channels=channels)):
                yield ObservedRow(**vars(row), method=method, compression_rate=round(cr, 4), adapter=adapter)

    def _parts(self, method: str, rates: Sequence[Fraction]) -> tuple[str, str | None, float]:
        """The coder, the adapter and the CR; raises as :meth:`rows`."""
        if method not in ADAPTATIONS:
            raise ConfigError(f"There is no adaptation {method!r}; there are {', '.join(ADAPTATIONS)}.")
        codec = retrained(self._codec, self._observed) if method == "retrained" else self._codec
        adapter = adapter_of(self._observed, self._library) if method == "da" else None
        if adapter:
            zoo.find(adapter)
        cr = zoo.load_networks(codec).compression_rate
        for rate in rates:
            if abs(rate / cr - 1) > CR_SLACK:
                raise CodecError(f"{codec} has a CR of {cr:.3f}, and not {float(rate):g}.")
        return codec, adapter, cr

    def _prepared(self, adapter: str | None) -> Pictures:
        """The pictures at the library's size, for its judge, and grey if its coder is for such."""
        (group,) = self._pictures.groups
        if self._grey:
            group = group.mean(3, keepdims=True).round().astype(np.uint8).repeat(CHANNELS, 3)
        if adapter:
            made = Adapter(adapter).adapted(group)
        else:
            made = resized(torch.from_numpy(group).permute(0, 3, 1, 2), self._side).permute(0, 2, 3, 1).numpy()
        return Pictures(self._pictures.name, self._judged, [made], self._pictures.labels)
