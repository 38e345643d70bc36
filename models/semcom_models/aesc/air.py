# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoders on air: what a transmitter sends of one, and a receiver that begins without any."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from numpy.typing import NDArray

from semcom_models import zoo
from semcom_models.aesc.codec import AescCodec, AescDecoder
from semcom_models.aesc.message import Library, Model
from semcom_models.aesc.transfer import CHUNK_SYMBOLS, CHUNKS_ID, Collector, as_symbols, from_symbols
from semcom_models.aesc.weights import DecoderWeights
from semcom_models.codec import ImageCodec
from semcom_models.digital.announced import fastest
from semcom_models.errors import CodecError

__all__ = [
    "CHUNKS_ID",
    "CHUNK_SYMBOLS",
    "DecoderReceiver",
    "decoder_symbols",
    "has_decoder",
    "private_key",
    "public_key",
]

MAKES_ONE = (
    "openssl genpkey -algorithm ed25519 -out key.pem makes one, openssl pkey -in key.pem -pubout its public half"
)


def decoder_symbols(
    codec: ImageCodec,
    *,
    serial: int,
    snr_db: float,
    key: Ed25519PrivateKey | None,
    base: ImageCodec | None = None,
) -> NDArray[np.complex64]:
    """The decoder of ``codec`` as complex64 [chunks, CHUNK_SYMBOLS], with the fastest scheme for this Es/N0; with
    ``base`` the difference to its decoder.

    Raises:
        CodecError: it is no codec of AESC-I, its name none for a source, or ``base`` has another kind of decoder.
    """
    weights, other = _weights(codec), base and _weights(base)
    if other and not weights.is_like(other):
        raise CodecError(f"The decoders of {codec.name} and {base.name} are of different kinds: send it whole.")
    return as_symbols(Model(codec.name, serial, weights).pack(key=key, base=other), fastest(snr_db))


def has_decoder(codec: ImageCodec) -> bool:
    """Whether it is of AESC-I, so that its decoder can be sent."""
    return isinstance(codec, AescCodec)


def _weights(codec: ImageCodec) -> DecoderWeights:
    if not has_decoder(codec):
        raise CodecError(f"{codec.name} is no codec of AESC-I: its decoder cannot be sent.")
    return codec.weights


class DecoderReceiver:
    """Begins without a decoder, takes what arrives, and keeps the latest 16.

    Args:
        trusted: public keys of 32 bytes, one of which must have signed a model; None takes all that are intact.
        shipped: take differences to decoders of the zoo, too.
    """

    def __init__(self, *, trusted: Collection[bytes] | None = None, shipped: bool = False) -> None:
        find = zoo.decoder_by_hash if shipped else lambda sha256: None
        self._collector, self._library = Collector(), Library(trusted=trusted, shipped=find)
        self._decoders: dict[int, AescDecoder] = {}

    def take(self, symbols: NDArray[np.complex64], noise_var: NDArray[np.float32]) -> tuple[list[Model], list[str]]:
        """Chunks, complex64 and float32 [chunks, CHUNK_SYMBOLS] -> the models that are new here; and a sentence for
        each that was refused."""
        new, refused = [], []
        for chunk in from_symbols(symbols, noise_var):
            try:
                message = self._collector.add(chunk) if chunk else None
                known = self._library.models()
                if message and (model := self._library.accept(message)) not in known:
                    new.append(model)
            except CodecError as error:
                refused.append(str(error))
        if new:
            every = {each.id: each for each in (AescDecoder(model.weights) for model in new)}
            here = {model.weights.id for model in self._library.models()}
            self._decoders = {key: each for key, each in (self._decoders | every).items() if key in here}
        return new, refused

    def find(self, identity: int) -> AescDecoder | None:
        """The decoder for pictures whose frames carry this id."""
        return self._decoders.get(identity)


def private_key(path: str | Path) -> Ed25519PrivateKey:
    """An Ed25519 key from a PEM file without a password; raises CodecError where there is none."""
    return _key(path, lambda data: load_pem_private_key(data, password=None), Ed25519PrivateKey)


def public_key(path: str | Path) -> bytes:
    """The 32 bytes of an Ed25519 public key in a PEM file; raises CodecError where there is none."""
    return _key(path, load_pem_public_key, Ed25519PublicKey).public_bytes_raw()


def _key(path: str | Path, load: object, kind: type) -> object:
    try:
        key = load(Path(path).read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CodecError(f"{path} cannot be read as a key ({error}); {MAKES_ONE}.") from error
    if not isinstance(key, kind):
        raise CodecError(f"{path} holds another key than {kind.__name__}; {MAKES_ONE}.")
    return key
