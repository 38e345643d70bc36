# SPDX-License-Identifier: GPL-3.0-or-later

import math
import threading
import unittest
from dataclasses import replace
from fractions import Fraction
from unittest import mock

import numpy as np
import pmt
from gnuradio.semcom import encoder
from gnuradio.semcom.batch_block import MAX_BATCH_PIXELS
from gnuradio.semcom.pdus import ImagePdu, SymbolsPdu
from qa_support import broken, image_pdu, post, running, wait_until
from qa_support.standin_codec import StandInCodec, needs_models


@needs_models
class qa_encoder(unittest.TestCase):
    def test_symbols_are_the_codecs(self) -> None:
        codec = StandInCodec()
        block = encoder(codec)
        with running(block, "symbols") as tap:
            post(block, "images", image_pdu(image_id=9, height=6, width=5, name="cat"))
            got = SymbolsPdu.from_pmt(tap.wait(1)[0])
        pixels = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(1, 6, 5, 3)
        np.testing.assert_array_equal(got.symbols, codec.encode(pixels)[0])
        expected = (9, "cat", codec.name, codec.id, 6, 5, 1.0)
        self.assertEqual((got.image_id, got.name, got.codec, got.codec_id, got.height, got.width, got.scale), expected)

    def test_what_is_queued_is_one_batch_by_size_and_order_is_kept(self) -> None:
        codec = StandInCodec()
        block = encoder(codec, batch=8)
        heights = [4, 6, 4, 4, 6, 4, 8, 4, 4, 4]
        codec.hold.clear()
        with running(block, "symbols") as tap:
            post(block, "images", image_pdu(image_id=100))
            codec.entered.wait(10)
            for image_id, height in enumerate(heights):
                post(block, "images", image_pdu(image_id=image_id, height=height))
            wait_until(lambda: block.pending() == 1 + len(heights))
            codec.hold.set()
            ids = [SymbolsPdu.from_pmt(pdu).image_id for pdu in tap.wait(11)]
            self.assertEqual(ids, [100, *range(10)])
            self.assertEqual(codec.batches, [1, 5, 2, 1, 2])

    def test_large_pictures_go_one_by_one(self) -> None:
        codec = StandInCodec()
        block = encoder(codec)
        side = int(MAX_BATCH_PIXELS**0.5) + 2
        codec.hold.clear()
        with running(block, "symbols") as tap:
            for image_id in range(4):
                post(block, "images", image_pdu(image_id=image_id, height=side, width=side))
            wait_until(lambda: block.pending() == 4)
            codec.hold.set()
            tap.wait(4)
        self.assertEqual(codec.batches, [1, 1, 1, 1])

    def test_what_is_queued_at_a_stop_waits_for_the_next_start(self) -> None:
        codec = StandInCodec()
        block = encoder(codec, batch=1)
        codec.hold.clear()
        with running(block, "symbols"):
            for image_id in range(3):
                post(block, "images", image_pdu(image_id=image_id))
            wait_until(lambda: block.pending() == 3)
            release = threading.Thread(target=lambda: (wait_until(lambda: block._stopping), codec.hold.set()))
            release.start()
        release.join()
        self.assertEqual(block.pending(), 2)
        with running(block, "symbols") as tap:
            ids = [SymbolsPdu.from_pmt(pdu).image_id for pdu in tap.wait(2)]
        self.assertEqual(ids[-2:], [1, 2])

    def test_the_thread_ends_with_the_flowgraph(self) -> None:
        block = encoder(StandInCodec())

        def alive() -> bool:
            return block.alias() in [thread.name for thread in threading.enumerate()]

        with running(block, "symbols"):
            self.assertTrue(alive())
        self.assertFalse(alive())

    def test_broken_pdus_are_dropped_and_counted(self) -> None:
        block = encoder(StandInCodec())
        bad = broken(image_pdu())
        with running(block, "symbols") as tap:
            for pdu in bad:
                post(block, "images", pdu)
            post(block, "images", image_pdu(image_id=5))
            self.assertEqual(SymbolsPdu.from_pmt(tap.wait(1)[0]).image_id, 5)
        self.assertEqual((block.dropped(), len(tap.messages)), (len(bad), 1))

    def test_a_codec_that_fails_costs_the_picture(self) -> None:
        codec = StandInCodec()
        block = encoder(codec)
        codec.fail_at_height = 6
        with running(block, "symbols") as tap:
            for height in (4, 6, 4):
                post(block, "images", image_pdu(height=height))
            tap.wait(2)
        self.assertEqual(block.dropped(), 1)

    def test_each_picture_goes_by_the_codec_that_is_chosen_for_it(self) -> None:
        first, second = StandInCodec(codec_id=1), StandInCodec(codec_id=2)
        block = encoder(first, batch=8)
        choice = mock.Mock(codecs=[first, second])
        choice.for_pictures = lambda pictures: [first if picture.max() < 128 else second for picture in pictures]
        block._sending = replace(block._sending, codec=choice)
        first.hold.clear()
        with running(block, "symbols") as tap:
            for image_id, grey in enumerate((0, 0, 255, 0, 255)):
                post(block, "images", ImagePdu(image_id, "grey", np.full((4, 4, 3), grey, np.uint8)).to_pmt())
                if image_id == 0:
                    first.entered.wait(10)
            wait_until(lambda: block.pending() == 5)  # so that the others go together
            first.hold.set()
            sent = [SymbolsPdu.from_pmt(pdu) for pdu in tap.wait(5)]
        self.assertEqual([(each.image_id, each.codec_id) for each in sent], [(0, 1), (1, 1), (2, 2), (3, 1), (4, 2)])
        self.assertEqual((first.batches, second.batches), ([1, 2], [2]))

    def test_the_codec_can_be_changed_while_running_for_one_that_loads(self) -> None:
        block = encoder(StandInCodec(codec_id=1))
        with running(block, "symbols") as tap:
            post(block, "images", image_pdu())
            tap.wait(1)
            block.set_codec(StandInCodec(codec_id=2))
            block.set_codec("nonsense")
            post(block, "images", image_pdu())
            ids = [SymbolsPdu.from_pmt(pdu).codec_id for pdu in tap.wait(2)]
        self.assertEqual(ids, [1, 2])

    def test_ratio_and_snr_are_those_asked_for(self) -> None:
        codec = StandInCodec(lowest=Fraction(1, 8))
        block = encoder(codec, ratio=1 / 4, snr_db=3.0)
        with running(block, "symbols") as tap:
            post(block, "images", image_pdu(height=8, width=8))
            tap.wait(1)
            block.set_ratio(1 / 8)
            block.set_snr_db(-2.5)
            post(block, "images", image_pdu(height=8, width=8))
            tap.wait(2)
            block.set_ratio(None)
            post(block, "images", image_pdu(height=8, width=8))
            counts = [SymbolsPdu.from_pmt(pdu).symbols.size for pdu in tap.wait(3)]
        self.assertEqual(counts, [48, 24, 96])
        self.assertEqual(codec.snrs_db, [3.0, -2.5, -2.5])

    def test_setters_warn_of_what_cannot_be_and_change_nothing(self) -> None:
        block = encoder(StandInCodec(lowest=Fraction(1, 8)), ratio=1 / 4)
        before = block._sending
        block.logger = mock.Mock()
        for name, bad, now in (
            ("codec", StandInCodec(codec_id=4), "stand-in"),  # has only 1/2
            ("codec", "nonsense", "stand-in"),
            ("ratio", 0.6, "0.25"),
            ("ratio", math.nan, "0.25"),
            ("ratio", "much", "0.25"),
            ("snr_db", math.nan, "10.0"),
            ("snr_db", None, "10.0"),
        ):
            getattr(block, f"set_{name}")(bad)
            self.assertIn(f"{name} stays {now}: ", block.logger.warn.call_args.args[0])
        self.assertIs(block._sending, before)
        self.assertEqual(block.logger.warn.call_count, 7)
        block.set_ratio(None)
        block.set_codec(StandInCodec(codec_id=4))
        self.assertEqual(block._sending.codec.codecs[0].id, 4)
        self.assertEqual(block.logger.warn.call_count, 7)

    def test_a_ratio_that_the_codec_has_not_is_told_in_a_sentence(self) -> None:
        with self.assertRaisesRegex(Exception, "stand-in sends at k/n 1/8 to 1/2, not at 0.0416667"):
            encoder(StandInCodec(lowest=Fraction(1, 8)), ratio=1 / 24)

    def test_arguments_that_cannot_be_meant(self) -> None:
        with self.assertRaisesRegex(ValueError, "engine"):
            encoder(StandInCodec(), engine="abacus")
        with self.assertRaisesRegex(ValueError, "snr_db is nan"):
            encoder(StandInCodec(), snr_db=math.nan)
        with self.assertRaisesRegex(ValueError, "batch"):
            encoder(StandInCodec(), batch=0)
        with self.assertRaisesRegex(Exception, "no codec or network 'nonsense'"):
            encoder("nonsense")

    def test_pmt_symbols_have_the_type_of_the_contract(self) -> None:
        block = encoder(StandInCodec())
        with running(block, "symbols") as tap:
            post(block, "images", image_pdu())
            self.assertTrue(pmt.is_c32vector(pmt.cdr(tap.wait(1)[0])))


if __name__ == "__main__":
    unittest.main()
