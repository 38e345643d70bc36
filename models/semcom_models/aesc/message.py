# SPDX-License-Identifier: GPL-3.0-or-later
"""A decoder as bytes, signed or not, and back: data for a known architecture and nothing else.

magic, public key, signature (zeros without one), and deflated: a line of JSON, the first bytes of all values, the
second bytes of all values if they have two, the scales.  (So ordered, differences above all deflate better.)
"""

import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from semcom_models.aesc.weights import KINDS, DecoderWeights
from semcom_models.errors import CodecError

MAGIC = b"SEMD1"
KEY_BYTES, SIGNATURE_BYTES = 32, 64
UNSIGNED = bytes(KEY_BYTES + SIGNATURE_BYTES)
LARGEST = 4 << 20
"""Bytes of a message, deflated or not: the decoder for CIFAR-10 with the most Z_dims has 1.7 million."""
LONGEST_HEADER = 1024
FindDecoder = Callable[[str], DecoderWeights | None]
"""The decoder with this sha256, if it is here."""
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class RefusedModel(CodecError):
    """A message that is not taken for a decoder, with what is known of it and why."""


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    source: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.+-]+$")]
    serial: Annotated[int, Field(ge=0, lt=2**53)]
    architecture: Annotated[str, Field(max_length=64)]
    z_dims: int
    bits: Literal[8, 16]
    sha256: Sha256
    base: Sha256 | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """A decoder for pictures of one ``source``, such as "mnist"; a later one of the same source has a higher
    ``serial``.

    ``signer`` is the Ed25519 public key, 32 bytes, of whoever signed it.
    """

    source: str
    serial: int
    weights: DecoderWeights
    signer: bytes | None = None

    def __str__(self) -> str:
        return f"{self.source}, serial {self.serial}"

    def pack(self, *, key: Ed25519PrivateKey | None = None, base: DecoderWeights | None = None) -> bytes:
        """The message, signed with ``key``; with ``base`` the difference to what the receiver has.

        Raises:
            CodecError: ``base`` is another kind of decoder, or the source no word of up to 64 letters, digits, dots,
                plus and minus signs, or the serial none from 0 to 2^53 - 1.
        """
        sent = self.weights if base is None else self.weights.minus(base)
        try:
            header = _Header(
                source=self.source,
                serial=self.serial,
                architecture=sent.architecture,
                z_dims=sent.z_dims,
                bits=sent.bits,
                sha256=self.weights.sha256,
                base=None if base is None else base.sha256,
            )
        except ValidationError as error:
            raise CodecError(
                f"A decoder cannot be sent as {self}: its source is a word of up to 64 letters, digits, dots, plus and "
                "minus signs, and its serial a number from 0 on."
            ) from error
        body = header.model_dump_json().encode() + b"\n" + _in_planes(sent.values) + sent.scales.tobytes()
        deflated = zlib.compress(body, 9)
        if key is None:
            return MAGIC + UNSIGNED + deflated
        public = key.public_key().public_bytes_raw()
        return MAGIC + public + key.sign(MAGIC + public + deflated) + deflated


def unpack(message: bytes, *, trusted: Collection[bytes] | None, known: FindDecoder) -> Model:
    """The model in ``message``.

    Args:
        trusted: public keys of 32 bytes, one of which must have signed it; None takes unsigned ones and all signers.
        known: finds the decoder to which it may be the difference, by its sha256.

    Raises:
        RefusedModel: it is too large or damaged, its signature is wrong or of nobody who is trusted, it is of an
            unknown architecture, or the difference to a decoder that is not known.
    """
    if len(message) > LARGEST:
        raise RefusedModel(f"A model of {len(message)} bytes is refused: more than {LARGEST}.")
    signer = _signer(message)
    header, data = _body(message[len(MAGIC) + len(UNSIGNED) :])
    named = f"The model {header.source}, serial {header.serial}, is refused"
    if trusted is not None and signer not in trusted:
        by = f"signed by {signer.hex()}, whom nobody here trusts" if signer else "not signed"
        raise RefusedModel(f"{named}: it is {by}.")
    try:
        weights = _weights(header, data)
        if header.base is not None:
            if (base := known(header.base)) is None:
                raise CodecError(f"It is the difference to the decoder {header.base[:16]}, which is not here.")
            weights = weights.plus(base)
    except CodecError as error:
        raise RefusedModel(f"{named}: {error}") from error
    if weights.sha256 != header.sha256:
        raise RefusedModel(f"{named}: its values are not those that its hash is of.")
    return Model(header.source, header.serial, weights, signer)


