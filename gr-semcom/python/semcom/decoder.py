# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that turns received symbols back into pictures."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pmt

from .batch_block import batch_block
from .codec_loading import channel_state, check_engine, chunks_id, codec_by_id, decoder_receiver, find_codec
from .pdu_block import sentence
from .pdus import BadPdu, ImagePdu, ReceivedPdu, make_dict

if TYPE_CHECKING:
    from semcom_models.codec import Codec

MOST_TOLD = 100
"""Reasons for which decoders are refused that are told, lest whoever sends many fills the log."""


class decoder(batch_block):
    """Received PDUs in at ``symbols``, image PDUs out at ``images``, with SNR, CFO and share erased.

    The codec of each picture is the one whose id its frames carried; it is loaded when it is first needed.  A
    frame carries no name, so the pictures are called "received".  Previews of a receiver come out as previews; one that
    still waits when something newer comes is left out, so that a slow decoder falls behind by pictures alone.

    Decoders of AESC-I come by the same port, in chunks, from a model sender.  Each that is taken is told at ``models``:
    a dictionary with ``source``, ``serial``, ``codec_id`` and, where it is signed, ``signer`` in hex; each that is
    refused in a warning, where the reason is new, and counted as dropped.

    Args:
        engine: "auto", "torch" or "openvino".
        batch: decode up to so many queued pictures at once.
        codecs: codecs beside those of the zoo that may arrive: folders, or codecs.
        zoo: know the codecs of the zoo; without it, a decoder has to arrive before its pictures.
        trusted: PEM files with Ed25519 public keys, one of which must have signed a decoder; none for all comers.

    Raises:
        RuntimeError: semcom_models or PyTorch is missing.
        CodecError: one of ``codecs`` cannot be loaded, or one of ``trusted`` is no such key.
    """

    def __init__(
        self,
        *,
        engine: str = "auto",
        batch: int = 64,
        codecs: "Sequence[str | Codec]" = (),
        zoo: bool = True,
        trusted: Sequence[str] = (),
    ) -> None:
        batch_block.__init__(self, "decoder", inport="symbols", outport="images", batch=batch)
        self._engine, self._zoo = check_engine(engine), zoo
        self._models, self._chunks = decoder_receiver(trusted, zoo=zoo), 0
        self._chunks_id, self._chunk_symbols = chunks_id()
        self._refused: set[str] = set()
        self._offer("models")
        loaded = (find_codec(codec, engine=self._engine) for codec in codecs)
        self._codecs: dict[int, Codec | str] = {codec.id: codec for codec in loaded}

    def chunks(self) -> int:
        """How many chunks of decoders came; one with which a decoder was refused is among the dropped instead."""
        return self._chunks

    def _parse(self, pdu: pmt.pmt_base) -> ReceivedPdu:
        return ReceivedPdu.from_pmt(pdu)

    def _kind(self, item: ReceivedPdu) -> Hashable:
        return item.codec_id, item.height, item.width, item.symbols.size

    def _supersedes(self, item: ReceivedPdu, queued: ReceivedPdu) -> bool:
        return queued.preview

    def _run(self, items: list[ReceivedPdu]) -> list[pmt.pmt_base | None]:
        first = items[0]
        if first.codec_id == self._chunks_id:
            self._take_chunks(items)
            return [None] * len(items)
        codec = self._codec(first.codec_id)
        csi = channel_state(np.stack([item.noise_var for item in items]))
        pictures = codec.decode(np.stack([item.symbols for item in items]), csi, height=first.height, width=first.width)
        return [
            ImagePdu(item.image_id, "received", pixels, item.reception, item.preview).to_pmt()
            for item, pixels in zip(items, pictures, strict=True)
        ]

    def _take_chunks(self, items: list[ReceivedPdu]) -> None:
        if items[0].symbols.size != self._chunk_symbols:
            raise BadPdu(f"{items[0].symbols.size} symbols are no chunk of a decoder.")
        symbols, noise_var = (np.stack([getattr(item, name) for item in items]) for name in ("symbols", "noise_var"))
        new, refused = self._models.take(symbols, noise_var)
        self._chunks += len(items) - len(refused)
        for why in refused:
            self._refuse(why)
        for model in new:
            told = {"source": model.source, "serial": model.serial, "codec_id": model.weights.id}
            signer = {"signer": model.signer.hex()} if model.signer else {}
            self.logger.info(f"has the decoder {model} now")
            self._publish("models", make_dict(**told, **signer))

    def _refuse(self, why: str) -> None:
        """Counts a chunk as dropped, and tells why: each reason once."""
        self._drop()
        if why not in self._refused and len(self._refused) < MOST_TOLD:
            self._refused.add(why)
            self.logger.warn(why)

    def _codec(self, codec_id: int) -> "Codec":
        """The codec of this id: one that is here, lest what arrives takes its place, or else a decoder that arrived.

        What could not be loaded once is not tried again.
        """
        if codec_id not in self._codecs and self._zoo:
            try:
                self._codecs[codec_id] = codec_by_id(codec_id, engine=self._engine)
            except Exception as error:
                self._codecs[codec_id] = sentence(error)  # the error itself would hold on to the pictures
        codec = self._codecs.get(codec_id, f"no decoder for the codec id {codec_id} has arrived.")
        if not isinstance(codec, str):
            return codec
        if arrived := self._models.find(codec_id):
            return arrived
        raise BadPdu(codec)
