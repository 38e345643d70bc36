# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that records samples."""

from datetime import UTC, datetime
from pathlib import Path

from gnuradio import blocks, gr

from .image_files import whole_file

DATATYPE = "cf32_le"
DATA, META = ".sigmf-data", ".sigmf-meta"


class sigmf_sink(gr.hier_block2):
    """Complex samples to a SigMF recording, ``file``.sigmf-data and ``file``.sigmf-meta.

    The metadata is there from the start, so that a recording that is cut off can be played.

    Args:
        file: either of the two names, or without suffix; empty: record nothing.
        samp_rate: samples a second.
        center_freq_hz: what the radio is tuned to.
        hardware: the radio, in words.

    Raises:
        OSError: there is such a recording already, or it cannot be written.
        RuntimeError: the package sigmf is missing.
    """

    def __init__(
        self, file: str | Path = "", *, samp_rate: float, center_freq_hz: float = 0.0, hardware: str = ""
    ) -> None:
        gr.hier_block2.__init__(
            self, "sigmf_sink", gr.io_signature(1, 1, gr.sizeof_gr_complex), gr.io_signature(0, 0, 0)
        )
        if not str(file):
            self._end = blocks.null_sink(gr.sizeof_gr_complex)
            self.connect(self, self._end)
            return
        data, meta = paths(file)
        for path in (data, meta):
            if path.exists():
                raise FileExistsError(f"{path} exists already; give the recording another name.")
        _write_meta(meta, samp_rate=samp_rate, center_freq_hz=center_freq_hz, hardware=hardware)
        self._end = blocks.file_sink(gr.sizeof_gr_complex, _made(data))
        self.connect(self, self._end)

    def samples(self) -> int:
        """How many it has taken."""
        return self._end.nitems_read(0)


def paths(file: str | Path) -> tuple[Path, Path]:
    """Data and metadata of a recording that is named by either, or without suffix."""
    path = Path(file).expanduser()
    base = path.with_suffix("") if path.suffix in (DATA, META) else path
    return base.with_name(base.name + DATA), base.with_name(base.name + META)


def sigmf_package():  # noqa: ANN201 (a module that may be missing)
    """The package sigmf."""
    try:
        import sigmf
    except ImportError as error:
        raise RuntimeError(f"Recordings need the Python package sigmf ({error}): run 'pip install sigmf'.") from error
    return sigmf


def _made(path: Path) -> str:
    """The path of a file that is new and can be written: a file sink itself would not say why it cannot."""
    path.open("xb").close()
    return str(path)


def _write_meta(path: Path, *, samp_rate: float, center_freq_hz: float, hardware: str) -> None:
    sigmf = sigmf_package()
    meta = sigmf.SigMFFile(
        global_info={
            sigmf.DATATYPE_KEY: DATATYPE,
            sigmf.SAMPLE_RATE_KEY: samp_rate,
            sigmf.RECORDER_KEY: "gr-semcom",
            **({sigmf.HW_KEY: hardware} if hardware else {}),
        }
    )
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    meta.add_capture(0, metadata={sigmf.FREQUENCY_KEY: center_freq_hz, sigmf.DATETIME_KEY: now})
    with whole_file(path) as part:
        part.write_text(meta.dumps() + "\n")
