# SPDX-License-Identifier: GPL-3.0-or-later
"""The digital link against theory, against the standards' own structure, and against Sionna's output."""

import hashlib
import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from semcom_models.digital import wimax
from semcom_models.digital.announced import AnnouncedLink
from semcom_models.digital.link import DigitalLink, Scheme
from semcom_models.digital.nr import NrCode
from semcom_models.digital.qam import MODULATIONS, Qam
from semcom_models.digital.qc_ldpc import QcLdpc
from semcom_models.errors import CodecError
from torch import Tensor

# The start of SHA-256 of what Sionna 2.2.0's LDPC5GEncoder(k, n) makes of the bits of SHAKE-128 over "k n", packed.
OF_SIONNA = {
    (16, 32): "12b3773a64a44d4d",
    (100, 200): "cbb387a914283f65",
    (200, 1000): "cd64ea66ef475fae",
    (600, 900): "b39976b392078af1",
    (1152, 2304): "eb13dd6988560689",
    (3900, 5000): "ea98bb8d3da29248",
    (8000, 10000): "52613391c59553aa",
    (8448, 25344): "0c9f75c31eca3cc1",
}
SCHEMES = st.one_of(
    st.builds(
        Scheme,
        modulation=st.sampled_from(sorted(MODULATIONS)),
        rate=st.sampled_from(rates),
        code=st.just(code),
    )
    for code, rates in (("nr", [Fraction(1, 5), Fraction(1, 3), Fraction(3, 4)]), ("802.16e", wimax.RATES))
)


