# SPDX-License-Identifier: GPL-3.0-or-later
"""Our LDPC decoder beside those of gr-fec and Sionna, on the same received words."""

import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from importlib.util import find_spec

import numpy as np
import torch
from gnuradio import blocks, fec, gr
from numpy.typing import NDArray
from rich.progress import track
from semcom_models.digital import wimax
from semcom_models.digital.nr import NrCode
from semcom_models.digital.qc_ldpc import QcLdpc

ESN0_DB = (1.0, 1.2, 1.4, 1.6, 2.0)
ITERATIONS = 20
BITS, SENT = 1152, 2304
Decode = Callable[[NDArray[np.float32]], NDArray[np.bool_]]
"""log P(0)/P(1), float32 [B, n], of words all zero -> which of them are wrong."""


def measure_ldpc(*, words: int, seed: int) -> list[dict]:
    """One row for each code, Es/N0 and decoder: 1,152 bits in 2,304 of IEEE 802.16e and of 5G NR, QPSK, one thread.

    The words are all zero, as is usual: these decoders treat all words alike.  ``ms`` is of the processor's time, a
    word.  Sionna is there where its package is.
    """
    rng, threads = np.random.default_rng(seed), torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    for esn0_db in track(ESN0_DB, "Es/N0", transient=True):
        llr = _received(SENT, words, 10 ** (-esn0_db / 10), rng)
        for code, decoders in (("802.16e", wimax_decoders()), ("5G NR", nr_decoders())):
            for name, decode in decoders.items():
                decode(llr[:2])
                began = time.process_time()
                errors = int(decode(llr).sum())
                ms = 1e3 * (time.process_time() - began) / words
                at = {"code": code, "decoder": name, "esn0_db": esn0_db}
                rows.append(at | {"words": words, "errors": errors, "ms": ms})
    torch.set_num_threads(threads)
    return rows


def _received(bits: int, words: int, noise_var: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Of QPSK at Es = 1: a bit's amplitude is the root of a half, the noise on it has half of the variance."""
    amplitude = 0.5**0.5
    received = amplitude + rng.normal(scale=(noise_var / 2) ** 0.5, size=(words, bits))
    return (4 * amplitude / noise_var * received).astype(np.float32)


def wimax_decoders() -> dict[str, Decode]:
    """Those of IEEE 802.16e's code that can be had here; a word is wrong where a bit of it is 1."""
    code = wimax.code(Fraction(BITS, SENT))

    def gr_fec(llr: NDArray[np.float32]) -> NDArray[np.bool_]:
        with tempfile.NamedTemporaryFile("w", suffix=".alist") as file:
            file.write(_alist(code))
            file.flush()
            decoder = fec.ldpc_decoder.make(file.name, sigma=0.5, max_iterations=ITERATIONS)
        top, sink = gr.top_block(), blocks.vector_sink_b()
        # It wants ones positive, and takes x / (2 sigma^2) for the logarithm of their odds: found by trying scales.
        source = blocks.vector_source_f((-llr / 2).ravel().tolist())
        top.connect(source, fec.decoder(decoder, gr.sizeof_float, gr.sizeof_char), sink)
        top.run()
        return np.array(sink.data()).reshape(len(llr), -1).any(1)

    decoders = {"ours": _ours(code), "gr-fec": gr_fec}
    if find_spec("sionna"):
        from sionna.phy.fec.ldpc import LDPCBPDecoder

        matrix = np.zeros((code.n - code.k, code.n), np.uint8)
        for row, places in enumerate(code.parity_checks()):
            matrix[row, places] = 1
        decoders["Sionna"] = _sionna(LDPCBPDecoder(matrix, num_iter=ITERATIONS))
    return decoders


def nr_decoders() -> dict[str, Decode]:
    """Those of 5G NR's."""
    decoders = {"ours": _ours(NrCode(BITS, SENT))}
    if find_spec("sionna"):
        from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

        decoders["Sionna"] = _sionna(LDPC5GDecoder(LDPC5GEncoder(BITS, SENT), num_iter=ITERATIONS))
    return decoders


def _ours(code: QcLdpc | NrCode) -> Decode:
    return lambda llr: code.decode(torch.from_numpy(llr), iterations=ITERATIONS)[0].any(1).numpy()


def _sionna(decoder: torch.nn.Module) -> Decode:
    """Its logarithm is of P(1)/P(0)."""
    return lambda llr: (decoder(torch.from_numpy(-llr)) != 0).any(1).numpy()


def _alist(code: QcLdpc) -> str:
    """MacKay's form of a parity-check matrix."""
    rows = code.parity_checks()
    columns: list[list[int]] = [[] for _ in range(code.n)]
    for row, places in enumerate(rows):
        for place in places:
            columns[place].append(row)
    parts = [[len(columns), len(rows)], [max(map(len, columns)), max(map(len, rows))]]
    parts += [list(map(len, columns)), list(map(len, rows))]
    for lists in (columns, rows):
        most = max(map(len, lists))
        parts += [[each + 1 for each in one] + [0] * (most - len(one)) for one in lists]
    return "\n".join(" ".join(map(str, part)) for part in parts) + "\n"
