# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that turns pictures into channel symbols."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pmt

from .batch_block import batch_block
from .codec_loading import check_engine, find_choice
from .pdu_block import sentence
from .pdus import ImagePdu, SymbolsPdu

if TYPE_CHECKING:
    from semcom_models.choice import Choice
    from semcom_models.codec import Codec


@dataclass(frozen=True)
class _Sending:
    """What pictures are encoded with; replaced as a whole, as setters and encoding have threads of their own."""

    codec: "Choice"
    ratio: float | None
    snr_db: float

    def __post_init__(self) -> None:
        for codec in self.codec.codecs:
            codec.symbols_for(1, 1, ratio=self.ratio)  # which objects to a ratio that the codec has not
        if not math.isfinite(self.snr_db):
            raise ValueError(f"snr_db is {self.snr_db}; it must be finite.")


class encoder(batch_block):
    """Image PDUs in at ``images``, symbols PDUs out at ``symbols``.

    Codec, ratio and SNR can be changed while the flowgraph runs, one by one: for a codec that has not the present
    ratio, change the ratio first; None goes with all.

    Args:
        codec: a name of the zoo ("deepjscc", "semcc"), a folder with a card and weights, or a codec; or several names
            with commas between, "aesc-mnist,deepjscc": each picture goes by the one that was trained on its kind.
        ratio: bandwidth ratio k/n to send at, overhead not counted; None is the codec's usual one, 1/6 or the nearest
            that it has.
        snr_db: Es/N0 in dB to encode for; some codecs take no notice of it.
        engine: "auto", "torch" or "openvino".
        batch: encode up to so many queued pictures at once.

    Raises:
        RuntimeError: semcom_models or PyTorch is missing.
        CodecError: there is no such codec, it cannot be loaded, or it has not this ratio.
    """

    def __init__(
        self,
        codec: "str | Codec",
        *,
        ratio: float | None = None,
        snr_db: float = 10.0,
        engine: str = "auto",
        batch: int = 64,
    ) -> None:
        batch_block.__init__(self, "encoder", inport="images", outport="symbols", batch=batch)
        self._engine = check_engine(engine)
        self._sending = _Sending(find_choice(codec, engine=self._engine), ratio, snr_db)

    def set_codec(self, codec: "str | Codec") -> None:
        """Another codec, at the present ratio."""
        self._change("codec", codec)

    def set_ratio(self, ratio: float | None) -> None:
        self._change("ratio", ratio)

    def set_snr_db(self, snr_db: float) -> None:
        self._change("snr_db", snr_db)

    def _change(self, name: str, value: "str | Codec | float | None") -> None:
        """For what is encoded from now on; a value that cannot be leaves a warning, and no trace.

        GRC calls this from a handler of Qt, which ends the process at an exception.
        """
        before = self._sending
        try:
            if name == "codec":
                value = find_choice(value, engine=self._engine)
            self._sending = replace(before, **{name: value})
        except Exception as error:
            self.logger.warn(f"{name} stays {getattr(before, name)}: {sentence(error)}")

    def _parse(self, pdu: pmt.pmt_base) -> ImagePdu:
        return ImagePdu.from_pmt(pdu)

    def _kind(self, item: ImagePdu) -> Hashable:
        return item.height, item.width

    def _run(self, items: list[ImagePdu]) -> list[pmt.pmt_base]:
        sending, pixels = self._sending, np.stack([item.pixels for item in items])
        chosen = sending.codec.for_pictures(pixels)
        encoded: dict[int, pmt.pmt_base] = {}
        for codec in sending.codec.codecs:
            places = [place for place, of_it in enumerate(chosen) if of_it is codec]
            if places:
                symbols = codec.encode(pixels[places], ratio=sending.ratio, snr_db=sending.snr_db)
                encoded |= {place: _pdu(items[place], codec, row) for place, row in zip(places, symbols, strict=True)}
        return [encoded[place] for place in range(len(items))]


def _pdu(item: ImagePdu, codec: "Codec", symbols: np.ndarray) -> pmt.pmt_base:
    return SymbolsPdu(
        image_id=item.image_id,
        name=item.name,
        codec=codec.name,
        codec_id=codec.id,
        height=item.height,
        width=item.width,
        scale=1.0,
        symbols=symbols,
    ).to_pmt()
