# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that sends decoders ahead of the pictures that need them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pmt

from .codec_loading import chunks_id, decoder_symbols
from .pdu_block import pdu_block
from .pdus import MAX_ID, SymbolsPdu

if TYPE_CHECKING:
    from semcom_models.codec import Codec

FAR = (MAX_ID + 1) // 2


class model_sender(pdu_block):
    """Symbols PDUs through, and ahead of the first picture of each of ``codecs`` the chunks of its decoder.

    Chunks are symbols PDUs too, with an id of their own in place of a codec's, and image ids that pictures on their way
    do not have.  All of a decoder's wait in the burst transmitter's queue: 8 MB for 1 Mbit with QPSK at rate 1/2.

    Args:
        codecs: names of the zoo, folders, or codecs; those that are not of AESC-I have no decoder that can be sent, and
            one has to be.
        serial: of their decoders: a receiver takes another one of a name that it knows only if its serial is higher.
        every: send a decoder again after so many of its pictures, for receivers that come late; 0 for once.
        snr_db: Es/N0 in dB that there will be: decoders go by the fastest scheme for it.
        key: a PEM file with the Ed25519 private key to sign with; "" for none.
        base: a codec whose decoder the receivers have, from the zoo or by an earlier sending: only the difference to
            it is sent, which is of about as many bits if the two were not trained one from the other; "" for none.

    Raises:
        RuntimeError: semcom_models or PyTorch is missing.
        CodecError: there is no such codec, none is of AESC-I, ``base`` is of another kind, or ``key`` is no key.
        ValueError: a number is out of range.
    """

    def __init__(
        self,
        codecs: "Sequence[str | Codec]",
        *,
        serial: int = 1,
        every: int = 0,
        snr_db: float = 10.0,
        key: str = "",
        base: "str | Codec" = "",
    ) -> None:
        pdu_block.__init__(self, "model_sender")
        if not 0 <= serial < 2**53 or every < 0:
            raise ValueError(f"serial is {serial} and every is {every}; both must be 0 or more.")
        self._every, self._sent, self._chunks_sent = every, 0, 0
        self._id, _ = chunks_id()
        how = {"serial": serial, "snr_db": snr_db, "key": key, "base": base}
        self._chunks = decoder_symbols(codecs, **how)
        self._pictures = dict.fromkeys(self._chunks, 0)
        self._listen("symbols", self._on_symbols)
        self._offer("symbols")

    def sent(self) -> int:
        """How many decoders were sent, each sending counted."""
        return self._sent

    def chunks(self) -> int:
        """How many PDUs that was."""
        return self._chunks_sent

    def _on_symbols(self, pdu: pmt.pmt_base) -> None:
        with self.guard():
            picture = SymbolsPdu.from_pmt(pdu)
            if picture.codec_id in self._chunks:
                before = self._pictures[picture.codec_id]
                if before == 0 or (self._every and before % self._every == 0):
                    self._send(self._chunks[picture.codec_id], picture)
                self._pictures[picture.codec_id] += 1
            self._publish("symbols", pdu)

    def _send(self, chunks: np.ndarray, picture: SymbolsPdu) -> None:
        for symbols in chunks:
            chunk = SymbolsPdu(
                image_id=(picture.image_id + FAR) % (MAX_ID + 1),
                name=f"decoder of {picture.codec}",
                codec=picture.codec,
                codec_id=self._id,
                height=1,
                width=1,
                scale=1.0,
                symbols=symbols,
            )
            self._chunks_sent += 1
            self._publish("symbols", chunk.to_pmt())
        self._sent += 1
