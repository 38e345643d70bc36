# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several codecs a picture is for: as in AESC-I, the transmitter knows the kind of its source."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from semcom_models import zoo
from semcom_models.codec import ImageCodec
from semcom_models.digital import separate
from semcom_models.engines import EngineName
from semcom_models.errors import CodecError
from semcom_models.judge import shrunk

SOURCES = "source-classifier"
"""The network of the zoo that tells sources apart."""
SIDE = 32
"""Of the pictures that it sees."""


class Choice:
    """The codec for each picture: the one that was trained on pictures of its source.

    Args:
        codecs: one, for all pictures; or several by their names in the zoo, each trained on another source.
        classifier: what tells the sources apart where there are several codecs, a network of the zoo or a folder.

    Raises:
        CodecError: there is no such codec or network, or the network does not know what a codec was trained on.
    """

    def __init__(
        self, codecs: Sequence[str | ImageCodec], *, engine: EngineName = "auto", classifier: str = SOURCES
    ) -> None:
        self.codecs = [zoo.load_codec(each, engine=engine) if isinstance(each, str) else each for each in codecs]
        if len(codecs) < 2:
            return
        self._network = zoo.load_classifier(classifier)
        known = zoo.trained_on(zoo.read_card(zoo.find(classifier))).split("+")
        self._class_of = [known.index(source) for source in map(_source_of, codecs) if source in known]
        if len(set(self._class_of)) < len(codecs):
            raise CodecError(
                f"{classifier} tells {', '.join(known)} apart: each of {', '.join(codecs)} has to be trained "
                "on another one of these."
            )

    def __str__(self) -> str:
        return ",".join(codec.name for codec in self.codecs)

    @torch.inference_mode()
    def for_pictures(self, pictures: NDArray[np.uint8]) -> list[ImageCodec]:
        """uint8 [B, H, W, 3] -> the codec for each."""
        if len(self.codecs) == 1:
            return self.codecs * len(pictures)
        logits = self._network(shrunk(pictures, SIDE))[:, self._class_of]
        return [self.codecs[number] for number in logits.argmax(1).tolist()]


def _source_of(codec: str | ImageCodec) -> str:
    """The data set that a codec was trained on; raises CodecError where nothing tells."""
    if not isinstance(codec, str) or separate.is_separate(codec):
        name = codec if isinstance(codec, str) else codec.name
        raise CodecError(f"{name} is for any source: a choice is among codecs of the zoo, by their names.")
    return zoo.trained_on(zoo.read_card(zoo.find(codec)))
