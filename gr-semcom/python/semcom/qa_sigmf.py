# SPDX-License-Identifier: GPL-3.0-or-later

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
from gnuradio import blocks, gr
from gnuradio.semcom import sigmf_sink, sigmf_source
from hypothesis import given, settings
from hypothesis import strategies as st

SAMPLES = (np.arange(1000) * (0.001 - 0.0005j)).astype(np.complex64)


def record(file: Path, samples: np.ndarray = SAMPLES) -> sigmf_sink:
    top, sink = gr.top_block(), sigmf_sink(file, samp_rate=2e5, center_freq_hz=9e8, hardware="none")
    top.connect(blocks.vector_source_c(samples), sink)
    top.run()
    return sink


def play(file: Path, **options: bool) -> np.ndarray:
    top, sink = gr.top_block(), blocks.vector_sink_c()
    top.connect(sigmf_source(file, **options), blocks.head(gr.sizeof_gr_complex, SAMPLES.size + 50), sink)
    top.run()
    return np.array(sink.data(), np.complex64)


class qa_sigmf(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "record.one"

    def test_what_was_recorded_is_played_and_zeros_behind_it(self) -> None:
        self.assertEqual(record(self.file).samples(), 1000)
        names = sorted(path.name for path in self.file.parent.iterdir())
        self.assertEqual(names, ["record.one.sigmf-data", "record.one.sigmf-meta"])
        for name in (self.file, *(self.file.with_name(name) for name in names)):
            played = play(name)
            np.testing.assert_array_equal(played[:1000], SAMPLES)
            self.assertEqual((len(played), np.abs(played[1000:]).max()), (1050, 0))
        source = sigmf_source(self.file)
        self.assertEqual((source.samp_rate(), source.center_freq_hz(), source.samples()), (2e5, 9e8, 1000))
        about = json.loads(self.file.with_name(names[1]).read_text())
        self.assertEqual((about["global"]["core:datatype"], about["global"]["core:hw"]), ("cf32_le", "none"))

    def test_sixteen_bit_integers_are_fractions_of_full_scale(self) -> None:
        record(self.file)
        data, meta = (self.file.with_name(self.file.name + end) for end in (".sigmf-data", ".sigmf-meta"))
        np.array([16384, -32768, 1, 0], "<i2").tofile(data)
        meta.write_text(meta.read_text().replace("cf32_le", "ci16_le"))
        np.testing.assert_allclose(play(self.file)[:2], [0.5 - 1j, 1 / 32768], atol=1e-7)

    def test_an_empty_name_records_nothing(self) -> None:
        self.assertEqual(record("").samples(), 1000)
        self.assertEqual(list(self.file.parent.iterdir()), [])

    def test_a_recording_is_not_overwritten(self) -> None:
        record(self.file)
        with self.assertRaisesRegex(FileExistsError, "exists already; give the recording another name"):
            record(self.file, SAMPLES[:10])
        np.testing.assert_array_equal(play(self.file)[:1000], SAMPLES)

    def test_what_cannot_be_written_or_read_is_told(self) -> None:
        with self.assertRaises(OSError):
            record(self.file.parent / "no" / "folder")
        with self.assertRaises(FileNotFoundError):
            sigmf_source(self.file)
        record(self.file)
        data, meta = (self.file.with_name(self.file.name + end) for end in (".sigmf-data", ".sigmf-meta"))
        whole, about = data.read_bytes(), json.loads(meta.read_text())
        for size in (0, 801):
            data.write_bytes(whole[:size])
            with self.assertRaisesRegex(ValueError, f"{size} bytes, which are no samples"):
                sigmf_source(self.file)
        data.write_bytes(whole)
        mistakes = {"rf32_le": "core:datatype", 0: "core:sample_rate", 2: "core:num_channels", "x": "core:sample_rate"}
        for wrong, key in mistakes.items():
            meta.write_text(json.dumps(about | {"global": about["global"] | {key: wrong}}))
            with self.assertRaises(ValueError):
                sigmf_source(self.file)
        meta.write_text(json.dumps(about | {"captures": []}))
        with self.assertRaisesRegex(ValueError, "no capture"):
            sigmf_source(self.file)

    @settings(max_examples=50, deadline=None)
    @given(st.data())
    def test_damaged_metadata_is_told(self, data: st.DataObject) -> None:
        """Whatever it says, there is a source, or a sentence."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "r"
            record(file)
            meta = file.with_name("r.sigmf-meta")
            text = bytearray(meta.read_bytes())
            for place in data.draw(st.lists(st.integers(0, len(text) - 1), min_size=1, max_size=5)):
                text[place] = data.draw(st.integers(0, 255))
            meta.write_bytes(text[: data.draw(st.integers(0, len(text)))])
            try:
                self.assertEqual(sigmf_source(file).samples(), 1000)
            except ValueError as error:
                self.assertTrue(str(error).startswith(str(meta)))


if __name__ == "__main__":
    unittest.main()
