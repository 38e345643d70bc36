# SPDX-License-Identifier: GPL-3.0-or-later

import gc
import threading
import unittest
from fractions import Fraction

import numpy as np
import pmt
from gnuradio.semcom import decoder
from gnuradio.semcom.pdus import ImagePdu, ReceivedPdu, Reception
from qa_support import broken, post, received_pdu, running, wait_until, with_entry
from qa_support.standin_codec import StandInCodec, needs_models

HEIGHT, WIDTH = 5, 4
PIXELS = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)


def sent() -> np.ndarray:
    return StandInCodec().encode(PIXELS[np.newaxis])[0]


@needs_models
class qa_decoder(unittest.TestCase):
    def test_pictures_come_back_with_what_the_link_did(self) -> None:
        block = decoder(codecs=[StandInCodec()])
        noise_var = np.ones(30)
        noise_var[10:16] = np.inf
        with running(block, "images") as tap:
            post(block, "symbols", received_pdu(sent(), noise_var, image_id=9))
            image = ImagePdu.from_pmt(tap.wait(1)[0])
        self.assertEqual((image.image_id, image.name, image.reception), (9, "received", Reception(12.5, -40.0, 0.2)))
        expected = PIXELS.copy().reshape(-1)
        expected[20:32] = 128
        np.testing.assert_array_equal(image.pixels.reshape(-1), expected)

    def test_fewer_symbols_are_decoded_where_the_codec_takes_them(self) -> None:
        block = decoder(codecs=[StandInCodec(lowest=Fraction(1, 4))])
        with running(block, "images") as tap:
            for count in (30, 15):
                post(block, "symbols", received_pdu(sent()[:count], np.ones(count)))
            first, second = (ImagePdu.from_pmt(pdu).pixels.reshape(-1) for pdu in tap.wait(2))
        np.testing.assert_array_equal(first, PIXELS.reshape(-1))
        np.testing.assert_array_equal(second, [*PIXELS.reshape(-1)[:30], *[128] * 30])

    def test_previews_come_out_as_previews(self) -> None:
        block = decoder(codecs=[StandInCodec()])
        whole = received_pdu(sent(), np.ones(30))
        part = with_entry(received_pdu(sent(), np.repeat([1, np.inf], 15)), "preview", pmt.PMT_T)
        with running(block, "images") as tap:
            post(block, "symbols", part)
            tap.wait(1)
            post(block, "symbols", whole)
            images = [ImagePdu.from_pmt(pdu) for pdu in tap.wait(2)]
        self.assertEqual([(image.preview, image.reception.erased) for image in images], [(True, 0.5), (False, 0.0)])

    def test_a_preview_that_waits_gives_way_to_what_is_newer(self) -> None:
        """Behind a picture that takes its time: previews of 1, whole 1, previews of 2."""
        codec, may_go_on = StandInCodec(), threading.Event()
        decode = codec.decode
        codec.decode = lambda *symbols, **size: (may_go_on.wait(20), decode(*symbols, **size))[1]
        block = decoder(codecs=[codec])
        with running(block, "images") as tap:
            post(block, "symbols", received_pdu(sent(), np.ones(30), image_id=0))
            wait_until(lambda: block.pending() == 1 and not block._queue)
            for image_id, previews in ((1, 3), (1, 0), (2, 2)):
                whole = received_pdu(sent(), np.ones(30), image_id=image_id)
                for _ in range(previews):
                    post(block, "symbols", with_entry(whole, "preview", pmt.PMT_T))
                if not previews:
                    post(block, "symbols", whole)
            wait_until(lambda: [item.image_id for item in block._queue] == [1, 2])
            may_go_on.set()
            images = [ImagePdu.from_pmt(pdu) for pdu in tap.wait(3)]
        self.assertEqual([(each.image_id, each.preview) for each in images], [(0, False), (1, False), (2, True)])

    def test_each_picture_has_the_codec_of_its_frames(self) -> None:
        codecs = [StandInCodec(codec_id=1), StandInCodec(codec_id=2)]
        block = decoder(codecs=codecs)
        with running(block, "images") as tap:
            for codec_id in (1, 2, 1):
                post(block, "symbols", received_pdu(sent(), np.ones(30), codec_id=codec_id))
            tap.wait(3)
        self.assertEqual([sum(codec.batches) for codec in codecs], [2, 1])

    def test_unknown_codecs_are_dropped_and_the_rest_decoded(self) -> None:
        block = decoder(codecs=[StandInCodec()])
        with running(block, "images") as tap:
            for codec_id in (3, 0, 0, 3):
                post(block, "symbols", received_pdu(sent(), np.ones(30), codec_id=codec_id))
            tap.wait(2)
        self.assertEqual((block.dropped(), len(tap.messages)), (2, 2))

    def test_previews_that_cannot_be_decoded_are_not_counted(self) -> None:
        block = decoder(codecs=[StandInCodec()])
        unknown = received_pdu(sent(), np.ones(30), codec_id=0)
        with running(block, "images") as tap:
            post(block, "symbols", with_entry(unknown, "preview", pmt.PMT_T))
            wait_until(lambda: 0 in block._codecs)
            for pdu in (unknown, received_pdu(sent(), np.ones(30))):
                post(block, "symbols", pdu)
            tap.wait(1)
        self.assertEqual(block.dropped(), 1)

    def test_nothing_is_kept_of_a_picture_whose_codec_is_unknown(self) -> None:
        block = decoder(codecs=[StandInCodec()])
        with running(block, "images"):
            for count in range(1, 21):
                post(block, "symbols", received_pdu(sent(), np.ones(30), codec_id=0))
                wait_until(lambda count=count: block.dropped() == count)
        gc.collect()
        self.assertEqual([each for each in gc.get_objects() if isinstance(each, ReceivedPdu)], [])

    def test_a_wrong_number_of_symbols_is_dropped(self) -> None:
        block = decoder(codecs=[StandInCodec()])
        with running(block, "images") as tap:
            post(block, "symbols", received_pdu(np.ones(29), np.ones(29)))
            post(block, "symbols", received_pdu(sent(), np.ones(30), height=WIDTH, width=HEIGHT + 1))
            post(block, "symbols", received_pdu(sent(), np.ones(30)))
            tap.wait(1)
        self.assertEqual((block.dropped(), len(tap.messages)), (2, 1))

    def test_broken_pdus_are_dropped_and_counted(self) -> None:
        block = decoder(codecs=[StandInCodec()])
        bad = broken(received_pdu(sent(), np.ones(30)))
        bad += [received_pdu(sent() * np.nan, np.ones(30)), received_pdu(sent(), np.ones(30) * np.nan)]
        with running(block, "images") as tap:
            for pdu in bad:
                post(block, "symbols", pdu)
            post(block, "symbols", received_pdu(sent(), np.ones(30), image_id=5))
            self.assertEqual(ImagePdu.from_pmt(tap.wait(1)[0]).image_id, 5)
        self.assertEqual((block.dropped(), len(tap.messages)), (len(bad), 1))

    def test_a_codec_folder_that_is_not_there_is_an_error(self) -> None:
        with self.assertRaisesRegex(Exception, "no codec or network '/nowhere'"):
            decoder(codecs=["/nowhere"])


if __name__ == "__main__":
    unittest.main()
