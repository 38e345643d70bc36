# SPDX-License-Identifier: GPL-3.0-or-later
"""The burst modem beside liquid-dsp: runs phy_bench and draws what it measured."""

import json
import os
import subprocess
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from errors import AppError
from gnuradio.semcom.image_files import whole_file
from matplotlib.axes import Axes
from semcom_models.radio import RadioParameters

PROGRAM = "SEMCOM_PHY_BENCH"
PROFILES = ("tdl_a", "tdl_b", "tdl_c")


def measure_phy(*, quick: bool) -> dict:
    """The figures of phy_bench, as ``gr-semcom/lib/phy/bench/phy_bench.cc`` defines them.

    Raises:
        AppError: the program is not there or failed.
    """
    program = os.environ.get(PROGRAM)
    if not program:
        raise AppError(f"{PROGRAM} does not name the program phy_bench; start this through ./semcom bench phy.")
    command = [program, *(["--quick"] if quick else [])]
    done = subprocess.run(command, input=_profiles(), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise AppError(f"{program} ended with {done.returncode}.")
    return json.loads(done.stdout)


def _profiles() -> str:
    """A line a profile: its name, then delay (in delay spreads) and amplitude of each path."""
    lines = []
    for profile in PROFILES:
        paths = zip(*RadioParameters(samp_rate=1, profile=profile, delay_spread_s=1).paths(), strict=True)
        lines.append(" ".join([profile, *(f"{delay:.6g} {amplitude:.6g}" for delay, amplitude in paths)]))
    return "\n".join(lines)


def draw(figures: dict, path: Path) -> None:
    """Detection, loss, multipath and speed, ours beside theirs, and our peaks, as PNG."""
    figure, axes = plt.subplots(3, 2, figsize=(11, 12), layout="constrained", dpi=100)
    _draw_detection(axes[0, 0], figures["detect"])
    _draw_loss(axes[0, 1], figures["loss"])
    _draw_multipath(axes[1, 0], figures["tdl"])
    _draw_speed(axes[1, 1], figures["throughput"])
    _draw_peaks(axes[2, 0], figures["peaks"])
    _draw_clipping(axes[2, 1], figures["clipping"])
    with whole_file(path) as part:
        figure.savefig(part, format="png")
    plt.close(figure)


def _draw_detection(axes: Axes, points: list[dict]) -> None:
    esn0_db = [point["esn0_db"] for point in points]
    axes.plot(esn0_db, [point["ours"] for point in points], "ko-", label="semcom, offsets to 0.06 rad/sample")
    axes.plot(esn0_db, [point["header"] for point in points], "k.--", label="semcom, header readable")
    for name in points[0]["peers"]:
        axes.plot(esn0_db, [point["peers"][name] for point in points], ".-", label=f"{name}, to 0.01", alpha=0.8)
    axes.set(title="bursts detected", xlabel="Es/N0, dB", ylabel="share")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _draw_loss(axes: Axes, points: list[dict]) -> None:
    esn0_db = [point["esn0_db"] for point in points]
    axes.plot(esn0_db, [point["median_db"] for point in points], "ko-", label="semcom")
    for name in points[0]["peers"]:
        axes.plot(esn0_db, [point["peers"][name] for point in points], ".-", label=name, alpha=0.8)
    axes.set(title="Es/N0 lost, clock off by 20 ppm", xlabel="Es/N0, dB", ylabel="median loss, dB")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _draw_multipath(axes: Axes, points: list[dict]) -> None:
    for profile, marker in zip(PROFILES, "o^s", strict=True):
        for esn0_db, style in ((10, "--"), (20, "-")):
            some = [point for point in points if (point["profile"], point["esn0_db"]) == (profile, esn0_db)]
            axes.plot(
                [point["delay_spread_samples"] for point in some],
                [point["gap_to_perfect_csi_db"] for point in some],
                marker + style,
                label=f"{profile.upper().replace('_', '-')}, {esn0_db} dB",
            )
    axes.set(title="behind zero forcing with the true channel", xlabel="delay spread, samples", ylabel="median gap, dB")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _draw_speed(axes: Axes, throughput: dict) -> None:
    names = ["semcom", *throughput["peers_noise_msps"]]
    noise = [throughput["noise_msps"], *throughput["peers_noise_msps"].values()]
    bursts = [throughput["bursts_msps"], *throughput["peers_bursts_msps"].values()]
    rows = range(len(names))
    for offset, values, label in ((-0.2, noise, "in noise"), (0.2, bursts, "in bursts back to back, 15 dB")):
        bars = axes.barh([row + offset for row in rows], [value or 0 for value in values], height=0.38, label=label)
        axes.bar_label(bars, [f"{value:.3g}" if value else "-" for value in values], padding=3, fontsize=8)
    axes.set_yticks(list(rows), names, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set(title="speed of one core", xlabel="million samples a second", xscale="log")
    axes.legend(fontsize=8)


def _draw_peaks(axes: Axes, cases: list[dict]) -> None:
    names = {"gaussian": "a codec's symbols", "qpsk": "QPSK", "ofdm": "OFDM", "dft_spread": "DFT-spread OFDM"}
    for case, style in zip(cases, ("k-", "k--", "C0-", "C0--"), strict=True):
        label = f"{names[case['symbols']]}, {names[case['waveform']]}"
        points = case["exceeded"]
        axes.plot([point["db"] for point in points], [point["share"] for point in points], style, label=label)
    axes.set(title="peaks of the payload, without a limit", xlabel="dB above mean power", ylabel="share above")
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _draw_clipping(axes: Axes, points: list[dict]) -> None:
    limits_db = [point["peak_limit_db"] for point in points]
    for esn0_db in (10, 20, 30):
        axes.plot(limits_db, [point[f"loss_at_{esn0_db}_db"] for point in points], "o-", label=f"Es/N0 {esn0_db} dB")
    axes.set(title="what a peak limit costs, a codec's symbols", xlabel="peak limit, dB", ylabel="median loss, dB")
    axes.set_ylim(0, 5)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