def _signer(message: bytes) -> bytes | None:
    """Who signed it; None for nobody."""
    start = len(MAGIC) + len(UNSIGNED)
    if message[: len(MAGIC)] != MAGIC or len(message) < start:
        raise RefusedModel(f"{len(message)} bytes are refused: they are no model.")
    key, signature = message[len(MAGIC) : len(MAGIC) + KEY_BYTES], message[len(MAGIC) + KEY_BYTES : start]
    if key + signature == UNSIGNED:
        return None
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, MAGIC + key + message[start:])
    except (InvalidSignature, ValueError) as error:
        raise RefusedModel(f"A model of {len(message)} bytes is refused: its signature is wrong.") from error
    return key


def _body(deflated: bytes) -> tuple[_Header, bytes]:
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(deflated, LARGEST)
        line, end, data = body[:LONGEST_HEADER].partition(b"\n")
        if not inflater.eof or inflater.unused_data or not end:
            raise ValueError("too long, cut off, or without a header")
        return _Header.model_validate_json(line), data + body[LONGEST_HEADER:]
    except (zlib.error, ValueError, ValidationError) as error:
        raise RefusedModel(f"A model of {len(deflated)} bytes is refused: it is damaged, or no model.") from error


def _weights(header: _Header, data: bytes) -> DecoderWeights:
    kind = KINDS[header.bits]
    count, tensors = DecoderWeights.shape_of(header.architecture, header.z_dims)
    if len(data) != count * kind.itemsize + tensors * 4:
        raise CodecError(f"It has {len(data)} bytes, where {count * kind.itemsize + tensors * 4} belong.")
    values, scales = data[: count * kind.itemsize], data[count * kind.itemsize :]
    planes = np.frombuffer(values, np.uint8).reshape(kind.itemsize, count)
    return DecoderWeights(
        header.architecture, header.z_dims, planes.T.copy().view(kind)[:, 0], np.frombuffer(scales, np.float32)
    )


def _in_planes(values: NDArray[np.int8] | NDArray[np.int16]) -> bytes:
    return values.view(np.uint8).reshape(len(values), -1).T.tobytes()


def _put_last(kept: dict, key: object, value: object, *, most: int) -> None:
    """So that the first of more than ``most`` goes."""
    kept.pop(key, None)
    kept[key] = value
    for old in list(kept)[:-most]:
        del kept[old]


class Library:
    """The decoders that a receiver has; it starts empty.

    Frames carry 16 bits of a decoder: one that comes later cannot have those of one that is here.

    Args:
        trusted: as of :func:`unpack`.
        shipped: finds decoders that need not arrive, and to which those that do may be differences.
    """

    MOST, MOST_SERIALS = 16, 1024

    def __init__(self, *, trusted: Collection[bytes] | None = None, shipped: FindDecoder = lambda sha256: None) -> None:
        self._trusted, self._shipped = trusted, shipped
        self._models: dict[str, Model] = {}  # by sha256, the latest last
        self._serials: dict[tuple[str, bytes | None], int] = {}  # the last of each source and signer

    def accept(self, message: bytes) -> Model:
        """Take a model, if nothing is wrong with it; one that is here already is nothing new.

        The oldest goes where there are more than ``MOST``.

        Raises:
            RefusedModel: as :func:`unpack`, it is not newer than the last of its source and signer, or its id is that
                of another decoder.
        """
        model = unpack(message, trusted=self._trusted, known=self._find)
        key, whose = model.weights.sha256, (model.source, model.signer)
        here, last = self._models.get(key), self._serials.get(whose, -1)
        if here and model.serial == last:
            return here
        if model.serial <= last:
            raise RefusedModel(f"The model {model} is refused: serial {last} is here already.")
        for other in self._models.values() if here is None else ():
            if other.weights.id == model.weights.id:
                raise RefusedModel(f"The model {model} is refused: pictures could not be told from those of {other}.")
        _put_last(self._serials, whose, model.serial, most=self.MOST_SERIALS)
        _put_last(self._models, key, model, most=self.MOST)
        return model

    def models(self) -> list[Model]:
        """Those here, the latest last."""
        return list(self._models.values())

    def _find(self, sha256: str) -> DecoderWeights | None:
        arrived = self._models.get(sha256)
        return arrived.weights if arrived else self._shipped(sha256)
