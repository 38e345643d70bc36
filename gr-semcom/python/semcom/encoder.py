# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that turns pictures into channel symbols."""

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
import pmt

from .batch_block import batch_block
from .codec_loading import check_engine, find_codec
from .pdus import ImagePdu, SymbolsPdu

if TYPE_CHECKING:
    from semcom_models.codec import Codec


class encoder(batch_block):
    """Image PDUs in at ``images``, symbols PDUs out at ``symbols``.

    Args:
        codec: a name of the zoo ("deepjscc-6", "semcc-12"), a folder with a card and weights, or a codec.
        engine: "auto", "torch" or "openvino".
        batch: encode up to so many queued pictures at once.

    Raises:
        RuntimeError: semcom_models or PyTorch is missing.
        CodecError: there is no such codec, or it cannot be loaded.
    """

    def __init__(self, codec: "str | Codec", *, engine: str = "auto", batch: int = 64) -> None:
        batch_block.__init__(self, "encoder", inport="images", outport="symbols", batch=batch)
        self._engine = check_engine(engine)
        self._codec = find_codec(codec, engine=self._engine)

    def set_codec(self, codec: "str | Codec") -> None:
        """Encodes what comes from now on with another codec; one that cannot be loaded leaves a warning, and no trace.

        GRC calls this from a handler of Qt, which ends the process at an exception.
        """
        try:
            self._codec = find_codec(codec, engine=self._engine)
        except Exception as error:
            self.logger.warn(f"goes on with {self._codec.name}: {error}")

    def _parse(self, pdu: pmt.pmt_base) -> ImagePdu:
        return ImagePdu.from_pmt(pdu)

    def _kind(self, item: ImagePdu) -> Hashable:
        return item.height, item.width

    def _run(self, items: list[ImagePdu]) -> list[pmt.pmt_base]:
        codec = self._codec
        symbols = codec.encode(np.stack([item.pixels for item in items]))
        return [
            SymbolsPdu(
                image_id=item.image_id,
                name=item.name,
                codec=codec.name,
                codec_id=codec.id,
                height=item.height,
                width=item.width,
                scale=1.0,
                symbols=row,
            ).to_pmt()
            for item, row in zip(items, symbols, strict=True)
        ]
