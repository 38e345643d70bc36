# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a codec encodes and decodes CIFAR-10-sized pictures."""

import time
from collections.abc import Callable

import numpy as np
import torch
from air import Air
from link import Link
from semcom_models import zoo
from semcom_models.codec import Codec, Csi
from torch.utils.flop_counter import FlopCounterMode

BATCHES = (1, 16, 64)
SIDE = 32
IMAGES_END_TO_END = 200
SPELLS = 8


def measure_codec(*, codec: str, seconds: float) -> dict:
    """``rows`` for encode and decode at each batch, and ``end_to_end`` through the flowgraph."""
    eager, engine = zoo.load_codec(codec, engine="torch"), zoo.load_codec(codec)
    peak = matmul_flops(seconds)
    pictures = np.random.default_rng(0).integers(0, 256, (max(BATCHES), SIDE, SIDE, 3), dtype=np.uint8)
    rows = []
    for op in ("encode", "decode"):
        flops = _flops(codec, op)
        for batch in BATCHES:
            calls = [_call(each, op, pictures[:batch]) for each in (eager, engine)]
            eager_s, engine_s = _alternate(calls, seconds)
            rows.append(
                {
                    "op": op,
                    "batch": batch,
                    "eager_img_s": batch / eager_s,
                    "engine_img_s": batch / engine_s,
                    "ratio": eager_s / engine_s,
                    "eager_ms": 1e3 * eager_s / batch,
                    "engine_ms": 1e3 * engine_s / batch,
                    "engine": engine.engine,
                    "peak_share": flops * batch / engine_s / peak,
                }
            )
    return {"rows": rows, "peak_gflops": peak / 1e9, "end_to_end": _end_to_end(engine, pictures)}


def _call(codec: Codec, op: str, pictures: np.ndarray) -> Callable[[], object]:
    if op == "encode":
        return lambda: codec.encode(pictures)
    symbols = codec.encode(pictures)
    csi = Csi.awgn(10, symbols.shape)
    return lambda: codec.decode(symbols, csi, height=SIDE, width=SIDE)


def _alternate(calls: list[Callable[[], object]], seconds: float) -> list[float]:
    """Median time of each call in seconds.

    They take turns, so that a machine that slows down slows them alike; but in spells, not call by call: the threads
    of the one engine spin for a while after its call and would slow the first call of the other.
    """
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(SPELLS):
        for call, of_call in zip(calls, times, strict=True):
            for _ in range(3):
                call()
            end = time.perf_counter() + seconds / SPELLS
            while (started := time.perf_counter()) < end:
                call()
                of_call.append(time.perf_counter() - started)
    return [float(np.median(of_call)) for of_call in times]


def _flops(codec: str, op: str) -> int:
    """Floating-point operations for one picture, a multiplication and an addition counting as two."""
    networks = zoo.load_networks(codec)
    cells = SIDE // networks.stride
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        if op == "encode":
            networks.encoder(torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1))
        else:
            c = networks.symbols_per_cell
            networks.decoder(torch.zeros(1, 2 * c, cells, cells), torch.zeros(1, c, cells, cells))
    return counter.get_total_flops()


def matmul_flops(seconds: float) -> float:
    """What a large float32 matrix multiplication reaches on these cores, in operations a second."""
    side = 2048
    matrix = torch.rand(side, side)
    return 2 * side**3 / _alternate([lambda: matrix @ matrix], seconds)[0]


def _end_to_end(codec: Codec, pictures: np.ndarray) -> dict:
    """One picture at a time through the whole flowgraph at 10 dB: encode, modulate, demodulate, decode."""
    sent = pictures[np.arange(IMAGES_END_TO_END) % len(pictures)]
    ms = [delivery.ms for delivery in Link(sent, codec=codec, medium=Air(snr_db=10)).deliveries()]
    arrived = [each for each in ms if each is not None]
    return {
        "images": len(ms),
        "lost": len(ms) - len(arrived),
        "ms_median": float(np.median(arrived)),
        "ms_p90": float(np.percentile(arrived, 90)),
    }
