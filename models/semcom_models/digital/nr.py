# SPDX-License-Identifier: GPL-3.0-or-later
"""The LDPC codes of 5G NR with their rate matching (3GPP TS 38.212, 5.3.2 and 5.4.2): any number of bits, any rate."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semcom_models.digital.qc_ldpc import QcLdpc

CORE = 4  # rows of both base graphs
LIFTINGS = {a << j: index for index, a in enumerate((2, 3, 5, 7, 9, 11, 13, 15)) for j in range(8) if a << j <= 384}
"""Z, and which of the eight sets of shifts (table 5.3.2-1) it has."""
LOW_RATE = 0.25  # up to which any number of bits takes base graph 2
HIGHEST_RATE = 0.95
KNOWN = 1e6  # the LLR of a filler bit


def largest_k(rate: float) -> int:
    """The most bits of a block (TS 38.212, 5.2.2)."""
    return 3840 if rate <= LOW_RATE else 8448


class NrCode:
    """The code that carries ``k`` bits in ``n``.

    Raises:
        ValueError: k is not from 12 to 8,448, or 3,840 for rates k/n up to 1/4, or the rate above 0.95.
    """

    def __init__(self, k: int, n: int) -> None:
        if not 12 <= k <= largest_k(k / n) or k > HIGHEST_RATE * n:
            raise ValueError(
                "5G NR's LDPC code carries 12 to 8,448 bits, 3,840 at rates up to 1/4, and rates up to 0.95, not "
                f"{k} in {n}."
            )
        self.k, self.n = k, n
        graph = 2 if k <= 292 or (k <= 3824 and k <= 0.67 * n) or k <= LOW_RATE * n else 1
        lifting = _lifting(graph, k)
        self._code = _lifted(graph, lifting)
        # Not sent: the first two columns, and the filler between the bits and the parity.
        self._positions = torch.cat([torch.arange(2 * lifting, k), torch.arange(self._code.k, self._code.n)])
        self._sent = self._positions[torch.arange(n) % len(self._positions)]
        parity_bits = n - (k - 2 * lifting)
        self._rows = max(CORE, -(-parity_bits // lifting)) if n < len(self._positions) else None

    def encode(self, bits: Tensor) -> Tensor:
        """uint8 [B, k] of 0 and 1 -> uint8 [B, n]."""
        filled = torch.nn.functional.pad(bits, (0, self._code.k - self.k))
        return self._code.encode(filled)[:, self._sent.to(bits.device)]

    def decode(self, llr: Tensor, *, iterations: int = 20) -> tuple[Tensor, Tensor]:
        """float32 [B, n], log P(0)/P(1) -> uint8 [B, k], and bool [B]: all checks hold."""
        whole = llr.new_zeros(len(llr), self._code.n)
        whole[:, self.k : self._code.k] = KNOWN
        whole.index_add_(1, self._sent.to(llr.device), llr)
        bits, held = self._code.decode(whole, iterations=iterations, rows=self._rows)
        return bits[:, : self.k], held


def _lifting(graph: int, k: int) -> int:
    """The least Z that k bits fit into."""
    columns = 22 if graph == 1 else 10 if k > 640 else 9 if k > 560 else 8 if k > 192 else 6
    return min(lifting for lifting in LIFTINGS if columns * lifting >= k)


@cache
def _lifted(graph: int, lifting: int) -> QcLdpc:
    entries = _tables()[graph]
    base = np.full(entries[:, :2].max(axis=0) + 1, -1)
    base[entries[:, 0], entries[:, 1]] = entries[:, 2 + LIFTINGS[lifting]]
    return QcLdpc(base, lifting=lifting, core=CORE)


@cache
def _tables() -> dict[int, NDArray[np.int64]]:
    """Tables 5.3.2-2 and 5.3.2-3: of each base graph [entries, 10], row, column and the shift of each set."""
    every = np.loadtxt(Path(__file__).with_name("nr_base_graphs.csv"), dtype=np.int64, delimiter=",", skiprows=1)
    return {graph: every[every[:, 0] == graph, 1:] for graph in (1, 2)}
