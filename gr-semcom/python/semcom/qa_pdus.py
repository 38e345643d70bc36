# SPDX-License-Identifier: GPL-3.0-or-later
"""PDUs: round trips, ranges, and whatever else a message can be."""

import unittest

import numpy as np
import pmt
from gnuradio.semcom.pdus import (
    BadPdu,
    Fragments,
    FrameReport,
    ImagePdu,
    ReceivedPdu,
    Reception,
    SymbolsPdu,
    make_dict,
    to_array,
    to_vector,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from qa_support import NAN, broken, image_pdu, received_pdu, symbols_pdu, with_entry

INF = float("inf")
KEYS = st.sampled_from(
    "image_id name height width codec codec_id scale snr_db cfo_hz erased fragments fragments_lost noise_var "
    "evm_percent header_failed preview".split()
)
LEAVES = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(pmt.from_long),
    st.integers(0, 4).map(pmt.from_long),
    st.integers(0, 2**64 - 1).map(pmt.from_uint64),
    st.floats().map(pmt.from_double),
    st.booleans().map(pmt.from_bool),
    st.text(max_size=8).map(pmt.intern),
    st.binary(max_size=64).map(lambda raw: to_vector(np.frombuffer(raw, np.uint8))),
    st.lists(st.floats(width=32), max_size=8).map(lambda x: to_vector(np.array(x, np.float32))),
    st.lists(st.complex_numbers(width=64), max_size=8).map(lambda x: to_vector(np.array(x, np.complex64))),
    st.just(pmt.PMT_NIL),
)
MESSAGES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pmt.cons(*pair)),
        st.dictionaries(KEYS, inner, max_size=8).map(lambda entries: make_dict(**entries)),
    ),
    max_leaves=12,
)
PARSERS = (ImagePdu, SymbolsPdu, ReceivedPdu, Fragments, FrameReport)


