# SPDX-License-Identifier: GPL-3.0-or-later
"""The two programs, from what the command line says to the coder in the zoo."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from semcom_models.deepsc_tu import Coder

from semcom_training.config import DeepScTuConfig
from semcom_training.data import DataSet, LabelledImages
from semcom_training.deepsc_tu import DeepScTu
from semcom_training.errors import ConfigError
from semcom_training.loop import fit
from semcom_training.processes import ALONE
from semcom_training.records import begin
from semcom_training.split.air import ReceivingAir, SendingAir, SendsBehind, Simulated
from semcom_training.split.keys import Keys
from semcom_training.split.receiver import Plan, Receiver
from semcom_training.split.sockets import check_address, connected, serve
from semcom_training.split.transmitter import Transmitter
from semcom_training.split.wire import LARGEST, Arguments, pictures_in_a_message
from semcom_training.train import build, check_batch, check_name, save

console = Console(stderr=True, highlight=False, markup=False)


@dataclass(frozen=True, kw_only=True)
class Leading:
    """What a receiver leads: ``command`` is what it was started by, ``folder`` for runs."""

    config: DeepScTuConfig
    command: str
    folder: Path
    zoo_dir: Path
    keys: Keys
    address: str

    def run(self, by_radio: ReceivingAir | None) -> Path:
        """Lead the training until it is over; the folder of the coder.

        Raises:
            ConfigError: the config cannot be built or led, nothing can be bound to the address, or the folder has
                another training.
            CodecError, DataError: its task or its data are not there.
        """
        config = self.config
        check_name(config, self.zoo_dir / config.name)
        check_address(self.address)
        train, held_out = pictures_of(config.data)
        check_batch(config.schedule, images=len(train), world=ALONE)
        run = self.folder / "split" / config.name
        begun = begin(run, config, train, command=self.command, world=ALONE)
        side = held_out.images.shape[-1]
        _check_can_be_led(config, side=side)

        def start() -> DeepScTu:
            _, _, [*before, training] = build(config, side=side)
            for stage in before:
                fit(stage.method(), stage.schedule, train, held_out, seed=config.seed, run=run / stage.name)
            return training.method()

        first = start()
        if config.pretraining:
            _tell_saved(first.trained, config, train)
        receiver = Receiver(
            Plan(
                architecture=config.networks.architecture,
                arguments=config.networks.arguments,
                start=start,
                schedule=config.schedule,
                seed=config.seed,
                folder=run / "receiver",
            ),
            train,
            held_out,
            air=lambda method: by_radio or Simulated(method.link),
            by_radio=by_radio is not None,
            tell=_figures(config, len(train)),
            say=console.print,
        )
        print(f"Waiting for a transmitter at {self.address}.", flush=True)
        serve(
            receiver.answer,
            lambda: receiver.trained is not None,
            address=self.address,
            keys=self.keys,
            say=console.print,
        )
        _, described, _ = build(config, side=side)
        channel = "by radio" if by_radio else config.link.channel.name
        epochs = config.pretraining + config.schedule.epochs
        training = {**begun, "channel": channel, "epochs": epochs}
        save(self.zoo_dir, config, receiver.trained.trained, described, training)
        return self.zoo_dir / config.name


def _check_can_be_led(config: DeepScTuConfig, *, side: int) -> None:
    """Raises ConfigError where a transmitter cannot be told of the coder, or its messages would be too large."""
    try:
        TypeAdapter(Arguments).validate_python(config.networks.arguments, strict=True)
    except ValidationError as error:
        raise ConfigError(
            f"{config.name} has networks.arguments that no transmitter can be told: they are whole numbers to 65535."
        ) from error
    coder, _, _ = build(config, side=side)
    encoder = sum(each.numel() for each in coder.encoder.parameters())
    most = pictures_in_a_message(coder, (side, side))
    if 4 * encoder > LARGEST or config.schedule.batch > most:
        raise ConfigError(
            f"A message has {LARGEST >> 20} MiB at most, and the encoder of {config.name} {encoder} weights, a batch "
            f"{config.schedule.batch} pictures ({most} fit): make either smaller."
        )


def _figures(config: DeepScTuConfig, images: int) -> Callable[[int, dict[str, float]], None]:
    """Prints those of each epoch."""
    steps = images // config.schedule.batch

    def tell(step: int, figures: dict[str, float]) -> None:
        epoch = f"epoch {step // steps}/{config.schedule.epochs}"
        print("  ".join([epoch, *(f"{name} {value:.4g}" for name, value in figures.items())]), flush=True)

    return tell


def _tell_saved(coder: Coder, config: DeepScTuConfig, train: LabelledImages) -> None:
    """How much less goes over the link."""
    cells = math.prod(-(-length // coder.stride) for length in train.images.shape[2:])
    of_a_step = 3 * 8 * config.schedule.batch * cells * coder.symbols_per_cell  # X, dL/dY and Y, complex
    encoder = 4 * sum(each.numel() for each in coder.encoder.parameters())
    whole = config.pretraining * (len(train) // config.schedule.batch) * of_a_step
    print(f"The encoder, {encoder / 1e6:.1f} MB, goes over the link in place of {whole / 1e6:.1f} MB.", flush=True)


@dataclass(frozen=True, kw_only=True)
class Following:
    """What a transmitter has: the data set of its pictures, and a folder for its half."""

    data: DataSet
    folder: Path
    keys: Keys
    address: str

    def run(self, by_radio: SendingAir | None) -> None:
        """Train until the receiver is content.

        Raises:
            WireError: the receiver refused, or asks for what cannot be.
            ConfigError, DataError: the address or the data cannot be used.
        """
        air, began = by_radio or SendsBehind(), time.monotonic()
        transmitter = Transmitter(*pictures_of(self.data), air=air, folder=self.folder, say=console.print)
        columns = TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with (
            connected(self.address, keys=self.keys, say=console.print) as client,
            Progress(*columns, TextColumn("{task.fields[link]}"), console=console, transient=True) as progress,
        ):
            bar = progress.add_task("", total=None, link="")
            for number, each in enumerate(transmitter.run(client), start=1):
                there, back = (count / number / 1e3 for count in (client.sent, client.received))
                waited = client.waited_s / (time.monotonic() - began)
                traffic = f"{there:.0f} kB there and {back:.0f} kB back a batch"
                link = f"{traffic}, {waited:.0%} of the time waiting, SNR {each.snr_db:.1f} dB"
                progress.update(bar, completed=each.step, total=each.steps, link=link)
        print(f"Over: {client.sent / 1e6:.1f} MB there and {client.received / 1e6:.1f} MB back.")


def pictures_of(data: DataSet) -> tuple[LabelledImages, LabelledImages]:
    """Those to train on, and those held out.

    Raises:
        ConfigError: they are cut anew each time, which two sides cannot do alike.
        DataError: they are not there.
    """
    train, held_out = data.load("train"), data.load("held_out")
    if not isinstance(train, LabelledImages):
        raise ConfigError(f"Split training takes pictures of one size, and {data.name} is cut at random.")
    return train, held_out
