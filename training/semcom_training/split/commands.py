# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom split``: receiver-led training between two programs."""

import dataclasses
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from semcom_models import zoo
from semcom_models.deepsc_tu import Coder

from semcom_training.config import DeepScTuConfig, choose_config, command_line
from semcom_training.data import DATA_SETS, REPOSITORY, LabelledImages
from semcom_training.deepsc_tu import DeepScTu
from semcom_training.errors import ConfigError
from semcom_training.loop import fit
from semcom_training.processes import ALONE
from semcom_training.records import begin
from semcom_training.split import keys as key_files
from semcom_training.split.air import ReceivingAir, SendingAir, SendsBehind, Simulated
from semcom_training.split.receiver import Plan, Receiver
from semcom_training.split.sockets import connected, serve
from semcom_training.split.transmitter import Transmitter
from semcom_training.train import build, check_name, save

PORT = 5555
FREQ_HZ, SAMP_RATE, TX_GAIN_DB, RX_GAIN_DB = 2.45e9, 1e6, 40.0, 30.0
STOPPED = "semcom: stopped; the same command goes on after the last whole epoch."

app = App(
    name="split",
    help="Train a coder between two programs, of which the transmitter never learns the task (Zhang et al.).",
)
console = Console(stderr=True, highlight=False)


@app.command(name="keys")
def keys_command(folder: Path, /) -> None:
    """Make the keys of a receiver and a transmitter.

    The receiver needs receiver.key_secret and transmitter.key, the transmitter transmitter.key_secret and receiver.key.

    Parameters
    ----------
    folder
        Where to.
    """
    key_files.make(folder)
    print(f"Wrote {folder}: give the transmitter its two files, and nobody a key_secret that is not theirs.")


@app.command(name="rx")
def rx_command(
    method: str,
    /,
    *overrides: str,
    keys: Path,
    bind: str = f"tcp://127.0.0.1:{PORT}",
    config: Path | None = None,
    pretrain: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    runs: Path = REPOSITORY / "runs",
    out: Path | None = None,
    radio: str | None = None,
    freq: float = FREQ_HZ,
    samp_rate: float = SAMP_RATE,
    gain: float = RX_GAIN_DB,
) -> None:
    """Lead the training: labels, decoder, channel and task are here.

    It ends when the training is over, with the coder in the zoo; after an interrupt the same command goes on.  Example:

    ./semcom split keys keys; ./semcom split rx deepsc-tu-mnist --keys keys & ./semcom split tx mnist --keys keys

    Parameters
    ----------
    method
        A config in training/configs whose method is deepsc-tu, such as deepsc-tu-mnist.
    overrides
        key=value, as for ./semcom train.
    keys
        The folder with receiver.key_secret and transmitter.key (./semcom split keys makes them).
    bind
        Where transmitters connect to; tcp://*:5555 is for those on other machines.
    config
        A config file of your own instead, whose method is METHOD.
    pretrain
        Train both halves here for so many epochs first, for the pictures alone, and ship the encoder.
    runs
        Where checkpoints go.
    out
        The zoo that gets the coder; without it, the zoo that codecs are loaded from.
    radio
        Channel inputs come by the radio at this device address, such as type=b200 or type=virtual, and its air is the
        channel; the rest goes over the network as ever.
    freq
        Its center frequency in Hz.
    samp_rate
        Its samples a second.
    gain
        Its gain in dB.
    """
    chosen = choose_config(method, file=config, overrides=overrides)
    if not isinstance(chosen, DeepScTuConfig) or chosen.schedule.shards != 1:
        raise ConfigError(f"Split training is of the method deepsc-tu, in one shard; {method} is not.")
    both, zoo_dir = key_files.Keys.read(keys, "receiver"), out or zoo.zoo_dir()
    check_name(chosen, zoo_dir / chosen.name)
    train, held_out = chosen.data.load("train"), chosen.data.load("held_out")
    run = runs / chosen.name
    command = command_line(method, file=config, overrides=overrides).replace("train", "split rx", 1)
    command += f" --pretrain {pretrain}" * bool(pretrain)
    begun = begin(run, chosen, train, command=command, world=ALONE)
    network, described, _ = build(chosen, side=held_out.images.shape[-1])

    def start() -> DeepScTu:
        _, _, [training] = build(chosen, side=held_out.images.shape[-1])
        made = training.method()
        if pretrain:
            schedule = dataclasses.replace(chosen.schedule, epochs=pretrain)
            weights, made.weights = made.weights, dataclasses.replace(made.weights, tradeoff=1)
            fit(made, schedule, train, held_out, seed=chosen.seed, run=run / "pretraining")
            made.weights = weights
        return made

    plan = Plan(
        architecture=chosen.networks.architecture,
        arguments=chosen.networks.arguments,
        start=start,
        schedule=chosen.schedule,
        seed=chosen.seed,
        folder=run / "receiver",
    )
    if pretrain:
        _tell_saved(start().trained, chosen.schedule.batch, train, epochs=pretrain)
    try:
        with _radio(radio, "receiving", freq=freq, samp_rate=samp_rate, rx_gain=gain) as by_radio:
            air = (lambda made: by_radio) if by_radio else (lambda made: Simulated(made.link))
            receiver = Receiver(plan, train, held_out, air=air, tell=_tell(plan, len(train)))
            print(f"Waiting for a transmitter at {bind}.", flush=True)
            serve(receiver.answer, lambda: receiver.trained is not None, address=bind, keys=both, warn=console.print)
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    save(zoo_dir, chosen, receiver.trained.trained, described, begun, epochs=chosen.schedule.epochs)
    print(f"Wrote {zoo_dir / chosen.name}.")


