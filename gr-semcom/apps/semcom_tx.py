#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom tx``: pictures to a radio, by the flowgraph semcc_tx.grc."""

import sys
import threading
import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from errors import AppError, told_in_a_sentence
from gnuradio import gr
from ratio import number
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

TICK_S = 0.1
AIR_S = 10.0  # the last burst is sent so long after it was made, or never

app = App(name="semcom tx", version_flags=[])
console = Console(stderr=True)


@app.default
def tx(
    *,
    args: Annotated[str | None, Parameter(name=["--args", "-d"])] = None,
    freq: Annotated[float | None, Parameter(name=["--freq", "-f"])] = None,
    samp_rate: Annotated[float | None, Parameter(name=["--samp-rate", "-r"])] = None,
    tx_gain: Annotated[float | None, Parameter(name=["--tx-gain", "-g"])] = None,
    tx_antenna: str | None = None,
    amplitude: Annotated[float | None, Parameter(name=["--amplitude", "-a"])] = None,
    peak_limit_db: Annotated[float | None, Parameter(validator=Number(gte=3))] = None,
    profile: Path | None = None,
    codec: Annotated[str | None, Parameter(name=["--codec", "-c"])] = None,
    adapter: str | None = None,
    ratio: str | None = None,
    snr_db: float | None = None,
    images: Annotated[str | None, Parameter(name=["--images", "-i"])] = None,
    period_s: float | None = None,
    repeat: bool = False,
    with_decoder: bool = False,
    decoder_every: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    serial: Annotated[int | None, Parameter(validator=Number(gte=0, lt=2**53))] = None,
    key: Path | None = None,
    decoder_base: str | None = None,
) -> None:
    """Send pictures by a radio: the flowgraph flowgraphs/semcc_tx.grc, which has the defaults, without a window.

    Examples:

    ./semcom tx -d type=b200 -f 915e6 -g 50 -i ~/Pictures --ratio 1/12

    ./semcom tx -d type=b200 -c aesc-mnist -i mnist --with-decoder --key key.pem

    Parameters
    ----------
    args
        The device address, as UHD takes it: type=b200, serial=..., type=virtual.
    freq
        Center frequency in Hz.  Send only where you may.
    samp_rate
        Samples a second.
    tx_gain
        In dB.  Over a cable put 30 dB of attenuation or more between the two ports.
    tx_antenna
        TX/RX, say.
    amplitude
        Peaks are 5.07 times that, with the usual limit: keep them below 1.
    peak_limit_db
        Samples are clipped so far above the mean power of a picture; 15 without it.  A lower one allows a higher
        amplitude; ./semcom bench peaks tells what it costs.
    profile
        What ./semcom hw calibrate wrote: gives the gain and the amplitude that are not given here.
    codec
        A name of the zoo (models/zoo), or a folder with card.json and weights.safetensors; or several names with commas
        between, aesc-mnist,deepjscc: each picture goes by the one that was trained on its kind.
    adapter
        A generator of the zoo, or a folder, that makes the pictures like those that the codec was trained on.
    ratio
        Bandwidth ratio k/n, such as 1/24; without it the codec's usual one, 1/6 or the nearest it has.
    snr_db
        Es/N0 in dB to encode for.
    images
        photos (four that come with scikit-image), cifar10 or mnist (test images), a file or a folder.
    period_s
        Seconds between two pictures at least.
    repeat
        Begin again after the last picture, until Ctrl-C.
    with_decoder
        Send the decoder ahead of the pictures, for receivers that have it not: of codecs of AESC-I.
    decoder_every
        Send it again after so many pictures; 0: once.
    serial
        A receiver takes another decoder of the same name only if its number is higher.
    key
        Sign it with this Ed25519 key, a PEM file (openssl genpkey -algorithm ed25519 -out key.pem).
    decoder_base
        A codec whose decoder the receivers have, by an earlier sending or in their zoo: send the difference to that.
    """
    from radio import make, running

    if not with_decoder and (decoder_every is not None or serial is not None or key or decoder_base):
        raise AppError(
            "--decoder-every, --serial, --key and --decoder-base are about a decoder that is sent: "
            "give --with-decoder too."
        )
    flowgraph = make(
        "semcc_tx",
        args=args,
        freq=freq,
        samp_rate=samp_rate,
        tx_gain=tx_gain,
        tx_antenna=tx_antenna,
        amplitude=amplitude,
        peak_limit_db=peak_limit_db,
        profile=profile and str(profile),
        codec=codec,
        adapter=adapter,
        ratio=number(ratio),
        snr_db=snr_db,
        images=images,
        period_s=period_s,
        repeat=repeat,
        with_decoder=with_decoder,
        decoder_every=decoder_every,
        serial=serial,
        key=key and str(key),
        decoder_base=decoder_base,
    )
    try:
        with running(flowgraph) as ended:
            _follow(flowgraph, ended)
    except KeyboardInterrupt:
        console.print("Stopped.")
    counts = flowgraph.radio_monitor.counts()
    decoders = f", {flowgraph.model_sender.sent()} times the decoder" if with_decoder else ""
    console.print(f"{_pictures(flowgraph)} pictures sent{decoders}; {counts}.", highlight=False, soft_wrap=True)


def _follow(flowgraph: gr.top_block, ended: threading.Event) -> None:
    """Until all is on air.

    Raises:
        AppError: the radio stopped working, or never sent what it got.
    """
    from radio import STOPPED

    source, transmitter, monitor = flowgraph.image_source, flowgraph.burst_transmitter, flowgraph.radio_monitor
    columns = TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[radio]}")
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None if flowgraph.repeat else source.pictures(), radio="")
        quiet_since = time.monotonic()
        before = -1
        while not (source.done() and _on_air(flowgraph)):
            if ended.wait(TICK_S):
                raise AppError(STOPPED)
            counts = monitor.counts()
            progress.update(task, completed=_pictures(flowgraph), radio=f"{counts.drops} drops" if counts.drops else "")
            if counts.bursts != before or _on_air(flowgraph):
                before, quiet_since = counts.bursts, time.monotonic()
            if time.monotonic() - quiet_since > AIR_S:
                missing = transmitter.frames() - counts.bursts
                raise AppError(f"The radio did not report {missing} of {transmitter.frames()} bursts as sent.")


def _pictures(flowgraph: gr.top_block) -> int:
    """How many went on air; to the transmitter the chunks of a decoder are pictures too."""
    return max(0, flowgraph.burst_transmitter.images() - flowgraph.model_sender.chunks())


def _on_air(flowgraph: gr.top_block) -> bool:
    """Whether the radio has reported every burst as sent."""
    return flowgraph.radio_monitor.counts().bursts >= flowgraph.burst_transmitter.frames()


if __name__ == "__main__":
    with told_in_a_sentence():
        sys.exit(app())
