# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that gives every picture the same power on air."""

import dataclasses
import math

import numpy as np
import pmt

from .pdu_block import pdu_block
from .pdus import BadPdu, SymbolsPdu


class power_normalizer(pdu_block):
    """Symbols PDUs in and out at ``symbols``: scaled so that the mean of abs(symbol)^2 of each picture is 1.

    ``scale`` in the metadata is multiplied by what restores the old amplitude.  Symbols without power, and
    symbols that are NaN or infinite, are dropped and counted.
    """

    def __init__(self) -> None:
        pdu_block.__init__(self, "power_normalizer")
        self._listen("symbols", self._on_symbols)
        self._offer("symbols")

    def _on_symbols(self, pdu: pmt.pmt_base) -> None:
        with self.guard():
            self._publish("symbols", normalize(SymbolsPdu.from_pmt(pdu)).to_pmt())


def normalize(encoded: SymbolsPdu) -> SymbolsPdu:
    """The same picture at mean power 1.

    Raises:
        BadPdu: all symbols are 0, or their amplitude is beyond what a float32 holds.
    """
    parts = encoded.symbols.view(np.float32).astype(np.float64)  # squares of float32 may overflow one
    amplitude = math.sqrt(np.square(parts).sum() / encoded.symbols.size)  # BLAS threads were seen to spin for ever
    if amplitude < np.finfo(np.float32).tiny:
        raise BadPdu(f"the symbols of image {encoded.image_id} have no power.")
    scale = encoded.scale * amplitude
    if not 0 < scale <= np.finfo(np.float32).max:
        raise BadPdu(f"the symbols of image {encoded.image_id} have an amplitude of {scale:.3g}.")
    symbols = encoded.symbols * np.float32(1 / amplitude)
    return dataclasses.replace(encoded, scale=scale, symbols=symbols)