def _tell(plan: Plan, images: int) -> Callable[[int, dict[str, float]], None]:
    """Prints the figures after each epoch."""
    steps = images // plan.schedule.batch

    def tell(step: int, figures: dict[str, float]) -> None:
        epoch = f"epoch {step // steps}/{plan.schedule.epochs}"
        print("  ".join([epoch, *(f"{name} {value:.4g}" for name, value in figures.items())]), flush=True)

    return tell


@contextmanager
def _radio(args: str | None, end: str, **settings: float) -> Iterator[SendingAir | ReceivingAir | None]:
    """One end of the air by radio, of ``split_radio``, which ./semcom puts on the path; None without an address.

    Raises:
        ConfigError: GNU Radio or our blocks are missing, or the radio does not answer.
    """
    if args is None:
        yield None
        return
    try:
        import split_radio
        from errors import AppError
        from radio import Radio
    except ImportError as error:
        raise ConfigError(f"--radio needs GNU Radio and our blocks ({error}): start it by ./semcom split.") from error
    try:
        with getattr(split_radio, end)(Radio(args=args, **settings)) as air:
            yield air
    except AppError as error:
        raise ConfigError(str(error)) from error


def _tell_saved(coder: Coder, batch: int, train: LabelledImages, *, epochs: int) -> None:
    """How much less goes over the link."""
    cells = math.prod(-(-length // coder.stride) for length in train.images.shape[2:])
    of_a_step = 3 * 8 * batch * cells * coder.symbols_per_cell  # X, dL/dY and Y, complex
    encoder = 4 * sum(each.numel() for each in coder.encoder.parameters())
    whole = epochs * (len(train) // batch) * of_a_step
    print(f"The encoder, {encoder / 1e6:.1f} MB, goes over the link in place of {whole / 1e6:.1f} MB.", flush=True)


@app.command(name="tx")
def tx_command(
    data: Literal[tuple(DATA_SETS)],
    /,
    *,
    keys: Path,
    connect: str = f"tcp://127.0.0.1:{PORT}",
    name: str = "split",
    runs: Path = REPOSITORY / "runs",
    radio: str | None = None,
    freq: float = FREQ_HZ,
    samp_rate: float = SAMP_RATE,
    gain: float = TX_GAIN_DB,
) -> None:
    """Train an encoder as the receiver says; what the pictures are for is not known here.

    It waits for the receiver, and goes on when one of the two was started anew.  Its encoder comes into
    RUNS/NAME/transmitter.  Example:

    ./semcom split tx mnist --keys keys --connect tcp://lab-b:5555

    Parameters
    ----------
    data
        The pictures, which the receiver has too; their labels are not looked at.
    keys
        The folder with transmitter.key_secret and receiver.key.
    connect
        The receiver.
    name
        Of this training here.
    runs
        Where checkpoints go.
    radio
        Channel inputs go by the radio at this device address, such as type=b200 or type=virtual.
    freq
        Its center frequency in Hz.  Send only where you may.
    samp_rate
        Its samples a second.
    gain
        Its gain in dB.
    """
    both, pictures = key_files.Keys.read(keys, "transmitter"), DATA_SETS[data]()
    train, held_out = pictures.load("train"), pictures.load("held_out")
    columns = TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    try:
        with (
            _radio(radio, "sending", freq=freq, samp_rate=samp_rate, tx_gain=gain) as by_radio,
            connected(connect, keys=both, warn=console.print) as client,
            Progress(*columns, TextColumn("{task.fields[link]}"), console=console, transient=True) as progress,
        ):
            air, folder = by_radio or SendsBehind(), runs / name / "transmitter"
            transmitter = Transmitter(train, held_out, air=air, folder=folder)
            bar, began = progress.add_task("", total=None, link=""), time.monotonic()
            for number, each in enumerate(transmitter.run(client), start=1):
                waited = client.waited_s / (time.monotonic() - began)
                there, back = (count / number / 1e3 for count in (client.sent, client.received))
                traffic = f"{there:.0f} kB there and {back:.0f} kB back a batch"
                link = f"{traffic}, {waited:.0%} of the time waiting, SNR {each.snr_db:.1f} dB"
                progress.update(bar, completed=each.step, total=each.steps, link=link)
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    print(f"Over: {client.sent / 1e6:.1f} MB there and {client.received / 1e6:.1f} MB back.")
    print(f"Wrote {transmitter.folder / 'encoder.safetensors'}.")
