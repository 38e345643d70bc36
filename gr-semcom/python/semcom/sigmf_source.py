# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that plays recordings."""

import json
import math
from pathlib import Path

from gnuradio import blocks, gr

from .sigmf_sink import paths, sigmf_package

LONGEST = 2**31 - 1  # samples that stream_mux counts to
READERS = {"cf32_le": (gr.sizeof_gr_complex, None), "ci16_le": (4, 32768.0)}
"""Bytes of a sample and full scale, by SigMF's name of the data type."""


class sigmf_source(gr.hier_block2):
    """Complex samples of a SigMF recording of one channel, cf32_le or ci16_le; then zeros, at its sample rate.

    It never ends by itself, for a flowgraph that ends loses the messages that are on their way.

    Args:
        file: either of its two files, or their name without suffix.
        real_time: as fast as they were recorded; else as fast as they are taken.

    Raises:
        OSError: a file is missing.
        ValueError: it is no SigMF recording, a damaged one, of another data type, or longer than 2^31 - 1 samples.
        RuntimeError: the package sigmf is missing.
    """

    def __init__(self, file: str | Path, *, real_time: bool = False) -> None:
        gr.hier_block2.__init__(
            self, "sigmf_source", gr.io_signature(0, 0, 0), gr.io_signature(1, 1, gr.sizeof_gr_complex)
        )
        data, meta = paths(file)
        sigmf = sigmf_package()
        about = _read_meta(meta)
        self._samp_rate = about.get_global_field(sigmf.SAMPLE_RATE_KEY)
        self._center_freq_hz = float(about.get_capture_info(0).get(sigmf.FREQUENCY_KEY, 0))
        datatype = about.get_global_field(sigmf.DATATYPE_KEY)
        if datatype not in READERS:
            raise ValueError(f"{meta} says {datatype}; a recording of {' or '.join(READERS)} is needed.")
        size, full_scale = READERS[datatype]
        count, rest = divmod(data.stat().st_size, size)
        if count == 0 or rest:
            raise ValueError(f"{data} has {data.stat().st_size} bytes, which are no samples of {datatype}.")
        if count > LONGEST:
            raise ValueError(f"{data} has {count} samples, more than {LONGEST}; cut it into pieces.")
        self._samples = count
        chain = [blocks.file_source(size, str(data), False)]
        if full_scale:
            chain += [blocks.interleaved_short_to_complex(True, False, full_scale)]
        if real_time:
            chain.append(blocks.throttle(gr.sizeof_gr_complex, self._samp_rate))
        mux = blocks.stream_mux(gr.sizeof_gr_complex, [count, LONGEST])
        silence = blocks.null_source(gr.sizeof_gr_complex), blocks.throttle(gr.sizeof_gr_complex, self._samp_rate)
        self.connect(*chain, (mux, 0))
        self.connect(*silence, (mux, 1))
        self.connect(mux, self)

    def samp_rate(self) -> float:
        """Samples a second, as its metadata says."""
        return self._samp_rate

    def center_freq_hz(self) -> float:
        """What the radio was tuned to; 0 where the metadata does not say."""
        return self._center_freq_hz

    def samples(self) -> int:
        """How many were recorded."""
        return self._samples


def _read_meta(path: Path):  # noqa: ANN202 (a SigMFFile)
    sigmf = sigmf_package()
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        about = sigmf.SigMFFile(metadata=json.loads(text))
        about.validate()
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is no SigMF metadata ({first}).") from error
    rate = about.get_global_field(sigmf.SAMPLE_RATE_KEY)
    channels = about.get_global_field(sigmf.NUM_CHANNELS_KEY, 1)
    if not (isinstance(rate, (int, float)) and math.isfinite(rate) and rate > 0) or channels != 1:
        raise ValueError(f"{path} has to give a sample rate, and one channel.")
    if not about.get_captures():
        raise ValueError(f"{path} tells of no capture.")
    return about
