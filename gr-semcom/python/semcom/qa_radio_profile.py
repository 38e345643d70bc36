# SPDX-License-Identifier: GPL-3.0-or-later

import tempfile
import unittest
from pathlib import Path

from gnuradio.semcom import radio_levels
from gnuradio.semcom.radio_profile import ProfileError, RadioLevels, RadioProfile, read_profile

FOUND = RadioProfile(
    transmitter='a "B210"',
    transmitter_serial="30AD123",
    receiver="B200mini",
    receiver_serial="é",
    date="2026-01-31T10:00:00+00:00",
    freq=9.15e8,
    samp_rate=1e6,
    attenuation_db=40.0,
    tx_gain=61.5,
    rx_gain=44.0,
    amplitude=0.25,
    snr_db=31.4,
    cfo_hz=-120.5,
    noise_dbfs=-60.1,
    image_db=-38.0,
)


class qa_radio_profile(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name, "lab.toml")
        FOUND.write(self.file)

    def test_what_was_written_is_read(self) -> None:
        self.assertEqual(read_profile(self.file), FOUND)

    def test_levels_that_are_given_win(self) -> None:
        self.assertEqual(radio_levels(self.file, freq=9.15e8), RadioLevels(61.5, 44.0, 0.25))
        self.assertEqual(radio_levels(self.file, freq=9.2e8, rx_gain=0, amplitude=0.1), RadioLevels(61.5, 0, 0.1))
        self.assertEqual(radio_levels("", freq=1e9, tx_gain=3), RadioLevels(3, 30.0, 0.18))

    def test_another_frequency_is_refused(self) -> None:
        with self.assertRaisesRegex(ProfileError, "915 MHz and the radio is tuned to 2450 MHz"):
            radio_levels(self.file, freq=2.45e9)

    def test_a_file_that_is_no_profile_is_refused(self) -> None:
        good = self.file.read_text()
        for change, sentence in (
            (lambda text: text + "colour = 1\n", "missing or unknown colour"),
            (lambda text: text.replace("tx_gain = 61.5\n", ""), "missing or unknown tx_gain"),
            (lambda text: text.replace("61.5", '"61.5"'), "tx_gain is '61.5'; it must be a number from 0 to 200"),
            (lambda text: text.replace("61.5", "-3"), "tx_gain is -3"),
            (lambda text: text.replace("61.5", "nan"), "tx_gain is nan"),
            (lambda text: text.replace("61.5", "true"), "tx_gain is True"),
            (lambda text: text.replace("0.25", "1.5"), "amplitude is 1.5; it must be a number from 1e-06 to 1"),
            (lambda text: text.replace('"30AD123"', "30"), "transmitter_serial is 30; it must be text"),
            (lambda text: text + "[", "is no profile"),
            (lambda text: "", "is no profile of this version"),
        ):
            self.file.write_text(change(good))
            with self.subTest(sentence), self.assertRaisesRegex(ProfileError, sentence):
                read_profile(self.file)
        self.file.write_bytes(b"\xff\xfe")
        with self.assertRaisesRegex(ProfileError, "is no profile"):
            read_profile(self.file)
        with self.assertRaisesRegex(ProfileError, "cannot be read: No such file"):
            read_profile(self.file.with_name("other.toml"))


if __name__ == "__main__":
    unittest.main()
