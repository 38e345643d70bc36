#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom bench``: measurements that print a table and write JSON."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from errors import told_in_a_sentence
from json_file import JsonFile, write_json
from rich.console import Console
from rich.table import Table

app = App(name="semcom bench", help="Measure what is installed here.", version_flags=[])
console = Console(width=None if sys.stdout.isatty() else 110)
Count = Annotated[int, Parameter(validator=Number(gte=1))]


@app.command(name="gap")
def gap_command(
    *,
    codec: str = "deepjscc",
    images: Count = 200,
    images_at_5_db: Count = 1000,
    seed: int = 1,
    json_file: JsonFile = None,
) -> None:
    """What the air interface costs: PSNR through the flowgraph beside the AWGN layer at the same true SNR.

    CIFAR-10 test images; each burst has a carrier offset uniform in +-0.01 rad/sample, a random fractional delay and
    a random phase.  A lost image counts as mid-grey.  Run ./semcom data first.

    Parameters
    ----------
    codec
        A name of the zoo, or a folder.
    images
        Images at each SNR.
    images_at_5_db
        Images at 5 dB, where none may be lost.
    seed
        What noise, offset, delay and phase are drawn from.
    json_file
        Write the figures there.
    """
    from bench_gap import measure_gap

    points = measure_gap(codec=codec, images=images, images_at_5_db=images_at_5_db, seed=seed)
    _report({"points": points}, "points", title=f"{codec}: flowgraph against AWGN layer", json_file=json_file)


@app.command(name="peaks")
def peaks_command(
    *,
    codec: str = "deepjscc",
    pictures: str = "cifar10",
    images: Count = 200,
    seed: int = 1,
    json_file: JsonFile = None,
) -> None:
    """What clipping the transmitter's peaks costs: PSNR through the flowgraph for several limits, at 10 and 20 dB.

    Noise, delay and phase are the same for each limit.

    Parameters
    ----------
    codec
        A name of the zoo, or a folder.
    pictures
        cifar10 (its test images, for which run ./semcom data first), photos (four that come with scikit-image), a file
        or a folder.  Large ones are sent in several fragments of unequal power.
    images
        So many of them at most, for each limit and SNR.
    seed
        What noise, delay and phase are drawn from.
    json_file
        Write the figures there.
    """
    from bench_peaks import measure_peaks

    rows = measure_peaks(codec=codec, pictures=pictures, images=images, seed=seed)
    _report({"rows": rows}, "rows", title=f"{codec}: PSNR under a peak limit, dB", json_file=json_file)


@app.command(name="codec")
def codec_command(
    *,
    codec: str = "deepjscc",
    seconds: Annotated[float, Parameter(validator=Number(gt=0))] = 2.0,
    json_file: JsonFile = None,
) -> None:
    """How fast a codec is: PyTorch eager beside the engine in use, in one run, and one image end to end.

    peak_share is the share of the cores' matrix-multiplication speed, measured in the same run, that the engine's
    convolutions reach.

    Parameters
    ----------
    codec
        A name of the zoo, or a folder.
    seconds
        How long each figure is measured.
    json_file
        Write the figures there.
    """
    from bench_codec import measure_codec

    figures = measure_codec(codec=codec, seconds=seconds)
    end_to_end = figures["end_to_end"]
    _report(figures, "rows", title=f"{codec}: images a second and ms an image, 32x32", json_file=json_file)
    console.print(
        f"One image end to end through the flowgraph: median {end_to_end['ms_median']:.1f} ms, "
        f"90th percentile {end_to_end['ms_p90']:.1f} ms, {end_to_end['images']} images.",
        highlight=False,
    )


