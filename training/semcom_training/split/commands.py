# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom split``: receiver-led training between two programs."""

import sys
from pathlib import Path

from cyclopts import App
from semcom_models import zoo

from semcom_training.config import DeepScTuConfig, choose_config, choose_data, command_line
from semcom_training.data import REPOSITORY
from semcom_training.errors import ConfigError
from semcom_training.split import keys as key_files
from semcom_training.split.keys import Keys
from semcom_training.split.programs import Following, Leading
from semcom_training.split.radios import RadioSettings, receiving, sending

ADDRESS = "tcp://127.0.0.1:5555"
FREQ_HZ, SAMP_RATE, TX_GAIN_DB, RX_GAIN_DB = 2.45e9, 1e6, 40.0, 30.0
STOPPED = "semcom: stopped; the same command goes on after the last whole epoch."

app = App(
    name="split",
    help="Train a coder between two programs, of which the transmitter never learns the task (Zhang et al.).",
)


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
    bind: str = ADDRESS,
    config: Path | None = None,
    runs: Path = REPOSITORY / "runs",
    out: Path | None = None,
    radio: str | None = None,
    freq: float = FREQ_HZ,
    samp_rate: float = SAMP_RATE,
    gain: float = RX_GAIN_DB,
) -> None:
    """Lead the training: labels, decoder, channel and task are here.

    It ends when the training is over, with the coder in the zoo.  After an interrupt the same command goes on.
    Examples:

    ./semcom split keys keys; ./semcom split rx deepsc-tu-mnist --keys keys & ./semcom split tx mnist --keys keys

    ./semcom split rx deepsc-tu-mnist name=shipped pretraining=5 --keys keys --bind 'tcp://*:5555'

    Parameters
    ----------
    method
        A config in training/configs whose method is deepsc-tu, such as deepsc-tu-mnist.
    overrides
        key=value, as for ./semcom train.  pretraining=5 trains both halves here for so many epochs first, for the
        pictures alone, and ships the encoder.
    keys
        The folder with receiver.key_secret and transmitter.key (./semcom split keys makes them).
    bind
        Where transmitters connect to; tcp://*:5555 is for those on other machines.
    config
        A config file of your own instead, whose method is METHOD.
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
    by_radio = f" --radio {radio} --freq {freq:g} --samp-rate {samp_rate:g} --gain {gain:g}" if radio else ""
    leading = Leading(
        config=chosen,
        command=command_line(method, file=config, overrides=overrides).replace("train", "split rx", 1) + by_radio,
        folder=runs,
        zoo_dir=out or zoo.zoo_dir(),
        keys=Keys.read(keys, "receiver"),
        address=bind,
    )
    try:
        with receiving(_settings(radio, freq, samp_rate, gain)) as air:
            print(f"Wrote {leading.run(air)}.")
    except KeyboardInterrupt:
        sys.exit(STOPPED)


@app.command(name="tx")
def tx_command(
    data: str,
    /,
    *overrides: str,
    keys: Path,
    connect: str = ADDRESS,
    name: str = "split",
    runs: Path = REPOSITORY / "runs",
    radio: str | None = None,
    freq: float = FREQ_HZ,
    samp_rate: float = SAMP_RATE,
    gain: float = TX_GAIN_DB,
) -> None:
    """Train an encoder as the receiver says; what the pictures are for is not known here.

    It waits for the receiver, and goes on when one of the two was started anew.  Its encoder comes into
    RUNS/NAME/transmitter.  Examples:

    ./semcom split tx mnist --keys keys --connect tcp://lab-b:5555

    ./semcom split tx usps side=28 --keys keys

    Parameters
    ----------
    data
        The kind of the pictures, as [data] of a config has it; the receiver has the same.  Of their labels nothing is
        used.
    overrides
        key=value of [data], such as side=28.
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
    following = Following(
        data=choose_data(data, overrides=overrides),
        folder=runs / name / "transmitter",
        keys=Keys.read(keys, "transmitter"),
        address=connect,
    )
    try:
        with sending(_settings(radio, freq, samp_rate, gain)) as air:
            following.run(air)
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    print(f"Wrote {following.folder / 'encoder.safetensors'}.")


def _settings(args: str | None, freq: float, samp_rate: float, gain: float) -> RadioSettings | None:
    return args and RadioSettings(args=args, freq=freq, samp_rate=samp_rate, gain=gain)
