# SPDX-License-Identifier: GPL-3.0-or-later

import unittest

import numpy as np
from gnuradio.semcom import power_normalizer
from gnuradio.semcom.pdus import SymbolsPdu
from qa_support import broken, post, running, symbols_pdu


class qa_power_normalizer(unittest.TestCase):
    def normalized(self, symbols: np.ndarray, scale: float = 1.0) -> SymbolsPdu:
        block = power_normalizer()
        with running(block, "symbols") as tap:
            post(block, "symbols", symbols_pdu(symbols, scale=scale))
            return SymbolsPdu.from_pmt(tap.wait(1)[0])

    def test_power_is_one_and_scale_restores_the_amplitude(self) -> None:
        rng = np.random.default_rng(1)
        for size in (1, 7, 131_072):
            for amplitude in (1e-30, 1e-3, 1.0, 50.0, 1e30):
                symbols = amplitude * (rng.standard_normal(size) + 1j * rng.standard_normal(size))
                got = self.normalized(symbols, scale=0.5)
                power = np.mean(np.abs(got.symbols.astype(np.complex128)) ** 2)
                self.assertAlmostEqual(power, 1.0, delta=1e-6)
                np.testing.assert_allclose(got.scale / 0.5 * got.symbols.astype(np.complex128), symbols, rtol=1e-6)

    def test_the_rest_of_the_metadata_is_left_alone(self) -> None:
        got = self.normalized(np.array([2.0, 0]))
        expected = SymbolsPdu.from_pmt(symbols_pdu(np.array([2.0, 0])))
        changed = {"symbols", "scale"}
        self.assertEqual(
            {key: value for key, value in vars(got).items() if key not in changed},
            {key: value for key, value in vars(expected).items() if key not in changed},
        )

    def test_broken_pdus_are_dropped_and_counted(self) -> None:
        block = power_normalizer()
        bad = broken(symbols_pdu(np.ones(5)))
        bad += [symbols_pdu(np.array(symbols)) for symbols in ([], [0, 0], [1, np.nan], [1, 1j * np.inf])]
        bad += [symbols_pdu(np.array([1e30]), scale=1e30)]
        with running(block, "symbols") as tap:
            for pdu in bad:
                post(block, "symbols", pdu)
            post(block, "symbols", symbols_pdu(np.ones(5), image_id=9))
            self.assertEqual(SymbolsPdu.from_pmt(tap.wait(1)[0]).image_id, 9)
        self.assertEqual((block.dropped(), len(tap.messages)), (len(bad), 1))


if __name__ == "__main__":
    unittest.main()