@app.command(name="phy")
def phy_command(*, quick: bool = False, picture: Path | None = None, json_file: JsonFile = None) -> None:
    """The burst modem by itself, beside liquid-dsp on the same definitions; 10 minutes, one core.

    Detection, loss, carrier and clock offsets, multipath, false alarms, speed.  What each figure means stands in
    docs/air-interface.md.

    Parameters
    ----------
    quick
        A tenth of the bursts, or less, and a twentieth of the noise: a minute.
    picture
        Draw the figures there, as PNG.
    json_file
        Write the figures there.
    """
    from bench_phy import draw, measure_phy

    with console.status("measuring"):
        figures = measure_phy(quick=quick)
    for part in ("detect", "loss", "presets", "cfo", "clock_ppm", "tdl", "clipping"):
        rows = [{name: value for name, value in row.items() if name != "peers"} for row in figures[part]]
        _report({"rows": rows}, "rows", title=part, json_file=None)
    second, alarms, speed = (figures[part] for part in ("second_detections", "false_alarms", "throughput"))
    rows = [{"modem": "semcom", "noise_msps": speed["noise_msps"], "bursts_msps": speed["bursts_msps"]}]
    for name, noise_msps in speed["peers_noise_msps"].items():
        rows.append({"modem": name, "noise_msps": noise_msps, "bursts_msps": speed["peers_bursts_msps"][name]})
    _report({"rows": rows}, "rows", title="million samples a second, one core", json_file=None)
    console.print(
        f"{alarms['count']} false alarms in {alarms['samples']:,} samples of noise; "
        f"{second['count']} second detections in {second['bursts']:,} bursts at {second['esn0_db']} dB.",
        highlight=False,
    )
    if picture:
        draw(figures, picture)
    if json_file:
        write_json(json_file, figures)


@app.command(name="ldpc")
def ldpc_command(*, words: Count = 500, seed: int = 1, json_file: JsonFile = None) -> None:
    """The LDPC decoder beside those of gr-fec and, where it is installed, Sionna: word errors and speed.

    1,152 bits in 2,304, of IEEE 802.16e and of 5G NR, QPSK, at most 20 iterations, one core; the same received values
    for each.  Sionna: ``pip install --no-deps sionna-no-rt importlib_resources`` into .semcom/venv.

    Parameters
    ----------
    words
        Code words at each SNR.
    seed
        What the noise is drawn from.
    json_file
        Write the figures there.
    """
    from bench_ldpc import measure_ldpc

    rows = measure_ldpc(words=words, seed=seed)
    _report({"rows": rows}, "rows", title="rate 1/2: word errors, ms of a core a word", json_file=json_file)


@app.command(name="radio")
def radio_command(
    *,
    args: Annotated[str, Parameter(name=["--args", "-d"])] = "type=virtual",
    freq: Annotated[float, Parameter(name=["--freq", "-f"])] = 2.45e9,
    tx_gain: float = -1.0,
    rx_gain: float = -1.0,
    profile: Path | None = None,
    rate_msps: Annotated[list[float] | None, Parameter(consume_multiple=True)] = None,
    seconds: Annotated[float, Parameter(validator=Number(gt=0))] = 60.0,
    quick: bool = False,
    codec: str = "deepjscc",
    json_file: JsonFile = None,
) -> None:
    """What a radio and this machine sustain: pictures from one radio to itself at rising sample rates.

    It ends with the first rate at which samples or pictures are lost; the JSON file gets the row of the one before it.
    With real hardware put 30 dB of attenuation or more between the ports TX/RX and RX2.

    Parameters
    ----------
    args
        The device address, as UHD takes it; type=virtual is a simulated radio in this process.
    freq
        Center frequency in Hz.
    tx_gain
        In dB; without it that of the profile, or 40.
    rx_gain
        In dB; without it that of the profile, or 30.
    profile
        What ./semcom hw calibrate wrote.
    rate_msps
        Sample rates to try, in million samples a second; without it 1, 2 and 4, or 1 with --quick.
    seconds
        About so long at each rate.
    quick
        10 seconds in place of 60.
    codec
        A name of the zoo, or a folder.
    json_file
        Write the figures there.
    """
    from bench_radio import best, measure_radio
    from gnuradio.semcom import radio_levels
    from radio import Radio

    levels = radio_levels(profile or "", freq=freq, tx_gain=tx_gain, rx_gain=rx_gain)
    radio = Radio(args=args, freq=freq, **vars(levels))
    rates = rate_msps or ([1.0] if quick else [1.0, 2.0, 4.0])
    with console.status("measuring"):
        rows = measure_radio(radio=radio, codec=codec, rates_msps=rates, seconds=min(seconds, 10) if quick else seconds)
    _report({"rows": rows}, "rows", title=f"{codec}: pictures in real time", json_file=None)
    figures = best(rows)
    if json_file:
        write_json(json_file, figures)


def _report(figures: dict, rows: str, *, title: str, json_file: JsonFile) -> None:
    table = Table(*figures[rows][0], title=title)
    for row in figures[rows]:
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    console.print(table)
    if json_file:
        write_json(json_file, figures)


def main() -> None:
    with told_in_a_sentence():
        app()


if __name__ == "__main__":
    sys.exit(main())
