#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoders that travel: the model sender, and the decoder block that takes what it sends."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import pmt
from gnuradio import gr
from gnuradio.semcom import decoder, encoder, model_sender
from gnuradio.semcom.codec_loading import channel_state
from gnuradio.semcom.pdus import ImagePdu, SymbolsPdu
from qa_support import Tap, image_pdu, post, received_pdu, running, symbols_pdu, wait_until, with_entry
from qa_support.standin_codec import needs_models

SIDE = 28


def aesc(seed: int = 0):
    import torch
    from semcom_models.aesc.autoencoders import MnistAutoencoder
    from semcom_models.aesc.codec import AescCodec

    torch.manual_seed(seed)
    return AescCodec(MnistAutoencoder(z_dims=20), name="digits")


def keys(folder: str) -> tuple[str, str]:
    """Files with a new private key and its public half."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key, files = Ed25519PrivateKey.generate(), (Path(folder, "key.pem"), Path(folder, "public.pem"))
    files[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files[1].write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return str(files[0]), str(files[1])


class Air(gr.basic_block):
    """Symbols to received PDUs without noise, but for those whose number is in ``lost``."""

    def __init__(self, lost=()) -> None:
        gr.basic_block.__init__(self, name="air", in_sig=None, out_sig=None)
        self.lost, self.seen = set(lost), 0
        self.message_port_register_in(pmt.intern("in"))
        self.message_port_register_out(pmt.intern("out"))
        self.set_msg_handler(pmt.intern("in"), self.carry)

    def carry(self, pdu: pmt.pmt_base) -> None:
        sent = SymbolsPdu.from_pmt(pdu)
        where = {"image_id": sent.image_id, "codec_id": sent.codec_id, "height": sent.height, "width": sent.width}
        if self.seen not in self.lost:
            arrived = received_pdu(sent.symbols, np.full(sent.symbols.size, 1e-3), **where)
            self.message_port_pub(pmt.intern("out"), arrived)
        self.seen += 1


class Chain:
    """encoder -> model sender -> air -> decoder that knows nothing -> taps"""

    def __init__(self, codec, *, lost=(), trusted=(), **sender) -> None:
        self.encoder, self.sender = encoder(codec), model_sender([codec], **sender)
        self.air, self.decoder = Air(lost), decoder(zoo=False, trusted=trusted)
        self.pictures, self.models, self.top = Tap(), Tap(), gr.top_block()
        self.top.msg_connect((self.encoder, "symbols"), (self.sender, "symbols"))
        self.top.msg_connect((self.sender, "symbols"), (self.air, "in"))
        self.top.msg_connect((self.air, "out"), (self.decoder, "symbols"))
        self.top.msg_connect((self.decoder, "images"), (self.pictures, "in"))
        self.top.msg_connect((self.decoder, "models"), (self.models, "in"))

    def __enter__(self) -> "Chain":
        self.top.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.top.stop()
        self.top.wait()

    def send(self, image_id: int) -> None:
        post(self.encoder, "images", image_pdu(image_id, SIDE, SIDE))


@needs_models
class qa_model_sender(unittest.TestCase):
    def test_a_decoder_goes_ahead_of_the_first_picture_that_needs_it(self) -> None:
        first, second = aesc(1), aesc(2)
        block, sent = model_sender([first, second], every=2), []
        with running(block, "symbols") as tap:
            for codec_id in (9, first.id, first.id, second.id, first.id):
                before = len(tap.messages)
                post(block, "symbols", with_entry(symbols_pdu(np.ones(5)), "codec_id", pmt.from_long(codec_id)))
                wait_until(lambda start=before, last=codec_id: last in map(self.id_of, tap.messages[start:]))
                sent.append(len(tap.messages) - before)
        self.assertEqual([count > 1 for count in sent], [False, True, False, True, True])
        self.assertEqual(block.sent(), 3)

    def id_of(self, pdu: pmt.pmt_base) -> int:
        return SymbolsPdu.from_pmt(pdu).codec_id

    def test_a_receiver_without_any_decoder_shows_pictures_once_it_has_come(self) -> None:
        from semcom_models.measure import over_channel

        codec = aesc()
        with Chain(codec, serial=3) as chain:
            for image_id in range(3):
                chain.send(image_id)
            images = [ImagePdu.from_pmt(pdu) for pdu in chain.pictures.wait(3)]
            told = pmt.to_python(chain.models.wait(1)[0])
        self.assertEqual(told, {"source": "digits", "serial": 3, "codec_id": codec.id})
        self.assertEqual([image.image_id for image in images], [0, 1, 2])
        pixels = ImagePdu.from_pmt(image_pdu(0, SIDE, SIDE)).pixels[np.newaxis]
        np.testing.assert_array_equal(images[0].pixels, over_channel(codec, pixels, snr_db=30, seed=0)[0])
        self.assertEqual(chain.decoder.dropped(), 0)
        self.assertEqual(chain.decoder.chunks(), chain.sender.chunks())
        self.assertEqual(chain.air.seen, chain.sender.chunks() + 3)

    def test_without_all_of_it_there_is_no_picture_until_it_is_sent_again(self) -> None:
        with Chain(aesc(), lost=[0], every=2) as chain:
            for image_id in range(3):
                chain.send(image_id)
                wait_until(lambda count=image_id + 1: chain.decoder.dropped() + len(chain.pictures.messages) == count)
            (image,) = chain.pictures.wait(1)
        self.assertEqual(ImagePdu.from_pmt(image).image_id, 2)
        self.assertEqual(chain.decoder.dropped(), 2)

    def test_a_decoder_has_to_be_signed_by_whom_the_receiver_trusts(self) -> None:
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            (key, public), (wrong, _) = keys(one), keys(other)
            for signed_by, dropped in ((key, 0), (wrong, 2), ("", 2)):  # the decoder, and the picture
                with Chain(aesc(), trusted=[public], key=signed_by) as chain:
                    chain.send(0)
                    wait_until(lambda: bool(chain.pictures.messages) or chain.decoder.dropped() == 2)
                    chain.models.wait(int(dropped == 0))
                self.assertEqual((chain.decoder.dropped(), len(chain.models.messages)), (dropped, int(dropped == 0)))
            with self.assertRaisesRegex(Exception, "cannot be read as a key"):
                decoder(trusted=[key])

    def test_a_difference_is_taken_where_the_decoder_is_that_it_is_to(self) -> None:
        first, later = aesc(1), aesc(2)
        with Chain(later, serial=2, base=first) as chain:
            chain.send(0)
            wait_until(lambda: chain.decoder.dropped() == 2)  # the difference, and the picture
            taken = chain.decoder.chunks()
            for pdu in self.as_sent(first):
                chain.air.carry(pdu)
            wait_until(lambda: chain.decoder.chunks() > taken and len(chain.models.messages) == 1)
            for pdu in self.as_sent(later, serial=2, base=first):
                chain.air.carry(pdu)
            chain.models.wait(2)
            chain.send(1)
            (image,) = chain.pictures.wait(1)
        self.assertEqual(ImagePdu.from_pmt(image).image_id, 1)

    def as_sent(self, codec, **how) -> list[pmt.pmt_base]:
        """A decoder's chunks."""
        block = model_sender([codec], **how)
        with running(block, "symbols") as tap:
            picture = with_entry(symbols_pdu(np.ones(5)), "codec_id", pmt.from_long(codec.id))
            post(block, "symbols", picture)
            wait_until(lambda: codec.id in map(self.id_of, tap.messages))
        return tap.messages[:-1]

    def test_a_decoder_that_arrives_does_not_take_the_place_of_a_codec_that_is_here(self) -> None:
        """Ids have 16 bits: a decoder with the id of any codec is soon found."""
        codec, here = aesc(), aesc(1)
        here.id = codec.id
        with Chain(codec) as chain:
            chain.decoder._codecs[here.id] = here
            chain.send(0)
            (image,) = chain.pictures.wait(1)
            chain.models.wait(1)
        pixels = ImagePdu.from_pmt(image_pdu(0, SIDE, SIDE)).pixels[np.newaxis]
        symbols = codec.encode(pixels)
        expected = here.decode(
            symbols, channel_state(np.full(symbols.shape, 1e-3, np.float32)), height=SIDE, width=SIDE
        )
        np.testing.assert_array_equal(ImagePdu.from_pmt(image).pixels, expected[0])

    def test_chunks_of_another_size_are_dropped(self) -> None:
        from semcom_models.aesc.air import CHUNKS_ID

        block = decoder()
        with running(block, "images"):
            post(block, "symbols", received_pdu(np.ones(100), np.ones(100), codec_id=CHUNKS_ID))
            wait_until(lambda: block.dropped() == 1)

    def test_what_cannot_be_sent_is_refused(self) -> None:
        with self.assertRaisesRegex(Exception, "deepjscc is no codec of AESC-I"):
            model_sender(["deepjscc"])
        model_sender([" deepjscc", aesc()])
        other = aesc()
        other.weights = other.weights.__class__.of(other._autoencoder, bits=16)
        with self.assertRaisesRegex(Exception, "of different kinds"):
            model_sender([aesc()], base=other)
        for wrong in ({"serial": -1}, {"every": -1}):
            with self.assertRaisesRegex(ValueError, "must be 0 or more"):
                model_sender([], **wrong)
        with self.assertRaisesRegex(Exception, "openssl genpkey"):
            model_sender([aesc()], key="/no/such/key")


if __name__ == "__main__":
    unittest.main()
