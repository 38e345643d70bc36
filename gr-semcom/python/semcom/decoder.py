# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that turns received symbols back into pictures."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pmt

from .batch_block import batch_block
from .codec_loading import channel_state, check_engine, codec_by_id, find_codec
from .pdu_block import sentence
from .pdus import BadPdu, ImagePdu, ReceivedPdu

if TYPE_CHECKING:
    from semcom_models.codec import Codec


class decoder(batch_block):
    """Received PDUs in at ``symbols``, image PDUs out at ``images``, with SNR, CFO and share erased.

    The codec of each picture is the one whose id its frames carried; it is loaded when it is first needed.  A
    frame carries no name, so the pictures are called "received".  Previews of a receiver come out as previews; one that
    still waits when something newer comes is left out, so that a slow decoder falls behind by pictures alone.

    Args:
        engine: "auto", "torch" or "openvino".
        batch: decode up to so many queued pictures at once.
        codecs: codecs beside those of the zoo that may arrive: folders, or codecs.

    Raises:
        RuntimeError: semcom_models or PyTorch is missing.
        CodecError: one of ``codecs`` cannot be loaded.
    """

    def __init__(self, *, engine: str = "auto", batch: int = 64, codecs: "Sequence[str | Codec]" = ()) -> None:
        batch_block.__init__(self, "decoder", inport="symbols", outport="images", batch=batch)
        self._engine = check_engine(engine)
        loaded = (find_codec(codec, engine=self._engine) for codec in codecs)
        self._codecs: dict[int, Codec | str] = {codec.id: codec for codec in loaded}

    def _parse(self, pdu: pmt.pmt_base) -> ReceivedPdu:
        return ReceivedPdu.from_pmt(pdu)

    def _kind(self, item: ReceivedPdu) -> Hashable:
        return item.codec_id, item.height, item.width, item.symbols.size

    def _supersedes(self, item: ReceivedPdu, queued: ReceivedPdu) -> bool:
        return queued.preview

    def _run(self, items: list[ReceivedPdu]) -> list[pmt.pmt_base]:
        first = items[0]
        codec = self._codec(first.codec_id)
        csi = channel_state(np.stack([item.noise_var for item in items]))
        pictures = codec.decode(np.stack([item.symbols for item in items]), csi, height=first.height, width=first.width)
        return [
            ImagePdu(item.image_id, "received", pixels, item.reception, item.preview).to_pmt()
            for item, pixels in zip(items, pictures, strict=True)
        ]

    def _codec(self, codec_id: int) -> "Codec":
        """The codec of this id; what could not be loaded once is not tried again."""
        if codec_id not in self._codecs:
            try:
                self._codecs[codec_id] = codec_by_id(codec_id, engine=self._engine)
            except Exception as error:
                self._codecs[codec_id] = sentence(error)  # the error itself would hold on to the pictures
        codec = self._codecs[codec_id]
        if isinstance(codec, str):
            raise BadPdu(codec)
        return codec