def bits_of(message: str, count: int) -> np.ndarray:
    digest = hashlib.shake_128(message.encode()).digest(-(-count // 8))
    return np.unpackbits(np.frombuffer(digest, np.uint8))[:count]


def noise(shape: tuple[int, ...], noise_var: float, seed: int) -> np.ndarray:
    parts = np.random.default_rng(seed).normal(scale=math.sqrt(noise_var / 2), size=(*shape, 2))
    return parts.astype(np.float32).view(np.complex64)[..., 0]


def received_llr(bits: Tensor, esn0_db: float, seed: int = 0) -> Tensor:
    """Of QPSK."""
    noise_var = 10 ** (-esn0_db / 10)
    sent = Qam(2).modulate(bits)
    return Qam(2).demodulate(
        sent + torch.from_numpy(noise(sent.shape, noise_var, seed)), torch.full(sent.shape, noise_var)
    )


def block_errors(code: QcLdpc | NrCode, esn0_db: float, blocks: int) -> float:
    bits = torch.from_numpy(np.stack([bits_of(f"{block}", code.k) for block in range(blocks)]))
    decoded, held = code.decode(received_llr(code.encode(bits), esn0_db))
    wrong = (decoded != bits).any(1)
    assert (wrong | held).all()  # what is right holds all checks
    return wrong.float().mean().item()


def theoretical_bit_errors(bits: int, esn0_db: float) -> float:
    """Of Gray labels: each level's chances to be taken for another one, times the bits in which they differ."""
    count = 2 ** (bits // 2)
    levels = (2 * np.arange(count) - count + 1) / math.sqrt(2 * (count**2 - 1) / 3)
    deviation = math.sqrt(10 ** (-esn0_db / 10) / 2)
    edges = [-math.inf, *(levels[:-1] + levels[1:]) / 2, math.inf]
    differ = [[bin((a ^ a >> 1) ^ (b ^ b >> 1)).count("1") for b in range(count)] for a in range(count)]
    chance = [
        [
            (math.erf((high - x) / deviation / 2**0.5) - math.erf((low - x) / deviation / 2**0.5)) / 2
            for low, high in pairwise(edges)
        ]
        for x in levels
    ]
    return float((np.array(differ) * chance).sum() / count / (bits / 2))


@pytest.mark.parametrize("qam", MODULATIONS.values(), ids=MODULATIONS)
def test_uncoded_bits_err_as_often_as_theory_says(qam: Qam) -> None:
    for esn0_db in (5, 12, 20):
        expected, count = theoretical_bit_errors(qam.bits, esn0_db), 240_000
        bits = torch.from_numpy(bits_of("uncoded", count)[None])
        sent, noise_var = qam.modulate(bits), 10 ** (-esn0_db / 10)
        received = sent + torch.from_numpy(noise(sent.shape, noise_var, 1))
        wrong = ((qam.demodulate(received, torch.full(sent.shape, noise_var)) < 0) != bits.bool()).sum().item()
        assert abs(wrong - expected * count) <= 4 * math.sqrt(qam.bits * expected * count) + 1


@pytest.mark.parametrize("qam", MODULATIONS.values(), ids=MODULATIONS)
def test_an_llr_is_the_logarithm_of_the_odds(qam: Qam) -> None:
    """As often as it says bits are 0, they are; and of an erasure nothing is known."""
    bits = torch.from_numpy(bits_of("odds", 240_000)[None])
    sent, noise_var = qam.modulate(bits), 0.1
    assert sent.abs().square().mean().item() == pytest.approx(1, abs=0.01)
    llr = qam.demodulate(sent + torch.from_numpy(noise(sent.shape, noise_var, 2)), torch.full(sent.shape, noise_var))
    for low in (-3, -1, 0, 2):
        there = (llr >= low) & (llr < low + 1)
        expected = torch.sigmoid(llr[there]).mean().item()
        assert 1 - bits[there].float().mean().item() == pytest.approx(expected, abs=4 / math.sqrt(there.sum()))
    assert not qam.demodulate(sent, torch.full(sent.shape, math.inf)).any()


@pytest.mark.parametrize(("k", "n"), OF_SIONNA)
def test_5g_code_words_are_those_of_sionna(k: int, n: int) -> None:
    word = NrCode(k, n).encode(torch.from_numpy(bits_of(f"{k} {n}", k)[None]))
    assert hashlib.sha256(np.packbits(word.numpy()).tobytes()).hexdigest()[:16] == OF_SIONNA[k, n]


@pytest.mark.parametrize("rate", wimax.RATES, ids=str)
def test_802_16e_code_words_hold_every_check(rate: Fraction) -> None:
    """The checks written out, from the base matrix alone."""
    code = wimax.code(rate)
    assert (code.n, Fraction(code.k, code.n)) == (2304, rate)
    words = code.encode(torch.from_numpy(np.stack([bits_of(f"{block}", code.k) for block in range(8)]))).numpy()
    for row in code._base:
        total = sum(np.roll(words[:, c * 96 : (c + 1) * 96], -s, axis=1) for c, s in enumerate(row) if s >= 0)
        assert not (total % 2).any()


@pytest.mark.parametrize(
    ("rate", "none_db", "all_db"),
    [(Fraction(1, 2), 0.19, 2.0), (Fraction(2, 3), 2.31, 4.0), (Fraction(3, 4), 3.38, 5.0)],
    ids=str,
)
def test_802_16e_works_where_it_should(rate: Fraction, none_db: float, all_db: float) -> None:
    """Below the capacity of QPSK no code can; 1.6 to 1.8 dB above it this one does."""
    assert block_errors(wimax.code(rate), none_db, 30) > 0.9
    assert block_errors(wimax.code(rate), all_db, 100) == 0


@pytest.mark.parametrize(
    ("k", "n", "none_db", "most_db"),
    [(1152, 2304, 0.19, 2.0), (100, 200, -1.5, 4.5), (500, 1500, -2.5, -0.2), (4000, 6000, 2.31, 3.6)],
)
def test_5g_codes_work_where_they_should(k: int, n: int, none_db: float, most_db: float) -> None:
    """As above; short blocks need more and fail more gently."""
    assert block_errors(NrCode(k, n), none_db, 30) > 0.9
    assert block_errors(NrCode(k, n), most_db, 60) <= 0.05


@pytest.mark.parametrize("code", [wimax.code(Fraction(1, 2)), NrCode(300, 560)], ids=["802.16e", "nr"])
def test_a_block_is_decoded_alone_as_in_a_batch(code: QcLdpc | NrCode) -> None:
    words = code.encode(torch.from_numpy(np.stack([bits_of(f"{block}", code.k) for block in range(12)])))
    llr = received_llr(words, 1.3)
    together = code.decode(llr)
    alone = [code.decode(one[None]) for one in llr]
    assert torch.equal(together[0], torch.cat([bits for bits, _ in alone]))
    assert torch.equal(together[1], torch.cat([held for _, held in alone]))
    assert 0 < together[1].sum() < 12


def test_codes_that_cannot_be_are_refused() -> None:
    for k, n in ((11, 100), (9000, 20000), (4000, 20000), (100, 101)):
        with pytest.raises(ValueError, match="carries 12 to 8,448 bits"):
            NrCode(k, n)
    base = np.array([[0, 0, -1, 0], [1, 1, 0, -1], [2, -1, 2, 0]])
    with pytest.raises(ValueError, match="dual-diagonal"):
        QcLdpc(base, lifting=4, core=3)
    with pytest.raises(ValueError, match="not 3"):
        Qam(3)


@settings(deadline=None, max_examples=25)
@given(scheme=SCHEMES, symbols=st.integers(300, 12_000), data=st.data())
def test_payloads_come_back(scheme: Scheme, symbols: int, data: st.DataObject) -> None:
    try:
        link = DigitalLink(symbols, scheme)
    except CodecError as error:
        assert scheme.code == "802.16e" and symbols * scheme.qam.bits < 2304, error
        return
    payloads = data.draw(st.lists(st.binary(max_size=link.payload_bytes), min_size=1, max_size=3))
    sent = link.send(payloads)
    assert sent.shape == (len(payloads), symbols) and sent.dtype == np.complex64
    assert link.receive(sent, np.full(sent.shape, 1e-3, np.float32)) == payloads


def test_the_largest_payload_fits_and_a_larger_one_is_refused() -> None:
    link = DigitalLink(1000, Scheme("16qam", Fraction(1, 2)))
    assert link.payload_bytes == 247  # 2,000 bits are 250 bytes, less a CRC-16 and the end mark
    full = bytes(range(247))
    assert link.receive(link.send([full]), np.full((1, 1000), 1e-3, np.float32)) == [full]
    with pytest.raises(CodecError, match="248 bytes are too many: 247 fit"):
        link.send([bytes(248)])


def test_zeros_are_sent_with_the_power_of_anything_else() -> None:
    for modulation in MODULATIONS:
        link = DigitalLink(20_000, Scheme(modulation, Fraction(1, 2)))
        assert np.mean(np.abs(link.send([b""])) ** 2) == pytest.approx(1, abs=0.02)


def test_whatever_quarter_is_lost_the_scheme_is_told() -> None:
    link, scheme = AnnouncedLink(2000), Scheme("qpsk", Fraction(1, 3))
    payload = bits_of("payload", link.payload_bytes(scheme)).tobytes()
    sent = link.send([payload], scheme)
    for start in range(0, 2000, 500):
        noise_var = np.full(sent.shape, 0.05, np.float32)
        noise_var[:, start : start + 500] = np.inf
        assert link.receive(sent, noise_var) == [payload]


def test_lost_bursts_are_made_good_and_noise_alone_is_no_payload() -> None:
    link = DigitalLink(16_000, Scheme("qpsk", Fraction(1, 2)))
    payload = bits_of("payload", link.payload_bytes).tobytes()
    assert link._blocks > 1
    sent = link.send([payload])
    noise_var = np.full(sent.shape, 0.1, np.float32)
    received = sent + noise(sent.shape, 0.1, 3)
    received[:, 4000:8000], noise_var[:, 4000:8000] = 0, np.inf  # a quarter, in one piece
    assert link.receive(received, noise_var) == [payload]
    assert link.receive(noise(sent.shape, 1, 4), np.ones(sent.shape, np.float32)) == [None]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"modulation": "8psk"}, "no modulation '8psk'; there are qpsk, 16qam, 64qam, 256qam"),
        ({"rate": Fraction(5, 6), "code": "802.16e"}, "802.16e has the rates 1/2, 2/3, 3/4, not 5/6"),
        ({"rate": Fraction(1, 6)}, "neither nr at 1/5 to 9/10"),
        ({"code": "turbo"}, "neither nr"),
    ],
)
def test_schemes_that_are_not_there_are_refused(wrong: dict, sentence: str) -> None:
    with pytest.raises(CodecError, match=sentence):
        Scheme(**{"modulation": "qpsk", "rate": Fraction(1, 2)} | wrong)


def test_too_few_symbols_are_refused() -> None:
    for symbols, code in ((30, "nr"), (1151, "802.16e")):
        with pytest.raises(CodecError, match=f"{symbols} symbols are too few for a block"):
            DigitalLink(symbols, Scheme("qpsk", Fraction(1, 2), code))
