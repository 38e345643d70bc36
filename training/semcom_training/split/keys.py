# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of the link between two programs: ZeroMQ's CURVE, by which each knows the other and nobody else reads."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import zmq.auth
from zmq.utils import z85

from semcom_training.errors import ConfigError

Side = Literal["receiver", "transmitter"]
Z85_LENGTH = 40
MADE_BY = "./semcom split keys FOLDER makes them"


@dataclass(frozen=True)
class Keys:
    """One side's pair, and the public half of the other's; all in Z85."""

    public: bytes
    secret: bytes
    other: bytes

    @classmethod
    def read(cls, folder: Path, side: Side) -> "Keys":
        """From ``receiver.key_secret`` and ``transmitter.key``, or the other way round.

        Raises:
            ConfigError: they are not there, or no keys.
        """
        other = "transmitter" if side == "receiver" else "receiver"
        own, theirs = folder / f"{side}.key_secret", folder / f"{other}.key"
        try:
            public, secret = zmq.auth.load_certificate(own)
            known, _ = zmq.auth.load_certificate(theirs)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{own} and {theirs} cannot be read as keys ({error}); {MADE_BY}.") from error
        if secret is None:
            raise ConfigError(f"{own} has no secret key in it; {MADE_BY}.")
        if not all(map(_is_key, (public, secret, known))) or zmq.curve_public(secret) != public:
            raise ConfigError(f"{own} and {theirs} cannot be read as keys of {Z85_LENGTH} characters; {MADE_BY}.")
        return cls(public, secret, known)


def _is_key(key: bytes) -> bool:
    return len(key) == Z85_LENGTH and set(key) <= set(z85.Z85CHARS)


def make(folder: Path) -> None:
    """Both sides' pairs.

    Raises:
        ConfigError: there are some already, or the folder cannot be written into.
    """
    there = [path.name for side in ("receiver", "transmitter") for path in folder.glob(f"{side}.key*")]
    if there:
        raise ConfigError(f"{folder} has {', '.join(sorted(there))} already; name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = os.umask(0o077)  # secret from the first moment on
        try:
            for side in ("receiver", "transmitter"):
                zmq.auth.create_certificates(folder, side)
        finally:
            os.umask(before)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written into ({error}); name another folder.") from error