class qa_pdus(unittest.TestCase):
    def test_vectors_come_back_unchanged(self) -> None:
        rng = np.random.default_rng(1)
        for size in (0, 1, 1000):
            for array in (
                rng.integers(0, 256, size, np.uint8),
                rng.standard_normal(size).astype(np.float32),
                (rng.standard_normal(size) + 1j * rng.standard_normal(size)).astype(np.complex64),
            ):
                vector = to_vector(array)
                np.testing.assert_array_equal(to_array(vector, array.dtype), array)
                self.assertEqual(pmt.to_python(vector).tolist(), array.tolist())

    def test_vectors_of_pmts_own_making_are_read(self) -> None:
        vector = pmt.init_c32vector(3, [1 + 2j, -3j, 4])
        np.testing.assert_array_equal(to_array(vector, np.complex64), np.array([1 + 2j, -3j, 4], np.complex64))

    def test_an_array_in_any_memory_order_is_sent_row_by_row(self) -> None:
        pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
        turned = np.asfortranarray(pixels)
        np.testing.assert_array_equal(ImagePdu.from_pmt(ImagePdu(0, "a", turned).to_pmt()).pixels, pixels)

    def test_an_array_is_a_copy(self) -> None:
        vector = pmt.make_u8vector(4, 1)
        array = to_array(vector, np.uint8)
        array[:] = 9
        self.assertEqual(pmt.u8vector_elements(vector), [1, 1, 1, 1])

    def test_an_image_comes_back_unchanged(self) -> None:
        for reception in (None, Reception(INF, -12.5, 0.25)):
            sent = ImagePdu(65535, "naïve", np.arange(30, dtype=np.uint8).reshape(2, 5, 3), reception)
            back = ImagePdu.from_pmt(sent.to_pmt())
            np.testing.assert_array_equal(back.pixels, sent.pixels)
            self.assertEqual((back.image_id, back.name, back.reception), (65535, "naïve", reception))
            self.assertEqual((back.height, back.width), (2, 5))

    def test_symbols_come_back_unchanged(self) -> None:
        sent = SymbolsPdu(0, "a", "codec", 65535, 8191, 1, 2.5, np.array([1j, 2], np.complex64))
        back = SymbolsPdu.from_pmt(sent.to_pmt())
        np.testing.assert_array_equal(back.symbols, sent.symbols)
        self.assertEqual({**vars(back), "symbols": None}, {**vars(sent), "symbols": None})

    def test_share_erased_is_that_of_the_infinite_noise_variances(self) -> None:
        pdu = received_pdu(np.zeros(4), np.array([INF, 1, INF, INF]))
        self.assertEqual(ReceivedPdu.from_pmt(pdu).reception, Reception(12.5, -40.0, 0.75))

    def test_a_preview_says_so(self) -> None:
        for mark, preview in ((pmt.PMT_T, True), (pmt.PMT_F, False)):
            received = ReceivedPdu.from_pmt(with_entry(received_pdu(np.ones(3), np.ones(3)), "preview", mark))
            image = ImagePdu.from_pmt(with_entry(image_pdu(), "preview", mark))
            self.assertEqual((received.preview, image.preview), (preview, preview))
            self.assertEqual(ImagePdu.from_pmt(image.to_pmt()).preview, preview)
        self.assertFalse(ReceivedPdu.from_pmt(received_pdu(np.ones(3), np.ones(3))).preview)

    def test_every_broken_pdu_is_refused(self) -> None:
        valid = {
            ImagePdu: image_pdu(),
            SymbolsPdu: symbols_pdu(np.ones(3)),
            ReceivedPdu: received_pdu(np.ones(3), np.ones(3)),
        }
        for parser, pdu in valid.items():
            parser.from_pmt(pdu)
            for number, bad in enumerate(broken(pdu)):
                with self.assertRaises(BadPdu, msg=f"{parser.__name__} took broken PDU {number}"):
                    parser.from_pmt(bad)

    def test_values_out_of_range_are_refused(self) -> None:
        ones = np.ones(3)
        for parser, pdu, key, values in (
            (ImagePdu, image_pdu(), "image_id", (-1, 65536)),
            (ImagePdu, image_pdu(), "height", (0, 6, 8192, 2**40)),
            (ImagePdu, image_pdu(), "width", (0, -4, 5)),
            (SymbolsPdu, symbols_pdu(ones), "codec_id", (-1, 65536)),
            (SymbolsPdu, symbols_pdu(ones), "scale", (0.0, -1.0, INF, -INF)),
            (ReceivedPdu, received_pdu(ones, ones), "cfo_hz", (INF, -INF)),
            (ReceivedPdu, received_pdu(ones, ones), "fragments", (0, 65536)),
            (ReceivedPdu, received_pdu(ones, ones), "fragments_lost", (-1, 4)),
        ):
            for value in values:
                convert = pmt.from_double if isinstance(value, float) else pmt.from_long
                with self.assertRaises(BadPdu, msg=f"{key} = {value}"):
                    parser.from_pmt(with_entry(pdu, key, convert(value)))

    def test_symbols_and_noise_that_are_no_numbers_are_refused(self) -> None:
        for bad in (NAN, INF, 1j * INF, complex(1, NAN)):
            with self.assertRaises(BadPdu):
                SymbolsPdu.from_pmt(symbols_pdu(np.array([1, bad])))
        for bad in (NAN, 0.0, -1.0):
            with self.assertRaises(BadPdu):
                ReceivedPdu.from_pmt(received_pdu(np.ones(2), np.array([1, bad])))
        for count in (0, 1, 3):
            with self.assertRaises(BadPdu):
                ReceivedPdu.from_pmt(received_pdu(np.ones(2), np.ones(count)))

    @settings(max_examples=400, deadline=None, database=None)
    @given(MESSAGES)
    def test_no_message_raises_anything_but_bad_pdu(self, message: pmt.pmt_base) -> None:
        for parser in PARSERS:
            try:
                parser.from_pmt(message)
            except BadPdu:
                pass


if __name__ == "__main__":
    unittest.main()
