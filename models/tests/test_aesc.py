# SPDX-License-Identifier: GPL-3.0-or-later
"""The autoencoders of AESC-I, their decoders as messages, and what hostile messages do."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from semcom_models import measure, zoo
from semcom_models.aesc.autoencoders import AUTOENCODERS, Autoencoder
from semcom_models.aesc.codec import AescCodec, AescDecoder
from semcom_models.aesc.message import LARGEST, MAGIC, UNSIGNED, Library, Model, RefusedModel, unpack
from semcom_models.aesc.transfer import HEAD_BYTES, Collector, chunks
from semcom_models.aesc.weights import DecoderWeights
from semcom_models.codec import Csi
from semcom_models.errors import CodecError

KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (1, 2))
PUBLIC, OTHER = (each.public_key().public_bytes_raw() for each in (KEY, OTHER_KEY))


def autoencoder(name: str = "aesc-mnist", *, z_dims: int = 40, seed: int = 0) -> Autoencoder:
    torch.manual_seed(seed)
    return AUTOENCODERS[name](z_dims=z_dims).eval()


def weights(seed: int = 0, *, bits: int = 8) -> DecoderWeights:
    return DecoderWeights.of(autoencoder(seed=seed), bits=bits)


def message(seed: int = 0, *, serial: int = 1, key: Ed25519PrivateKey | None = KEY) -> bytes:
    return Model("mnist", serial, weights(seed)).pack(key=key)


@pytest.mark.parametrize(
    ("name", "z_dims", "compression", "parameters"),
    [("aesc-mnist", 40, 19.6, 7_409), ("aesc-mnist", 196, 4, None), ("aesc-cifar10", 7, 12.19, 584_067)],
)
def test_the_tables_of_the_paper(name: str, z_dims: int, compression: float, parameters: int | None) -> None:
    """Eqs. 13 and 16; the decoder for CIFAR-10 has the 9.4 Mbit at 16 bits that its weights are said to have."""
    network = autoencoder(name, z_dims=z_dims)
    assert network.compression == pytest.approx(compression, abs=0.01)
    images = torch.rand(2, 3, network.side, network.side)
    code = network.encode(images)
    assert (code.dtype, tuple(code.shape)) == (torch.uint8, (2, network.code_bytes))
    with torch.no_grad():
        assert torch.allclose(network(images), network.decode(code / 255), atol=1e-6)
    if parameters:
        assert sum(each.numel() for each in network.decoder.parameters()) == parameters


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_one_with_more_values_begins_as_one_with_fewer(name: str) -> None:
    known, wider = autoencoder(name, z_dims=7), autoencoder(name, z_dims=14, seed=1)
    wider.begin_as(known)
    images = torch.rand(2, 3, known.side, known.side)
    with torch.no_grad():
        torch.testing.assert_close(wider(images), known(images))
    assert (wider.encode(images)[:, known.code_bytes :] > 0).any()  # there is something to be learnt from them
    with pytest.raises(CodecError, match="as many values or fewer"):
        known.begin_as(wider)


@pytest.mark.parametrize("beyond", [0.0, 5.0])
def test_gradients_pass_the_rounding_and_the_end_of_the_range(beyond: float) -> None:
    network = autoencoder().train()
    torch.nn.init.constant_(network.encoder[-2].bias, beyond)
    images = torch.rand(4, 3, 28, 28)
    assert (network.encode(images) == 255).all().item() == (beyond > 1)
    (network(images) if beyond == 0 else network._code(images)).sum().backward()
    assert all(each.grad.abs().sum() > 0 for each in network.encoder.parameters())


@pytest.mark.parametrize("bits", [8, 16])
def test_a_decoder_comes_back_from_its_integers(bits: int) -> None:
    network = autoencoder()
    sent = DecoderWeights.of(network, bits=bits)
    code = torch.rand(5, 40)
    with torch.no_grad():
        difference = (sent.network()(code) - network.decoder(code)).abs().max()
    assert difference < {8: 3e-2, 16: 1e-4}[bits]
    received = unpack(Model("digits", 3, sent).pack(), trusted=None, known=lambda sha256: None)
    assert (received.source, received.serial, received.signer) == ("digits", 3, None)
    assert received.weights.sha256 == sent.sha256 != weights(1, bits=bits).sha256
    for mine, theirs in zip(sent.network().parameters(), received.weights.network().parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_difference_is_smaller_and_comes_to_the_same() -> None:
    """A decoder trained on a little, of which most weights moved by a few steps."""
    network, drawn = autoencoder(), torch.Generator().manual_seed(1)
    base = DecoderWeights.of(network, bits=16)
    with torch.no_grad():
        for each in network.decoder.parameters():
            each.add_(1e-4 * torch.randn(each.shape, generator=drawn))
    later = Model("mnist", 2, DecoderWeights.of(network, bits=16))
    assert not np.array_equal(later.weights.scales, base.scales)
    whole, difference = later.pack(), later.pack(base=base)
    assert len(difference) < 0.6 * len(whole)
    library = Library()
    library.accept(Model("mnist", 1, base).pack())
    assert library.accept(difference).weights.sha256 == later.weights.sha256
    here = Library(shipped={base.sha256: base}.get)
    assert here.accept(difference).weights.sha256 == later.weights.sha256
    with pytest.raises(RefusedModel, match="the difference to the decoder .* not here"):
        Library().accept(difference)
    with pytest.raises(CodecError, match="another kind of decoder"):
        later.pack(base=weights(bits=8))


def test_a_library_takes_what_is_new_and_signed_by_whom_it_trusts() -> None:
    library = Library(trusted=[PUBLIC])
    first = library.accept(message(serial=4))
    assert library.accept(message(serial=4)) is first
    for wrong, why in (
        (message(1, serial=4), "model mnist, serial 4 is refused: serial 4 is here already"),
        (message(1, serial=3), "model mnist, serial 3 is refused: serial 4 is here already"),
        (message(1, serial=5, key=None), "mnist, serial 5, is refused: it is not signed"),
        (message(1, serial=5, key=OTHER_KEY), "serial 5, is refused: it is signed by .*, whom nobody here trusts"),
    ):
        with pytest.raises(RefusedModel, match=why):
            library.accept(wrong)
        assert library.models() == [first]
    second = library.accept(message(1, serial=5))
    assert library.models() == [first, second]


def test_a_serial_counts_whoever_sends_the_same_decoder_too() -> None:
    library = Library(trusted=[PUBLIC, OTHER])
    library.accept(message(serial=5))
    library.accept(message(serial=1, key=OTHER_KEY))
    with pytest.raises(RefusedModel, match="serial 3 is refused: serial 5 is here already"):
        library.accept(message(1, serial=3))


def test_a_decoder_cannot_have_the_id_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DecoderWeights, "id", 7)
    library = Library()
    kept = library.accept(message(serial=1))
    with pytest.raises(RefusedModel, match="pictures could not be told from those of mnist, serial 1"):
        library.accept(Model("stranger", 9, weights(1)).pack())
    assert library.models() == [kept]


def test_a_name_that_is_no_source_is_told() -> None:
    with pytest.raises(CodecError, match="cannot be sent as my digits, serial 1: its source is a word"):
        Model("my digits", 1, weights()).pack()


def test_a_library_keeps_the_latest_decoders_alone() -> None:
    library = Library()
    for number in range(Library.MOST + 3):
        library.accept(Model(f"source-{number}", 1, weights(number)).pack())
    assert [model.source for model in library.models()] == [f"source-{3 + number}" for number in range(Library.MOST)]


def forged(**changes: object) -> bytes:
    """A message whose header, or what follows it, says something else; deflated anew, unsigned."""
    body = zlib.decompress(message(key=None)[len(MAGIC + UNSIGNED) :])
    header, _, data = body.partition(b"\n")
    text = header.decode()
    for name, value in changes.items():
        if name == "data":
            data = value(data)
        else:
            start = text.index(f'"{name}":')
            end = min(at for at in (text.find(",", start), text.find("}", start)) if at > 0)
            text = f'{text[:start]}"{name}":{value}{text[end:]}'
    return MAGIC + UNSIGNED + zlib.compress(text.encode() + b"\n" + data)


SPOILT = "it is damaged, or no model"
HOSTILE = [
    (b"", "0 bytes are refused: they are no model"),
    (b"SEMD2" + message()[5:], "bytes are refused: they are no model"),
    (bytes(LARGEST + 1), "A model of 4194305 bytes is refused: more than 4194304"),
    (message()[:-1] + bytes([message()[-1] ^ 1]), "its signature is wrong"),
    (MAGIC + PUBLIC + bytes(64) + message()[len(MAGIC + UNSIGNED) :], "its signature is wrong"),
    (message(key=None)[:-20], SPOILT),
    (message(key=None) + b"0", SPOILT),
    (MAGIC + UNSIGNED + zlib.compress(bytes(64 << 20)), SPOILT),
    (forged(bits=7), SPOILT),
    (forged(serial=-1), SPOILT),
    (forged(source='"../../etc/passwd"'), SPOILT),
    (forged(architecture='"os.system"'), "of the architecture 'os.system'; known are aesc-mnist"),
    (forged(z_dims=1_000_000_000), "Z_dims are 1000000000, outside 1 to 256"),
    (forged(z_dims=41), "It has 7441 bytes, where 7505 belong"),
    (forged(data=lambda data: data + b"0"), "It has 7442 bytes, where 7441 belong"),
    (forged(data=lambda data: b"\1\1\1" + data[3:]), "not those that its hash is of"),
    (forged(data=lambda data: data[:-4] + np.float32("nan").tobytes()), "A scale is NaN or infinite"),
    (forged(base='"' + "0" * 64 + '"'), "the difference to the decoder 0000000000000000, which is not here"),
]


@pytest.mark.parametrize(("wrong", "why"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_messages_are_refused_by_name_and_the_old_decoder_stays(wrong: bytes, why: str) -> None:
    library = Library()
    kept = library.accept(message(3, serial=0))
    with pytest.raises(RefusedModel, match=why):
        library.accept(wrong)
    assert library.models() == [kept]


@settings(deadline=None, max_examples=300)
@given(at=st.floats(0, 1), damage=st.binary(min_size=1, max_size=40), inside=st.booleans(), cut=st.booleans())
def test_damaged_messages_are_refused(at: float, damage: bytes, inside: bool, cut: bool) -> None:
    """Damage to what is on air, and to what was deflated, which then still inflates."""
    whole = message(key=None)
    start = len(MAGIC + UNSIGNED)
    body = bytearray(zlib.decompress(whole[start:]) if inside else whole)
    place = int(at * (len(body) - 1))
    before = bytes(body)
    body[place : place + len(damage)] = damage
    if cut:
        body = body[:place]
    if bytes(body) == before:
        return
    sent = whole[:start] + zlib.compress(bytes(body)) if inside else bytes(body)
    try:
        model = Library().accept(sent)
    except RefusedModel:
        return
    assert model.weights.sha256 == weights().sha256  # only what is said about it was damaged


def test_chunks_come_together_in_any_order_and_again() -> None:
    sent = [message(number, serial=number) for number in range(3)]
    every = [chunk for each in sent for chunk in chunks(each, size=500)]
    assert max(map(len, every)) == 500
    order = np.random.default_rng(2).permutation(len(every))
    collector = Collector()
    done = [whole for at in [*order, *order[::-1]] if (whole := collector.add(every[at]))]
    assert sorted(done[:3]) == sorted(sent) and set(done) == set(sent)


def test_wrong_chunks_are_refused_and_memory_is_bounded() -> None:
    collector = Collector()
    first, second, *_ = chunks(message(), size=4000)
    for wrong, why in (
        (b"", "no chunk"),
        (bytes(HEAD_BYTES), "no chunk"),
        (first[:16] + b"\5\0\2\0" + first[20:], "number 5 of 2"),
    ):
        with pytest.raises(CodecError, match=why):
            collector.add(wrong)
    collector.add(first)
    with pytest.raises(CodecError, match="not what its hash is of"):
        collector.add(second[:-1] + bytes([second[-1] ^ 1]))
    for number in range(100):
        collector.add(bytes([number]) + bytes(15) + b"\0\0\xff\xff" + bytes(1000))
    assert len(collector._parts) == Collector.MOST
    with pytest.raises(CodecError, match="more than 4194304 bytes"):
        for number in range(300):
            collector.add(bytes(16) + number.to_bytes(2, "little") + b"\0\5" + bytes(20_000))
    with pytest.raises(CodecError, match="do not go into chunks of 20"):
        list(chunks(message(), size=HEAD_BYTES))


def gradients(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(5 * x) % 256, (3 * y) % 256, (x + y) % 256], axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "size"), [("aesc-mnist", (28, 28)), ("aesc-cifar10", (32, 32)), ("aesc-cifar10", (50, 70))]
)
def test_pictures_go_over_the_link(name: str, size: tuple[int, int]) -> None:
    """And come out as the quantised decoder makes them; the receiving half needs the decoder alone."""
    network = autoencoder(name, z_dims=7)
    codec = AescCodec(network, name="mine")
    pictures = np.stack([gradients(*size), gradients(*size)[::-1]])
    symbols = codec.encode(pictures)
    assert symbols.shape == (2, codec.symbols_for(*size))
    received = AescDecoder(codec.weights)
    assert received.id == codec.id
    seen = received.decode(symbols, Csi.awgn(10, symbols.shape), height=size[0], width=size[1])
    assert seen.shape == pictures.shape
    tile = torch.from_numpy(pictures[:1, : network.side, : network.side].copy()).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        expected = (codec.weights.network()(network.encode(tile) / 255) * 255).round()[0].permute(1, 2, 0)
    assert np.abs(seen[0, : network.side, : network.side] - expected.numpy()).max() <= 1


def test_a_header_that_tells_of_a_huge_picture_is_refused_at_once() -> None:
    codec = AescCodec(autoencoder("aesc-mnist", z_dims=39), name="mine")
    with pytest.raises(CodecError, match="symbols for 8191x8190"):
        codec.decode(np.zeros((1, 100), np.complex64), Csi.awgn(9, (1, 100)), height=8190, width=8191)


def test_more_symbols_make_it_surer() -> None:
    codec = AescCodec(autoencoder("aesc-cifar10", z_dims=7), name="mine")
    picture = gradients(32, 32)[None]
    clean = measure.over_channel(codec, picture, snr_db=30, seed=0)
    assert (measure.over_channel(codec, picture, snr_db=3, seed=0) == clean).all()
    assert (measure.over_channel(codec, picture, snr_db=-2, ratio=float(codec.ratios[1]), seed=0) == clean).all()
    spotted = measure.over_channel(codec, picture, snr_db=-2, seed=0)
    assert (spotted != clean).any() and (spotted != 128).any()  # wrong bytes, and still a picture
    at = [codec.symbols_for(32, 32, ratio=ratio) for ratio in (float(codec.ratios[0]), None, float(codec.ratios[1]))]
    assert at == sorted(set(at))


def test_the_zoo_has_it_as_any_codec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path))
    card = zoo.Card(
        name="digits",
        method="aesc",
        architecture="aesc-mnist",
        arguments={"z_dims": 40},
        ratio="",
        training={},
        results=[],
        weights_sha256="",
    )
    zoo.save(tmp_path / "digits", autoencoder(), card)
    codec = zoo.load_codec("digits")
    assert (codec.name, codec.weights.bits) == ("digits", 8)
    assert zoo.load_by_id(codec.id).weights.sha256 == codec.weights.sha256
    picture = gradients(28, 28)[None]
    assert measure.over_channel(codec, picture, snr_db=10, seed=0).shape == picture.shape
