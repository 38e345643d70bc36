# SPDX-License-Identifier: GPL-3.0-or-later
"""From noise to full level: what is detected, how good it is, and how it compares with the simulated channel."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from bench_gap import psnr_gap
from bench_radio import Sent, count_mixed, photo_pieces, send
from gnuradio.semcom.image_files import ImageError, find_pictures
from hw_report import Report, Section
from matplotlib.axes import Axes
from numpy.typing import NDArray
from semcom_models import measure
from semcom_models.codec import Codec
from semcom_models.downstream import CIFAR10_CLASSES
from semcom_models.judge import Judge
from semcom_training.data import cifar10
from wiring import Wiring

STEP_DB = 5.0
STEPS, QUICK_STEPS = 7, 4
PICTURES, QUICK_PICTURES = 500, 60
PROBE = 8  # pictures
SURE_DB = 3.0  # nothing may be lost above this SNR
LEAST_SPREAD = 27.0  # standard deviation of a picture's pixels; 19 of 20 in CIFAR-10 have more
GAP_DB = {True: 0.3, False: 0.5}  # of a virtual radio, and of a real one
ACCURACY_GAP = 0.02
SIGMAS = 3.0
CFO_WANDER_HZ = 350.0  # of a radio against itself, or of two while the test runs
SECOND_CFO_HZ, SECOND_CLOCK_PPM = 350.0, 2.0


@dataclass(frozen=True)
class Level:
    """What came at one transmit gain; ``told_db`` is the SNR that the pictures were encoded for."""

    tx_gain: float
    told_db: float
    sent: Sent

    @property
    def snr_db(self) -> float:
        """Es/N0 as the receiver estimated it: the mean over the pictures of the power of the noise."""
        return mean_snr_db(self.sent)


@dataclass(frozen=True)
class Pictures:
    """uint8 [N, 32, 32, 3], and the class of each, by its bytes, where they have some."""

    pixels: NDArray[np.uint8]
    classes: dict[bytes, str] | None


@pytest.fixture(scope="module")
def pictures(quick: bool) -> Pictures:
    """Test images of CIFAR-10 where they are there, or else pieces of photographs that are not flatter.

    In a flat picture the codec averages the noise away, but not an error of the channel estimate, which is common to
    all symbols of a burst: its PSNR is below that of the AWGN layer, which has no such error.
    """
    count = QUICK_PICTURES if quick else PICTURES
    try:
        find_pictures("cifar10")
    except ImageError:
        pieces = photo_pieces()
        lively = pieces[pieces.reshape(len(pieces), -1, 3).std(1).mean(1) > LEAST_SPREAD]
        return Pictures(lively[np.random.default_rng(1).permutation(len(lively))[:count]], None)
    test = cifar10("test")
    pixels = test.images[:count].permute(0, 2, 3, 1).contiguous().numpy()
    names = [CIFAR10_CLASSES[number] for number in test.labels[:count].tolist()]
    return Pictures(pixels, {each.tobytes(): name for each, name in zip(pixels, names, strict=True)})


@pytest.fixture(scope="module")
def levels(wiring: Wiring, codec: Codec, pictures: Pictures, quick: bool) -> list[Level]:
    """Rising to the gain that was asked for."""
    steps = QUICK_STEPS if quick else STEPS
    gains = [wiring.levels.tx_gain - STEP_DB * step for step in reversed(range(steps))]
    return [_level(wiring, codec, pictures.pixels, gain) for gain in gains if gain >= 0]


def _level(wiring: Wiring, codec: Codec, pixels: NDArray[np.uint8], tx_gain: float) -> Level:
    """A few pictures tell the SNR, which the others are encoded for."""
    radio = wiring.radio(tx_gain=tx_gain)
    probe = send(pixels[:PROBE], radio=radio, codec=codec)
    if probe.received:
        radio = replace(radio, snr_db=mean_snr_db(probe))
    return Level(tx_gain, radio.snr_db, send(pixels, radio=radio, codec=codec))


def mean_snr_db(sent: Sent) -> float:
    """NaN where nothing was received."""
    noise = [10 ** (-each.reception.snr_db / 10) for each in sent.received]
    return -10 * math.log10(np.mean(noise)) if noise else math.nan


def mean_cfo_hz(sent: Sent) -> float:
    """NaN where nothing was received."""
    return float(np.mean([each.reception.cfo_hz for each in sent.received])) if sent.received else math.nan


def test_levels_follow_the_gain_and_nothing_is_lost_above_the_noise(levels: list[Level], section: Section) -> None:
    """Detection, SNR (Es/N0 as the receiver estimates it), carrier offset and loss at rising TX gains.  Where the SNR
    is above 3 dB every picture comes; the SNR rises with the gain, and the carrier offset does not change with it."""
    rows = [
        {"TX gain, dB": level.tx_gain, "sent": len(level.sent.deliveries), "received": len(level.sent.received)}
        | {"bad headers": level.sent.headers_failed, "drops (U, O, L)": level.sent.drops}
        | {"SNR, dB": level.snr_db, "CFO, Hz": mean_cfo_hz(level.sent)}
        for level in levels
    ]
    section.table(rows)

    def draw(axes: Axes) -> None:
        gains = [level.tx_gain for level in levels]
        axes.plot(gains, [level.snr_db for level in levels], "o-", label="SNR")
        axes.set(xlabel="TX gain, dB", ylabel="estimated Es/N0, dB")
        lost = axes.twinx()
        lost.plot(gains, [100 * level.sent.lost / len(level.sent.deliveries) for level in levels], "C3s--")
        lost.set_ylabel("pictures lost, %", color="C3")
        lost.set_ylim(-3, 103)

    section.plot(draw, alt="SNR and loss against TX gain")
    heard = [level for level in levels if level.sent.received]
    assert heard, "no picture came at any gain: are the ports connected, and is --attenuation-db right?"
    assert heard[-1] is levels[-1]
    for level in heard:
        assert level.snr_db < SURE_DB or level.sent.lost == 0
    for one, other in zip(heard, heard[1:], strict=False):
        assert -0.5 < other.snr_db - one.snr_db < STEP_DB + 1.5
    cfo_hz = [mean_cfo_hz(level.sent) for level in heard]
    assert np.ptp(cfo_hz) < CFO_WANDER_HZ


def test_pictures_are_as_good_as_over_the_simulated_channel(
    wiring: Wiring, codec: Codec, levels: list[Level], pictures: Pictures, section: Section
) -> None:
    """PSNR of the received pictures beside that of the same codec over the AWGN layer at the SNR that the receiver
    estimated, told to the encoder too: the gap is the mean over the pictures of the difference in dB."""
    section.note(
        "Pictures: test images of CIFAR-10." if pictures.classes else "Pictures: pieces of photographs, 32x32 pixels."
    )
    whole = [level for level in levels if level.sent.received and not level.sent.lost]
    assert whole, "at no gain did all pictures come"
    rows = [_compared(codec, level, pictures.classes) for level in whole]
    section.table(rows)
    section.plot(lambda axes: _draw(axes, rows), alt="PSNR on air and simulated")
    for row in rows:
        assert abs(row["gap, dB"]) < GAP_DB[wiring.virtual] + SIGMAS * row["its standard error"]
        if pictures.classes:
            assert abs(row["accuracy gap, %"]) < 100 * ACCURACY_GAP + SIGMAS * row["standard error, %"]


def _compared(codec: Codec, level: Level, classes: dict[bytes, str] | None) -> dict:
    sent, on_air = (np.stack([getattr(each, name) for each in level.sent.received]) for name in ("sent", "received"))
    layer = measure.over_channel(codec, sent, snr_db=level.snr_db, seed=1)
    gap = psnr_gap(sent, layer=layer, over_air=on_air)
    row = {
        "TX gain, dB": level.tx_gain,
        "SNR, dB": level.snr_db,
        "PSNR on air, dB": gap["psnr_air_db"],
        "PSNR simulated, dB": gap["psnr_layer_db"],
        "gap, dB": gap["gap_db"],
        "its standard error": gap["gap_se_db"],
    }
    return row | (_accuracies(on_air, layer, [classes[each.tobytes()] for each in sent]) if classes else {})


def _accuracies(on_air: NDArray[np.uint8], layer: NDArray[np.uint8], classes: list[str]) -> dict:
    """In percent, with the standard error of the difference, which is of pairs."""
    judge = Judge()
    right, expected = (np.equal(judge.names(list(pixels)), classes) for pixels in (on_air, layer))
    difference = expected.astype(float) - right
    return {
        "accuracy on air, %": 100 * float(right.mean()),
        "accuracy simulated, %": 100 * float(expected.mean()),
        "accuracy gap, %": 100 * float(difference.mean()),
        "standard error, %": 100 * float(difference.std(ddof=1)) / len(classes) ** 0.5,
    }


def _draw(axes: Axes, rows: list[dict]) -> None:
    snr_db = [row["SNR, dB"] for row in rows]
    axes.plot(snr_db, [row["PSNR on air, dB"] for row in rows], "o-", label="on air")
    axes.plot(snr_db, [row["PSNR simulated, dB"] for row in rows], "s--", label="simulated at that SNR")
    axes.set(xlabel="estimated Es/N0, dB", ylabel="PSNR, dB")
    axes.legend(loc="upper left")
    gap, errors = axes.twinx(), [row["its standard error"] for row in rows]
    gap.errorbar(snr_db, [row["gap, dB"] for row in rows], yerr=errors, fmt="C3^:", capsize=3)
    gap.set_ylabel("gap with its standard error, dB", color="C3")
    gap.set_ylim(-1, 1)


def test_two_radios(report: Report, wiring: Wiring, codec: Codec, section: Section) -> None:
    """Transmitter and receiver are separate devices with clocks of their own: nothing is lost or mixed up.  One
    virtual USRP is given a second one, whose carrier offset must be measured as it was set."""
    radio = wiring.radio()
    if wiring.rx_args is None and not wiring.virtual:
        pytest.skip("there is one radio; --rx-args names a second one, which receives")
    if wiring.rx_args is None:
        second = f"{radio.args},serial=VIRTUAL1,cfo_hz={SECOND_CFO_HZ:g},clock_ppm={SECOND_CLOCK_PPM:g}"
        radio = replace(radio, rx_args=second)
        section.note(f"The second virtual USRP: {second}")
    sent = send(photo_pieces()[:PROBE], radio=radio, codec=codec)
    serials = [end.get_usrp_info(0)["mboard_serial"] for end in (radio.sink, radio.source)]
    mixed = count_mixed(sent.received)
    section.table(
        [
            {"transmitter": serials[0], "receiver": serials[1], "sent": len(sent.deliveries)}
            | {"received": len(sent.received), "mixed up": mixed}
            | {"SNR, dB": mean_snr_db(sent), "CFO, Hz": mean_cfo_hz(sent)}
        ]
    )
    assert serials[0] != serials[1]
    assert (sent.lost, mixed) == (0, 0)
    if wiring.rx_args is None:
        assert mean_cfo_hz(sent) == pytest.approx(SECOND_CFO_HZ, abs=30)
